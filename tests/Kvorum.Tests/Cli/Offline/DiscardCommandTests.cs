using System.Security.Cryptography;

namespace Kvorum.Tests.Cli.Offline;

public class DiscardCommandTests
{
    [Fact]
    public async Task A_replica_is_discarded_only_where_it_is_named_twice()
    {
        using var place = ServerPlace.Free(1)[0];
        await using (var server = KvorumProcess.Start(["start", "--id", "node-1", .. place.Flags]))
        {
            await server.Says("is ready");
            await Prints(0, "ok=true", "put", "hello", "world", "--addr", place.Addr);
            await Prints(2, "Stop the node first", Discard(place, "3"));
            server.Terminate();
            await server.Exit();
        }

        var before = Content(place.Folder);
        await Prints(2, "--confirm 4 is not --partition 3", [.. Discard(place, "3")[..^1], "4"]);
        await Prints(2, "give a partition's number, metadata or all", Discard(place, "x"));
        await Prints(1, "there is no partition 64", Discard(place, "64"));
        await Prints(1, "the node to keep is this one", [.. Discard(place, "3"), "--keep", "node-1"]);
        await Prints(1, "the node to keep is no other member", [.. Discard(place, "3"), "--keep", "node-9"]);
        Assert.Equal(before, Content(place.Folder));

        await Prints(0, "replica of partition 3; it was not quarantined", Discard(place, "3"));
        await Prints(0, "partition 3 was discarded", "doctor", "--data", place.Folder);
        await Prints(0, "it was discarded before", Discard(place, "3"));
        await using var again = KvorumProcess.Start(["start", "--id", "node-1", .. place.Flags]);
        await Eventually.Holds(
            () => KvorumProcess.Run("status", "--addr", place.Addr).GetAwaiter().GetResult().Output
                .Contains("default/3: this node's replica was discarded", StringComparison.Ordinal),
            30, "the status tells of it");
    }

    [Fact]
    public async Task All_replicas_of_a_node_are_discarded_at_once()
    {
        using var place = ServerPlace.Free(1)[0];
        await using (var server = KvorumProcess.Start(["start", "--id", "node-1", .. place.Flags]))
        {
            await server.Says("is ready");
            server.Terminate();
            await server.Exit();
        }

        await Prints(2, "--confirm 3 is not --partition all", [.. Discard(place, "all")[..^1], "3"]);
        var (code, output, _) = await KvorumProcess.Run(Discard(place, "all"));
        Assert.Equal(0, code);
        Assert.Equal(65, output.Split("it was not quarantined").Length - 1);
        Assert.Contains("replica of the metadata group", output, StringComparison.Ordinal);
        Assert.Contains("replica of partition 63", output, StringComparison.Ordinal);
        await Prints(0, "partition 63 was discarded", "doctor", "--data", place.Folder);
    }

    private static string[] Discard(ServerPlace place, string partition) =>
        ["discard", "--data", place.Folder, "--partition", partition, "--confirm", partition];

    private static async Task Prints(int code, string text, params string[] args)
    {
        var (actual, output, errors) = await KvorumProcess.Run(args);
        Assert.Contains(text, output + errors, StringComparison.Ordinal);
        Assert.Equal(code, actual);
    }

    private static List<string> Content(string folder) =>
    [
        .. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(path => path + Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)))),
    ];
}
