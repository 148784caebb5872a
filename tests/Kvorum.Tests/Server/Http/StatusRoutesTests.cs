using System.Net;
using Kvorum.Server.Http;
using Microsoft.AspNetCore.Routing;

namespace Kvorum.Tests.Server.Http;

public class StatusRoutesTests(HttpFixture fixture) : HttpTest(fixture)
{
    [Fact]
    public async Task Stats_count_what_is_here()
    {
        var stats = (await SendAsync("GET", "/kv/stats")).Json;
        Assert.Equal("node-1", stats.GetProperty("node_id").GetString());
        Assert.Equal(42, stats.GetProperty("local_keys").GetInt64());
        Assert.Equal((3, 3), (stats.GetProperty("nodes").GetInt32(), stats.GetProperty("nodes_up").GetInt32()));
        Assert.Equal(1, stats.GetProperty("partitions").GetInt32());
        Assert.Equal((2, 1), (stats.GetProperty("local_replicas").GetInt32(), stats.GetProperty("local_leaders").GetInt32()));
        Assert.Equal((420, 4096), (stats.GetProperty("bytes").GetInt64(), stats.GetProperty("log_bytes").GetInt64()));
        Assert.Equal(11, stats.GetProperty("ops").GetProperty("reads").GetInt64());
        Assert.Equal(12, stats.GetProperty("ops").GetProperty("writes").GetInt64());
        Assert.Equal(2, stats.GetProperty("lag").GetProperty("node-3").GetInt32());
    }

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
        Assert.Equal(2, status.GetProperty("partitions")[1].GetProperty("follower_lag").GetProperty("node-3").GetInt32());
        var map = (await SendAsync("GET", "/v1/map")).Json;
        Assert.Equal(DictionaryNode.Leader, map.GetProperty("members")[0].GetProperty("client_address").GetString());
        Assert.Equal(0, map.GetProperty("keyspaces")[0].GetProperty("partitions")[0].GetProperty("leader").GetInt32());
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
        Assert.Contains("method-not-allowed", await wrong.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task The_description_has_every_route_and_no_other()
    {
        var description = await DescriptionAsync();
        var described = description.Paths.EnumerateObject()
            .SelectMany(static path => path.Value.EnumerateObject()
                .Where(static member => member.Name != "parameters")
                .Select(member => $"{member.Name.ToUpperInvariant()} {path.Name}"))
            .Order(StringComparer.Ordinal);
        var served = Fixture.Server.Routes
            .SelectMany(static route => route.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods
                .Select(method => $"{method} {route.RoutePattern.RawText}"))
            .Order(StringComparer.Ordinal);
        Assert.Equal(served, described);
    }

    [Fact]
    public async Task The_description_has_every_parameter_and_no_other()
    {
        var description = await DescriptionAsync();
        foreach (var route in Fixture.Server.Routes)
        {
            var known = route.Metadata.GetMetadata<KnownQuery>()?.Names ?? [];
            foreach (var method in route.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods)
            {
                var operation = description.Paths.GetProperty(route.RoutePattern.RawText!).GetProperty(method.ToLowerInvariant());
                var described = operation.TryGetProperty("parameters", out var parameters)
                    ? parameters.EnumerateArray().Select(description.Resolve)
                        .Where(static parameter => parameter.GetProperty("in").GetString() == "query")
                        .Select(static parameter => parameter.GetProperty("name").GetString()!)
                    : [];
                Assert.Equal(known.Order(StringComparer.Ordinal), described.Order(StringComparer.Ordinal));
            }
        }
    }

    [Fact]
    public async Task The_description_refers_only_to_what_it_has()
    {
        var description = await DescriptionAsync();
        Assert.All(description.References(), reference => description.Resolve(reference));
    }

    [Fact]
    public async Task A_stop_lets_requests_finish()
    {
        var node = new DictionaryNode();
        await using var server = HttpServer.Create(node, new() { EndPoint = new(IPAddress.Loopback, 0) });
        await server.StartAsync(TestContext.Current.CancellationToken);
        var asked = Fixture.Client.GetAsync(
            new Uri($"http://{server.EndPoint}/kv/get?key=hang&timeout=300ms"), TestContext.Current.CancellationToken);
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
        var failure = await Assert.ThrowsAsync<IOException>(() => second.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains($"{Fixture.Server.EndPoint.Port}", failure.Message);
    }
}
