using System.Text.Json;

namespace Kvorum.Tests.Cli.Administration;

/// <summary>Operators' commands against nodes of their own.</summary>
public class AdminCommandsTests
{
    [Fact]
    public async Task A_lone_node_is_shown_and_its_keyspaces_are_made_and_dropped()
    {
        using var place = ServerPlace.Free(1)[0];
        await using var server = KvorumProcess.Start(["start", "--id", "node-1", .. place.Flags]);
        await server.Says("is ready");
        Assert.Matches("node-1 +│ active +│ up ", await Ok(place, "node", "list"));
        Assert.Contains("told by node-1", await Ok(place, "cluster", "show"), StringComparison.Ordinal);
        Assert.Equal(
            "keyspace 'orders' has 8 partitions of 1 replicas\n",
            await Ok(place, "keyspace", "create", "orders", "--partitions", "8", "--replicas", "1"));
        Assert.Matches("orders +│ strong +│ 8 +│ 1 ", await Ok(place, "keyspace", "list"));
        Assert.Matches(
            "keyspace=orders slot=[0-9]+ partition=[0-7] leader=node-1 address=.* replicas=node-1",
            await Ok(place, "locate", "k", "--keyspace", "orders"));
        var promise = await Ok(place, "explain", "--keyspace", "orders");
        Assert.StartsWith(
            "keyspace=orders mode=strong partitions=8 N=1 majority=1 durable=true", promise,
            StringComparison.Ordinal);
        Assert.Matches("1 +│ refused +│ refused +│ may be lost +│ lost", promise);
        await Ok(place, "put", "k", "v", "--keyspace", "orders");
        Assert.Matches(
            "node-1 +│ up +│ leader +│ value +│ [0-9]+ +│ yes",
            await Ok(place, "explain", "k", "--keyspace", "orders"));
        await ExplainsQuorum(place);
        Assert.Matches("orders +│ 7 +│ node-1 +│ node-1 ", await Ok(place, "partition", "list"));
        Assert.Contains(
            "would be done: keyspace 'orders' is dropped, with its 8 partitions and all their keys",
            await Ok(place, "keyspace", "drop", "orders", "--dry-run"), StringComparison.Ordinal);
        await Ok(place, "keyspace", "drop", "orders", "--yes");
        Assert.DoesNotContain("orders", await Ok(place, "keyspace", "list"), StringComparison.Ordinal);
        await Fails(
            place, 2, "kvorum keyspace drop: no keyspace 'orders'", "keyspace", "drop", "orders", "--yes");
        await Fails(place, 2, "no member 'nobody': the members are node-1", "node", "drain", "nobody");
        await Fails(place, 1, "node-1 is the only active member", "node", "drain", "node-1");
    }

    private static async Task ExplainsQuorum(ServerPlace place)
    {
        await Ok(
            place, "keyspace", "create", "cache", "--partitions", "2", "--replicas", "1", "--mode", "quorum");
        Assert.Matches("cache +│ quorum +│ 2 +│ 1 +│ 1 +│ 1 ", await Ok(place, "keyspace", "list"));
        await Ok(place, "put", "k", "v", "--keyspace", "cache");
        var key = await Ok(place, "explain", "k", "--keyspace", "cache");
        Assert.Contains("1 of 1 replicas answered and have the same", key, StringComparison.Ordinal);
        using var json = JsonDocument.Parse(await Ok(place, "explain", "--keyspace", "cache", "--json"));
        var promise = json.RootElement.GetProperty("promise");
        Assert.Equal(300_000, promise.GetProperty("sync_interval_ms").GetInt64());
        Assert.True(promise.GetProperty("reads_see_writes").GetBoolean());
        await Fails(place, 2, "no keyspace 'nothing'", "explain", "--keyspace", "nothing");
        Assert.Matches("cache +│ 1 +│ none +│ node-1 ", await Ok(place, "partition", "list"));
        Assert.Matches(
            " leader=none address= replicas=node-1", await Ok(place, "locate", "k", "--keyspace", "cache"));
        await TakesTimestamps(place);
        using var status = JsonDocument.Parse(await Ok(place, "status", "--json"));
        Assert.Equal(0, status.RootElement.GetProperty("quorum").GetProperty("hints").GetInt64());
        Assert.Contains("0 hints of", await Ok(place, "status"), StringComparison.Ordinal);
    }

