using System.Globalization;
using Kvorum.Client;
using Kvorum.Tests.Server;

namespace Kvorum.Tests.Cli;

/// <summary>Scans of real processes: three nodes, the program, and a reader that goes away.</summary>
public class ScanTests
{
    [Fact]
    public async Task A_scan_of_three_nodes_is_in_order_from_any_of_them()
    {
        var places = ServerPlace.Free(3);
        var peers = string.Join(',', places.Select((place, i) => $"node-{i + 1}@{place.PeerAddr}"));
        var nodes = places.Select((place, i) => KvorumProcess.Start(
            ["start", "--id", $"node-{i + 1}", "--peers", peers, .. place.Flags])).ToArray();
        try
        {
            foreach (var node in nodes)
                await node.Says("is ready");
            await using (var client = KvorumClient.Connect(new()
            {
                Addresses = [.. places.Select(place => place.Addr)],
                Timeout = TimeSpan.FromSeconds(10),
            }))
            {
                await Task.WhenAll(Enumerable.Range(0, 3000).Select(i =>
                    client.PutAsync(Key(i), new string('v', 200)).AsTask()));
            }

            foreach (var place in places)
            {
                var (code, output, errors) = await KvorumProcess.Run(
                    "scan", "--prefix", "key", "--keys-only", "--addr", place.Addr);
                Assert.Equal((0, ""), (code, errors));
                Assert.Equal(
                    string.Concat(Enumerable.Range(0, 3000).Select(i => $"key=\"{Key(i)}\"\n")), output);
            }

            await SingleNodeTests.Prints(
                0, $"key=\"{Key(2999)}\"\nkey=\"{Key(2998)}\"",
                "scan", "--reverse", "--keys-only", "--limit", "2", "--addr", places[0].Addr);
            await SingleNodeTests.Prints(
                0, $"{{\"key\":\"{Key(7)}\",\"version\":{await VersionOf(places[1], Key(7))}}}",
                "scan", "--json", "--keys-only", "--from", Key(7), "--end", Key(8), "--addr", places[1].Addr);
            // 800 KB, and a reader that takes one line: the scan ends well, and no complaint is printed.
            var said = await ChildProcess.RunAsync(
                "bash",
                ["-c",
                    $"'{KvorumProcess.Program}' scan --prefix key --addr {places[2].Addr} | head -1; "
                    + $"echo ${{PIPESTATUS[0]}}"],
                ".", "install bash", TimeSpan.FromSeconds(30));
            Assert.Equal($"key=\"{Key(0)}\" value=\"{new string('v', 200)}\"\n0\n", said);
        }
        finally
        {
            foreach (var node in nodes)
                await node.DisposeAsync();
            foreach (var place in places)
                place.Dispose();
        }
    }

    private static string Key(int i) => string.Create(CultureInfo.InvariantCulture, $"key{i:0000}");

    private static async Task<ulong> VersionOf(ServerPlace place, string key)
    {
        await using var client = KvorumClient.Connect(new() { Addresses = [place.Addr] });
        return (await client.GetAsync(key)).Version;
    }
}
