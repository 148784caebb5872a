namespace Kvorum.Tests.Cli;

public class ThreeNodesTests
{
    /// <summary>The recipes, in both spellings; nodes are started in the order given.</summary>
    [Theory]
    [InlineData("plain", 0, 1, 2)]
    [InlineData("plain", 2, 0, 1)]
    [InlineData("go", 1, 2, 0)]
    public async Task Three_nodes_form_a_cluster(string spelling, params int[] order)
    {
        var places = ServerPlace.Free(3);
        var servers = new KvorumProcess[3];
        try
        {
            foreach (var n in order)
                servers[n] =
                    KvorumProcess.Start(spelling == "go" ? GoSpelling(places, n) : PlainSpelling(places, n));
            foreach (var server in servers)
                await server.Says("is ready");
            await SingleNodeTests.Prints(
                0, "ok=true leader=\"\"", "-addr", places[0].Addr, "put", "key1", "value1");
            foreach (var place in places)
                await SingleNodeTests.Prints(0, "value=\"value1\"", "-addr", place.Addr, "get", "key1");
            await OneLeads(places);
            await FollowersNameTheLeader(places);
            foreach (var server in servers)
                server.Terminate();
            foreach (var server in servers)
                Assert.Equal(0, await server.Exit());
        }
        finally
        {
            foreach (var server in servers)
                await server.DisposeAsync();
            foreach (var place in places)
                place.Dispose();
        }
    }

    [Fact]
    public async Task No_acked_write_is_lost_when_all_are_killed_at_once()
    {
        var places = ServerPlace.Free(3);
        List<KvorumProcess> servers =
            [.. Enumerable.Range(0, 3).Select(n => KvorumProcess.Start(PlainSpelling(places, n)))];
        try
        {
            foreach (var server in servers)
                await server.Says("is ready");
            for (var n = 0; n < 9; n++)
                await SingleNodeTests.Prints(
                    0, "ok=true leader=\"\"", "put", $"key-{n}", $"{n}", "--addr", places[n % 3].Addr);
            foreach (var server in servers)
                server.Kill();
            foreach (var server in servers)
                await server.DisposeAsync();
            servers = [.. Enumerable.Range(0, 3).Select(n => KvorumProcess.Start(PlainSpelling(places, n)))];
            foreach (var server in servers)
                await server.Says("is ready");
            for (var n = 0; n < 9; n++)
                await SingleNodeTests.Prints(
                    0, $"value=\"{n}\"", "get", $"key-{n}", "--addr", places[(n + 1) % 3].Addr);
        }
        finally
        {
            foreach (var server in servers)
                await server.DisposeAsync();
            foreach (var place in places)
                place.Dispose();
        }
    }

    // What a bad sector does is seen by the tests of the node; a file of the real disk can be cut short.
    [Fact]
    public async Task A_table_that_was_cut_short_is_rebuilt_while_its_node_serves()
    {
        var places = ServerPlace.Free(3);
        var servers = new KvorumProcess[3];
        try
        {
            for (var n = 0; n < 3; n++)
                servers[n] = KvorumProcess.Start(
                    [.. PlainSpelling(places, n), "--checkpoint-bytes", "65536"]);
            foreach (var server in servers)
                await server.Says("is ready");
            for (var n = 0; n < 4; n++)
            {
                await SingleNodeTests.Prints(
                    0, "ok=true leader=\"\"", "put", "key-7", $"{n}:{new string('x', 60_000)}", "--addr",
                    places[0].Addr);
            }

            var trees = Path.Combine(places[1].Folder, "trees");
            string[] Tables() => Directory.GetFiles(trees, "*.table", SearchOption.AllDirectories);
            await Eventually.Holds(() => Tables().Length > 0);
            servers[1].Terminate();
            Assert.Equal(0, await servers[1].Exit());
            await servers[1].DisposeAsync();
            var cut = Tables();
            foreach (var table in cut)
            {
                using var file = new FileStream(table, FileMode.Open);
                file.SetLength(100);
            }

            servers[1] = KvorumProcess.Start([.. PlainSpelling(places, 1), "--checkpoint-bytes", "65536"]);
            await servers[1].Says("its data on this node is damaged and not served");
            await servers[1].Says("rebuilt from another replica to");
            Assert.Contains(cut, table => servers[1].Output.Contains(
                $"{Path.GetFileName(table)} is damaged at byte ", StringComparison.Ordinal));
            await SingleNodeTests.Prints(
                0, $"value=\"3:{new string('x', 60_000)}\"", "get", "key-7", "--addr", places[1].Addr);
            await Eventually.Holds(() => !cut.Any(File.Exists));
        }
        finally
        {
            foreach (var server in servers)
                await server.DisposeAsync();
            foreach (var place in places)
                place.Dispose();
        }
    }

    [Fact]
    public async Task A_node_alone_says_what_it_lacks()
    {
        var places = ServerPlace.Free(3);
        await using var server = KvorumProcess.Start(PlainSpelling(places, 0));
        await server.Says("is not ready yet");
        var (code, output, _) = await KvorumProcess.Run("status", "--addr", places[0].Addr);
        Assert.Equal(1, code);
        Assert.Contains("waiting for first contact with node-", output, StringComparison.Ordinal);
        Assert.Contains("down", output, StringComparison.Ordinal);
        server.Terminate();
        Assert.Equal(0, await server.Exit());
        foreach (var place in places)
            place.Dispose();
    }