    private static async Task TakesTimestamps(ServerPlace place)
    {
        var now = $"{(ulong)DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() << 16}";
        string[] put = ["put", "timed", "v", "--keyspace", "cache", "--timestamp"];
        await Fails(place, 2, "keyspace 'cache' takes no timestamps of clients", [.. put, now]);
        await Fails(
            place, 2, "give what is to change: --replicas <number>, or --client-timestamps",
            "keyspace", "alter", "cache");
        Assert.Contains(
            "; clients may give a write its time",
            await Ok(place, "keyspace", "alter", "cache", "--client-timestamps"),
            StringComparison.Ordinal);
        Assert.Matches("cache +│ quorum, client timestamps ", await Ok(place, "keyspace", "list"));
        await Ok(place, [.. put, now]);
        var got = await Ok(place, "get", "timed", "--keyspace", "cache", "--json");
        Assert.Contains(now, got, StringComparison.Ordinal);
        await Fails(place, 2, "may be forgotten by now", [.. put, "1"]);
        await Ok(place, "del", "timed", "--keyspace", "cache", "--timestamp", $"{ulong.Parse(now) + 1}");
        var gone = await KvorumProcess.Run(
            ["get", "timed", "--keyspace", "cache", "--addr", place.Addr]);
        Assert.Contains("not found", gone.Output + gone.Errors, StringComparison.Ordinal);
        await Ok(place, "keyspace", "alter", "cache", "--client-timestamps", "false");
        Assert.Matches("cache +│ quorum +│ 2 ", await Ok(place, "keyspace", "list"));
    }

    [Fact]
    public async Task Limits_are_shown_and_changed()
    {
        using var place = ServerPlace.Free(1)[0];
        await using var server = KvorumProcess.Start(["start", "--id", "node-1", .. place.Flags]);
        await server.Says("is ready");
        Assert.StartsWith(
            "paused=false max_moves=5 batch_size=100", await Ok(place, "cluster", "limits"),
            StringComparison.Ordinal);
        Assert.Equal(
            "moves_max is 3, grace_ms is 90000\n",
            await Ok(place, "cluster", "limits", "--max-moves", "3", "--grace", "90s"));
        await Ok(place, "cluster", "pause");
        Assert.StartsWith(
            "paused=true max_moves=3", await Ok(place, "cluster", "limits"), StringComparison.Ordinal);
        await Ok(place, "cluster", "resume");
        await Fails(place, 2, "moves_max is 0: give 1 to 10000", "cluster", "limits", "--max-moves", "0");
        using var json = JsonDocument.Parse(await Ok(place, "cluster", "show", "--json"));
        Assert.Equal("ok", json.RootElement.GetProperty("status").GetString());
        var limits = json.RootElement.GetProperty("cluster").GetProperty("limits");
        Assert.Equal(3, limits.GetProperty("moves_max").GetInt32());
    }

