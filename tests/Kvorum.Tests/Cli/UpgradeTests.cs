using Kvorum.Cli.Demo;

namespace Kvorum.Tests.Cli;

/// <summary>
/// Nodes of the last version beside today's: the promise of docs/upgrading.md, with real processes.
/// </summary>
public sealed class UpgradeTests(LastVersion last) : IClassFixture<LastVersion>
{
    [Fact(Timeout = 400_000)]
    public async Task A_cluster_of_the_last_version_is_upgraded_node_by_node_under_load()
    {
        var places = ServerPlace.Free(3);
        var servers = new KvorumProcess[3];
        try
        {
            for (var n = 0; n < 3; n++)
                servers[n] = KvorumProcess.StartProgram(last.Program, Arguments(places, n));
            foreach (var server in servers)
                await server.Says("is ready", 60);
            await using var client = new DemoClient([.. places.Select(static place => place.Addr)]);
            client.Start();
            await MoreCalls(client);
            for (var n = 0; n < 3; n++)
            {
                await Stop(servers[n]);
                servers[n] = KvorumProcess.Start(Arguments(places, n));
                await servers[n].Says("is ready", 60);
                await MoreCalls(client);
                await AnswersWhereAReceiptIsWanted(places[n]);
                if (n < 2)
                    await HasNoQuorumKeyspace(places[n]);
            }

            foreach (var place in places)
                await HasVersion(place, "format version 2");
            await MoreCalls(client);
            await client.Stop();
            Assert.Empty(client.Problems);
            await AllIsThere(client, places);
            await HasQuorumKeyspace(places[1]);
            await CannotGoBack(places, servers);
        }
        finally
        {
            foreach (var server in servers)
            {
                if (server is not null)
                    await server.DisposeAsync();
            }

            foreach (var place in places)
                place.Dispose();
        }
    }

    private static string[] Arguments(ServerPlace[] places, int n)
    {
        var peers = string.Join(',', places.Select((place, at) => $"node-{at + 1}@{place.PeerAddr}"));
        return ["start", "--id", $"node-{n + 1}", "--peers", peers, .. places[n].Flags];
    }

    private static async Task Stop(KvorumProcess server)
    {
        server.Terminate();
        Assert.Equal(0, await server.Exit(60));
        await server.DisposeAsync();
    }

    private static Task MoreCalls(DemoClient client)
    {
        var before = client.Operations;
        return Eventually.Holds(
            () => client.Operations > before + 300, 60,
            "the client goes on: " + string.Join('\n', client.Problems));
    }

    // Some of the keys are led by nodes that know no receipts.
    private static async Task AnswersWhereAReceiptIsWanted(ServerPlace place)
    {
        using var http = new HttpClient();
        for (var n = 0; n < 20; n++)
        {
            var key = new Uri($"http://127.0.0.1:{place.Http}/v1/kv/receipt-{n}?receipt=true");
            using var body = new ByteArrayContent([1]);
            using var put = await http.PutAsync(key, body, TestContext.Current.CancellationToken);
            Assert.True(put.IsSuccessStatusCode, $"{put.StatusCode}");
            using var got = await http.GetAsync(key, TestContext.Current.CancellationToken);
            Assert.True(got.IsSuccessStatusCode, $"{got.StatusCode}");
        }
    }

    private static async Task HasVersion(ServerPlace place, string words)
    {
        var told = "";
        for (var tries = 0; tries < 100 && !told.Contains(words, StringComparison.Ordinal); tries++)
            (_, told, _) = await KvorumProcess.Run("status", "--addr", place.Addr);
        Assert.Contains(words, told, StringComparison.Ordinal);
    }

    private static async Task HasNoQuorumKeyspace(ServerPlace place)
    {
        var (code, output, errors) = await KvorumProcess.Run(
            "keyspace", "create", "cache", "--mode", "quorum", "--addr", place.Addr);
        Assert.NotEqual(0, code);
        Assert.Contains(
            "needs format version 2, and the cluster has 1", output + errors, StringComparison.Ordinal);
    }

    private static async Task HasQuorumKeyspace(ServerPlace place)
    {
        var (code, output, errors) = await KvorumProcess.Run(
            "keyspace", "create", "cache", "--mode", "quorum", "--partitions", "4", "--addr", place.Addr);
        Assert.True(code == 0, output + errors);
        (code, output, errors) = await KvorumProcess.Run(
            "put", "k", "v", "--keyspace", "cache", "--timeout", "20s", "--addr", place.Addr);
        Assert.True(code == 0, output + errors);
    }

    private static async Task AllIsThere(DemoClient client, ServerPlace[] places)
    {
        Assert.NotEmpty(client.Acknowledged);
        foreach (var place in places)
        {
            await using var reader = Kvorum.Client.KvorumClient.Connect(new()
            {
                Addresses = [place.Addr],
                Timeout = TimeSpan.FromSeconds(10),
            });
            foreach (var (key, (value, version)) in client.Acknowledged)
            {
                var found = await reader.GetAsync(
                    key, cancellationToken: TestContext.Current.CancellationToken);
                Assert.Equal((value, version), (found.Text, found.Version));
            }
        }
    }

    // The old program says so itself, before it touches anything.
    private async Task CannotGoBack(ServerPlace[] places, KvorumProcess[] servers)
    {
        await Eventually.Holds(
            () => File.ReadAllText(Path.Combine(places[2].Folder, "identity.json"))
                .Contains("\"version\": 7", StringComparison.Ordinal));
        await Stop(servers[2]);
        servers[2] = KvorumProcess.StartProgram(last.Program, Arguments(places, 2));
        Assert.NotEqual(0, await servers[2].Exit(60));
        Assert.Contains(
            "identity.json has format 7, this program knows 6: start the version that wrote it",
            servers[2].Output + servers[2].Errors, StringComparison.Ordinal);
    }
}
