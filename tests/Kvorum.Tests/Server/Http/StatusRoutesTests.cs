using System.Net;
using System.Text.Json;
using Kvorum.Server.Http;

namespace Kvorum.Tests.Server.Http;

public class StatusRoutesTests(HttpFixture fixture) : HttpTest(fixture)
{
    [Fact]
    public async Task Stats_count_what_is_here()
    {
        var stats = (await SendAsync("GET", "/kv/stats")).Json;
        Assert.Equal("node-1", stats.GetProperty("node_id").GetString());
        Assert.Equal(42, Number(stats, "local_keys"));
        Assert.Equal((3, 3), (Number(stats, "nodes"), Number(stats, "nodes_up")));
        Assert.Equal(1, Number(stats, "partitions"));
        Assert.Equal((2, 1), (Number(stats, "local_replicas"), Number(stats, "local_leaders")));
        Assert.Equal((420, 4096), (Number(stats, "bytes"), Number(stats, "log_bytes")));
        Assert.Equal(11, stats.GetProperty("ops").GetProperty("reads").GetInt64());
        Assert.Equal(12, stats.GetProperty("ops").GetProperty("writes").GetInt64());
        Assert.Equal(2, stats.GetProperty("lag").GetProperty("node-3").GetInt32());
    }

    private static long Number(JsonElement body, string name) => body.GetProperty(name).GetInt64();

    [Fact]
    public async Task Health_follows_whether_the_node_can_serve()
    {
        foreach (var path in new[] { "/health", "/readyz", "/ready" })
        {
            Assert.Equal(200, (await SendAsync("GET", path)).Status);
            Node.IsReady = false;
            var answer = await SendAsync("GET", path);
            Assert.Equal(503, answer.Status);
            Assert.Equal("1 of 3 nodes up, need 2", answer.Json.GetProperty("reason").GetString());
            Assert.Equal(200, (await SendAsync("GET", "/livez")).Status);
            Node.IsReady = true;
        }
    }

    [Fact]
    public async Task A_node_whose_loops_do_not_answer_is_not_alive()
    {
        Node.IsMute = true;
        foreach (var path in new[] { "/livez", "/kv/stats", "/v1/status" })
        {
            var answer = await SendAsync("GET", path);
            Assert.Equal((503, "unavailable"), (answer.Status, answer.Error));
        }

        Node.IsMute = false;
    }

    [Fact]
    public async Task State_and_map_are_told_in_full()
    {
        var status = (await SendAsync("GET", "/v1/status")).Json;
        Assert.Equal("node-1", status.GetProperty("name").GetString());
        Assert.Equal(3, status.GetProperty("partitions").GetArrayLength());
        Assert.Equal(2, Number(status.GetProperty("partitions")[1].GetProperty("follower_lag"), "node-3"));
        var map = (await SendAsync("GET", "/v1/map")).Json;
        var member = map.GetProperty("members")[0];
        Assert.Equal(DictionaryNode.Leader, member.GetProperty("client_address").GetString());
        Assert.Equal(0, Number(map.GetProperty("keyspaces")[0].GetProperty("partitions")[0], "leader"));
    }

    [Fact]
    public async Task What_is_not_there_is_said_in_json()
    {
        var nothing = await SendAsync("GET", "/nothing/here");
        Assert.Equal((404, "no-such-route"), (nothing.Status, nothing.Error));
        Assert.Contains("/openapi/v1.json", nothing.Message);
        using var wrong = await Fixture.Client.GetAsync(
            new Uri($"http://{Fixture.Server.EndPoint}/kv/set"), TestContext.Current.CancellationToken);
        Assert.Equal(405, (int)wrong.StatusCode);
        Assert.Contains("POST", wrong.Content.Headers.Allow);
        var said = await wrong.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Contains("method-not-allowed", said);
    }

    [Fact]
    public async Task A_stop_lets_requests_finish()
    {
        var node = new DictionaryNode();
        await using var server = HttpServer.Create(node, new() { EndPoint = new(IPAddress.Loopback, 0) });
        await server.StartAsync(TestContext.Current.CancellationToken);
        var asked = Fixture.Client.GetAsync(
            new Uri($"http://{server.EndPoint}/kv/get?key=hang&timeout=300ms"),
            TestContext.Current.CancellationToken);
        while (node.Seen.Count == 0)
            await Task.Delay(1, TestContext.Current.CancellationToken);
        await server.StopAsync(TestContext.Current.CancellationToken);
        using var answer = await asked;
        Assert.Equal(504, (int)answer.StatusCode);
    }

    [Fact]
    public async Task A_taken_port_is_named()
    {
        await using var second = HttpServer.Create(Node, new() { EndPoint = Fixture.Server.EndPoint });
        var failure = await Assert.ThrowsAsync<IOException>(
            () => second.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains($"{Fixture.Server.EndPoint.Port}", failure.Message);
    }
}