    [Fact]
    public async Task A_node_that_lost_its_data_folder_is_refused_and_the_others_serve_on()
    {
        var places = ServerPlace.Free(3);
        var servers =
            Enumerable.Range(0, 3).Select(n => KvorumProcess.Start(PlainSpelling(places, n))).ToArray();
        try
        {
            foreach (var server in servers)
                await server.Says("is ready");
            await SingleNodeTests.Prints(
                0, "ok=true leader=\"\"", "put", "k", "before", "--addr", places[0].Addr);
            servers[2].Kill();
            await servers[2].DisposeAsync();
            await Settled(async () =>
            {
                var (_, told, _) = await KvorumProcess.Run("status", "--addr", places[0].Addr);
                return told.Contains("2 of 3 members up, tolerates 0 failure(s) now, 1 when all are up",
                    StringComparison.Ordinal);
            });
            var kept = places[2].Folder + "-kept";
            Directory.Move(places[2].Folder, kept);
            servers[2] = KvorumProcess.Start(PlainSpelling(places, 2));
            await servers[2].Says("refuses this node");
            await servers[0].Says("node-3 is refused: node-1 knows node-3 by the data folder");

            var (code, output, _) = await KvorumProcess.Run("status", "--addr", places[2].Addr);
            Assert.Equal(1, code);
            Assert.Contains("not ready: ", output, StringComparison.Ordinal);
            Assert.Contains("former data folder", output, StringComparison.Ordinal);
            (code, output, _) = await KvorumProcess.Run("status", "--addr", places[0].Addr);
            Assert.Equal(0, code);
            Assert.Contains("alert: node-1 knows node-3", output, StringComparison.Ordinal);
            await SingleNodeTests.Prints(
                0, "ok=true leader=\"\"", "put", "k", "after", "--addr", places[1].Addr);

            // The client learns of the others from the refused node, and goes there.
            await SingleNodeTests.Prints(0, "value=\"after\"", "get", "k", "--addr", places[2].Addr);

            servers[2].Kill();
            await servers[2].DisposeAsync();
            Directory.Delete(places[2].Folder, recursive: true);
            Directory.Move(kept, places[2].Folder);
            servers[2] = KvorumProcess.Start(PlainSpelling(places, 2));
            await servers[2].Says("is ready");
            await SingleNodeTests.Prints(0, "value=\"after\"", "get", "k", "--addr", places[2].Addr);
        }
        finally
        {
            foreach (var server in servers)
                await server.DisposeAsync();
            foreach (var place in places)
                place.Dispose();
        }
    }

    [Fact]
    public async Task The_demo_passes_and_leaves_nothing_behind()
    {
        var before = Directory.GetDirectories(Path.GetTempPath(), "kvorum-demo-*");
        var (code, output, errors) = await KvorumProcess.Run("demo", "raft");
        Assert.True(code == 0, output + errors);
        Assert.Equal(9, output.Split('\n').Count(line => line.Contains("PASS", StringComparison.Ordinal)
            && line.Contains(" s: ", StringComparison.Ordinal)));
        Assert.DoesNotContain("FAIL", output, StringComparison.Ordinal);
        Assert.Empty(Directory.GetDirectories(Path.GetTempPath(), "kvorum-demo-*").Except(before));
    }

    /// <summary>
    /// In one term exactly one node leads the metadata group. Leadership is spread over the nodes after a
    /// start, so the question is asked again while the answers are of different terms.
    /// </summary>
    private static Task OneLeads(ServerPlace[] places) => Settled(async () =>
    {
        List<string> lines = [];
        foreach (var place in places)
        {
            var (code, output, errors) = await KvorumProcess.Run("health", "--addr", place.Addr);
            Assert.Equal((0, ""), (code, errors));
            lines.Add(output);
        }

        string[] terms =
            [.. lines.Select(line => line[line.IndexOf("term=", StringComparison.Ordinal)..]).Distinct()];
        var leaders = lines.Count(line => line.Contains("is_leader=true", StringComparison.Ordinal));
        Assert.All(
            lines, (line, n) => Assert.StartsWith($"node_id=node-{n + 1} ", line, StringComparison.Ordinal));
        Assert.False(terms.Length == 1 && leaders > 1, string.Concat(lines));
        return terms.Length == 1 && leaders == 1;
    });

    /// <summary>
    /// One node leads the key's partition; the two others name its client address, which can be dialled.
    /// </summary>
    private static Task FollowersNameTheLeader(ServerPlace[] places) => Settled(async () =>
    {
        List<string> hints = [], leaders = [];
        foreach (var place in places)
        {
            var (code, output, _) = await KvorumProcess.Run(
                "put", "key1", "value2", "--no-redirect", "--addr", place.Addr);
            if (code == 0)
                leaders.Add($"ok=false leader=\"{place.Addr}\"\n");
            else
                hints.Add(output);
        }

        Assert.All(hints, hint => Assert.StartsWith("ok=false leader=\"", hint, StringComparison.Ordinal));
        return leaders.Count == 1 && hints.Count == 2 && hints.All(hint => hint == leaders[0]);
    });

    private static async Task Settled(Func<Task<bool>> holds)
    {
        for (var round = 0; round < 10; round++)
        {
            if (await holds())
                return;
        }

        Assert.Fail("the cluster does not come to rest");
    }

    private static string[] PlainSpelling(ServerPlace[] places, int n)
    {
        var peers = string.Join(',', places.Select((place, at) => $"node-{at + 1}@{place.PeerAddr}"));
        return ["start", "--id", $"node-{n + 1}", "--peers", peers, .. places[n].Flags];
    }

    private static string[] GoSpelling(ServerPlace[] places, int n)
    {
        var others = string.Join(',', places.Where((_, at) => at != n).Select(place => place.PeerAddr));
        var wal = Path.Combine(places[n].Folder, "wal.log");
        return
        [
            "start", "-node", $"node-{n + 1}", "-addr", places[n].Addr, "-raft_addr", places[n].PeerAddr,
            "-wal", wal,
            "-peers", others, "--http-addr", places[n].HttpAddr,
        ];
    }
}