    [Fact]
    public async Task Events_are_told_when_they_happen_and_from_a_position_on()
    {
        using var place = ServerPlace.Free(1)[0];
        await using var server = KvorumProcess.Start(["start", "--id", "node-1", .. place.Flags]);
        await server.Says("is ready");
        await using var lines = KvorumProcess.Start("watch", "events", "--addr", place.Addr);
        await lines.Says("node-1 has joined: a founder");
        await lines.Says("keyspace 'default': made");
        await Ok(place, "keyspace", "create", "orders", "--partitions", "8", "--replicas", "1");
        await lines.Says("keyspace 'orders': made");
        var last = lines.Output.TrimEnd('\n').Split('\n')[^1];
        var position = ulong.Parse(last.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
        await using var json = KvorumProcess.Start(
            "watch", "events", "--json", "--after", $"{position - 1}", "--addr", place.Addr);
        await json.Says($$"""{"position":{{position}},""");
        await Ok(place, "keyspace", "drop", "orders", "--yes");
        await json.Says("\"kind\":\"keyspace_changed\"");
        await lines.Says($"{position + 1} ");
        await lines.Says("keyspace 'orders': dropped");
        await Eventually.Holds(() => json.Output.TrimEnd('\n').Split('\n').Length == 2);
        Assert.All(
            json.Output.TrimEnd('\n').Split('\n'),
            line => Assert.Equal(
                "orders", JsonDocument.Parse(line).RootElement.GetProperty("keyspace").GetString()));
    }

    [Fact]
    public async Task A_member_is_emptied_and_removed_while_the_command_waits()
    {
        var places = ServerPlace.Free(4);
        var peers = string.Join(',', places.Select(static (place, n) => $"node-{n + 1}@{place.PeerAddr}"));
        List<KvorumProcess> servers = [];
        try
        {
            servers.AddRange(places.Select((place, n) => KvorumProcess.Start(
                ["start", "--id", $"node-{n + 1}", "--peers", peers, "--partitions", "8", .. place.Flags])));
            foreach (var server in servers)
                await server.Says("is ready");
            var output = await Ok(places[0], "node", "decommission", "node-4", "--wait");
            Assert.StartsWith(
                "node-4 leaves: it is emptied, and then removed\n", output, StringComparison.Ordinal);
            Assert.EndsWith("node-4 is no member any more\n", output, StringComparison.Ordinal);
            Assert.DoesNotContain("node-4", await Ok(places[1], "node", "list"), StringComparison.Ordinal);
            await Fails(
                places[2], 1, "too few nodes: keyspace 'default' keeps 3 replicas, 2 nodes remain",
                "node", "decommission", "node-3");
        }
        finally
        {
            foreach (var server in servers)
                await server.DisposeAsync();
            foreach (var place in places)
                place.Dispose();
        }
    }

    [Theory]
    [InlineData("keyspace drop orders",
        "kvorum keyspace drop: all keys of the keyspace are deleted for ever: give --yes")]
    [InlineData("keyspace alter orders",
        "kvorum keyspace alter: give what is to change: --replicas <number>")]
    [InlineData("node drain n --dry-run --wait",
        "--dry-run changes nothing, so there is nothing to --wait for")]
    [InlineData("node drain", "kvorum node drain: Required argument 'name' missing")]
    [InlineData("node frobnicate", "kvorum node: there is no command 'frobnicate'")]
    [InlineData("partition transfer orders x", "x")]
    [InlineData("cluster limits --grace soon", "--grace 'soon': give a time such as")]
    [InlineData("cluster limits --max-moves many", "--max-moves 'many': give a whole number")]
    [InlineData("partition locate", "give one key")]
    [InlineData("watch events --new --after 3", "--new and --after exclude each other: give one of them")]
    [InlineData("watch events --after soon", "--after 'soon': give a whole number")]
    public async Task What_is_asked_wrongly_is_told(string args, string words)
    {
        var (code, _, errors) = await InProcess.Run(args.Split(' '));
        Assert.Contains(words, errors, StringComparison.Ordinal);
        Assert.Equal(2, code);
    }

    private static async Task<string> Ok(ServerPlace place, params string[] args)
    {
        var (code, output, errors) = await KvorumProcess.Run([.. args, "--addr", place.Addr]);
        Assert.Equal((0, ""), (code, errors));
        return output;
    }

    private static async Task Fails(ServerPlace place, int expected, string words, params string[] args)
    {
        var (code, _, errors) = await KvorumProcess.Run([.. args, "--addr", place.Addr]);
        Assert.Contains(words, errors, StringComparison.Ordinal);
        Assert.Equal(expected, code);
    }
}
