using System.Globalization;

namespace Kvorum.Tests.Cli.Offline;

/// <summary>
/// Three real nodes, of which two are killed and wiped: the third goes on, and two new ones join.
/// </summary>
public sealed class RecoverCommandTests
{
    private const int Keys = 12;

    [Fact(Timeout = 300_000)]
    public async Task The_last_of_three_goes_on_with_its_keys_and_has_three_replicas_again()
    {
        var places = ServerPlace.Free(5);
        var work = Directory.CreateTempSubdirectory("kvorum-recover-").FullName;
        var (description, plan) = (Path.Combine(work, "node-1.json"), Path.Combine(work, "plan.json"));
        try
        {
            await FillAndKill(places);
            places[1].Empty();
            places[2].Empty();

            await using (var alone = KvorumProcess.Start(Flags(places, 0)))
            {
                await TellsOfTheLoss(places[0]);
                await Prints(2, "Stop the node first", Describe(places[0], description));
                await Prints(2, "Stop the node first", Plan("--data", places[0].Folder, plan));
                alone.Terminate();
                await alone.Exit();
            }

            await Prints(0, "described node-1", Describe(places[0], description));
            await Prints(2, "is there already", Describe(places[0], description));
            await Prints(2, "no such folder", Plan("--data", Path.Combine(work, "none"), plan));
            await Prints(1, "no description", Plan("--description", "/dev/null", plan));
            var said = await Prints(0, "given up: node-2, node-3", Plan("--description", description, plan));
            Assert.Contains("1 of 3 members survive", said, StringComparison.Ordinal);
            Assert.Contains("1 of 3 voters left; goes on from node-1, ", said, StringComparison.Ordinal);
            Assert.Contains(
                "MAY LACK writes that were acknowledged after 20", said, StringComparison.Ordinal);
            Assert.Contains("--confirm node-2,node-3", said, StringComparison.Ordinal);

            await Prints(2, "--confirm node-2 is not node-2,node-3", Apply(places[0], plan, "node-2"));
            await Prints(
                0, "applied: this folder belongs to cluster", Apply(places[0], plan, "node-3,node-2"));
            await Prints(0, "was applied before", Apply(places[0], plan, "node-2,node-3"));
            await Prints(0, "healthy", "doctor", "--data", places[0].Folder);

            await GoOn(places);
        }
        finally
        {
            foreach (var place in places)
                place.Dispose();
            Directory.Delete(work, recursive: true);
        }
    }

    // Neither a status nor a refusal leaves the operator in doubt.
    private static async Task TellsOfTheLoss(ServerPlace place)
    {
        await Eventually.Holds(
            () => KvorumProcess.Run("status", "--addr", place.Addr).GetAwaiter().GetResult().Output
                .ReplaceLineEndings(" ").Contains("group has no majority", StringComparison.Ordinal),
            30, "the status tells of it");
        await Prints(
            1, "kvorum recover", "node", "drain", "node-2", "--addr", place.Addr, "--timeout", "2s");
        await Prints(0, "kvorum recover", "cluster", "show", "--addr", place.Addr);
    }

    private static async Task FillAndKill(ServerPlace[] places)
    {
        await using var first = KvorumProcess.Start(Flags(places, 0));
        await using var second = KvorumProcess.Start(Flags(places, 1));
        await using var third = KvorumProcess.Start(Flags(places, 2));
        foreach (var node in new[] { first, second, third })
            await node.Says("is ready");
        for (var n = 0; n < Keys; n++)
            await Prints(0, "ok=true", "put", Key(n), $"value-{n}", "--addr", places[0].Addr);
        second.Kill();
        third.Kill();
        await second.Exit();
        await third.Exit();
        first.Terminate();
        await first.Exit();
    }

    private static async Task GoOn(ServerPlace[] places)
    {
        await using var first = KvorumProcess.Start(Flags(places, 0));
        await first.Says("is ready");
        for (var n = 0; n < Keys; n++)
            await Prints(0, $"value-{n}", "get", Key(n), "--addr", places[0].Addr);
        await Prints(0, "ok=true", "put", "after", "recovery", "--addr", places[0].Addr);

        await using var second = KvorumProcess.Start(Joins(places, 3, "node-2"));
        await using var third = KvorumProcess.Start(Joins(places, 4, "node-3"));
        await second.Says("is ready", 60);
        await third.Says("is ready", 60);
        await Eventually.Holds(
            () => KvorumProcess.Run("status", "--addr", places[0].Addr).GetAwaiter().GetResult().Output
                .Contains("3 of 3 members up, tolerates 1 failure(s)", StringComparison.Ordinal),
            120, "each partition has three voters again");
        first.Kill();
        await first.Exit();
        for (var n = 0; n < Keys; n++)
            await Prints(0, $"value-{n}", "get", Key(n), "--addr", places[3].Addr, "--timeout", "20s");
        await Prints(0, "recovery", "get", "after", "--addr", places[4].Addr, "--timeout", "20s");
    }

    private static string Key(int n) => string.Create(CultureInfo.InvariantCulture, $"key-{n}");

    private static string[] Flags(ServerPlace[] places, int node) =>
    [
        "start", "--id", Name(node), .. places[node].Flags, "--partitions", "8",
        "--peers", string.Join(',', places[..3].Select((place, n) => $"{Name(n)}@{place.PeerAddr}")),
    ];

    private static string[] Joins(ServerPlace[] places, int place, string name) =>
        ["start", "--id", name, .. places[place].Flags, "--join", places[0].PeerAddr];

    private static string Name(int node) => string.Create(CultureInfo.InvariantCulture, $"node-{node + 1}");

    private static string[] Describe(ServerPlace place, string file) =>
        ["recover", "describe", "--data", place.Folder, "--out", file];

    private static string[] Plan(string flag, string from, string file) =>
        ["recover", "plan", flag, from, "--out", file];

    private static string[] Apply(ServerPlace place, string plan, string confirm) =>
        ["recover", "apply", "--data", place.Folder, "--plan", plan, "--confirm", confirm];

    private static async Task<string> Prints(int code, string text, params string[] args)
    {
        var (actual, output, errors) = await KvorumProcess.Run(60, args);
        // Lines are folded at the width of a terminal.
        var said = (output + errors).ReplaceLineEndings(" ").Replace("  ", " ", StringComparison.Ordinal);
        Assert.Contains(text, said, StringComparison.Ordinal);
        Assert.Equal(code, actual);
        return output;
    }
}
