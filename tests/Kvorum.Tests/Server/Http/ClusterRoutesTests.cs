using Kvorum.Node.Administration;

namespace Kvorum.Tests.Server.Http;

/// <summary>What operators ask over HTTP, as the node is asked; more: <see cref="OpenApiTests"/>.</summary>
public class ClusterRoutesTests(HttpFixture fixture) : HttpTest(fixture)
{
    public static TheoryData<string, string, AdminRequest> Requests => new()
    {
        { "GET", "/v1/admin/cluster", new ShowCluster() },
        { "GET", "/cluster", new ShowCluster() },
        { "GET", "/v1/admin/nodes", new ShowCluster() },
        { "GET", "/v1/admin/partitions", new ShowPartitions() },
        { "GET", "/partitions/stats", new ShowPartitions() },
        { "GET", "/v1/admin/limits", new ShowCluster() },
        { "GET", "/v1/admin/keyspaces/orders/explain", new ExplainKeyspace("orders") },
        {
            "POST", "/v1/admin/nodes/node-2/drain?dry_run=true",
            new ChangeMember("node-2", MemberWish.Drain) { DryRun = true }
        },
        { "POST", "/v1/admin/nodes/a%2Fb%20c/undrain", new ChangeMember("a/b c", MemberWish.Undrain) },
        {
            "POST", "/v1/admin/nodes/n/decommission?force=true",
            new ChangeMember("n", MemberWish.Decommission) { Force = true }
        },
        { "POST", "/v1/admin/nodes/n/replace", new ChangeMember("n", MemberWish.Replace) },
        {
            "POST", "/v1/admin/keyspaces/orders?partitions=8&replicas=3",
            new CreateKeyspace("orders") { Partitions = 8, Replicas = 3 }
        },
        { "POST", "/v1/admin/keyspaces/orders", new CreateKeyspace("orders") },
        { "PATCH", "/v1/admin/keyspaces/orders?replicas=5", new AlterKeyspace("orders", 5) },
        {
            "PATCH", "/v1/admin/keyspaces/orders?client_timestamps=false",
            new AlterKeyspace("orders") { ClientTimestamps = false }
        },
        {
            "POST", "/v1/admin/keyspaces/orders?mode=quorum&client_timestamps=true",
            new CreateKeyspace("orders") { Mode = "quorum", ClientTimestamps = true }
        },
        { "DELETE", "/v1/admin/keyspaces/orders", new DropKeyspace("orders") },
        {
            "POST", "/v1/admin/partitions/orders/7/transfer?to=node-2",
            new TransferLeadership("orders", 7, "node-2")
        },
        { "POST", "/v1/admin/partitions/system/0/transfer", new TransferLeadership("system", 0) },
        {
            "PATCH", "/v1/admin/limits?moves_max=3&paused=false&grace_ms=9000",
            new ChangeLimits { MovesMax = 3, Paused = false, GraceMs = 9000 }
        },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task A_route_asks_the_node(string method, string target, AdminRequest expected)
    {
        var answer = await SendAsync(method, target);
        Assert.Equal((target, 200), (target, answer.Status));
        Assert.Equal(expected, Node.Administered[^1]);
    }

    [Fact]
    public async Task A_key_is_located_by_its_bytes()
    {
        var answer = await SendAsync("GET", "/v1/admin/locate?key=%FF%00&keyspace=orders");
        Assert.Equal(200, answer.Status);
        var asked = Assert.IsType<LocateKey>(Node.Administered[^1]);
        Assert.Equal("orders", asked.Keyspace);
        Assert.Equal(new byte[] { 255, 0 }, asked.Key);
        Assert.Equal("127.0.0.1:50051", answer.Member("leader_address"));
    }

    [Fact]
    public async Task The_replicas_of_a_key_are_asked_by_its_bytes()
    {
        var answer = await SendAsync("GET", "/v1/admin/explain?key=%FF%00&keyspace=orders");
        Assert.Equal(200, answer.Status);
        var asked = Assert.IsType<ExplainKey>(Node.Administered[^1]);
        Assert.Equal("orders", asked.Keyspace);
        Assert.Equal(new byte[] { 255, 0 }, asked.Key);
        Assert.Equal("replica", answer.Json.GetProperty("replicas")[0].GetProperty("role").GetString());
        Assert.Equal(400, (await SendAsync("GET", "/v1/admin/explain")).Status);
    }

    [Theory]
    [InlineData("PUT", "/v1/kv/k?timestamp=7&after=5", "v")]
    [InlineData("DELETE", "/v1/kv/k?timestamp=7&after=5", null)]
    [InlineData("DELETE", "/kv/delete?key=k&timestamp=7&after=5", null)]
    [InlineData("POST", "/kv/set", """{"key":"k","value":"v","timestamp":7,"after":5}""")]
    public async Task A_write_may_say_its_time(string method, string target, string? body)
    {
        (string, string)[] headers = target == "/kv/set" ? [("Content-Type", "application/json")] : [];
        var bytes = body is null ? null : System.Text.Encoding.UTF8.GetBytes(body);
        var answer = await SendAsync(method, target, bytes, headers);
        Assert.Equal(200, answer.Status);
        var write = Assert.IsAssignableFrom<Kvorum.Protocol.WriteRequest>(Node.Seen[^1]);
        Assert.Equal((7ul, 5ul), (write.Timestamp, write.After));
    }

    [Fact]
    public async Task A_dry_run_tells_what_would_come_of_it()
    {
        var answer = await SendAsync("POST", "/v1/admin/nodes/n/drain?dry_run=true");
        Assert.True(answer.Json.GetProperty("dry_run").GetBoolean());
        Assert.Equal(77, answer.Json.GetProperty("moved_bytes").GetInt64());
        Assert.Equal("too few nodes", answer.Json.GetProperty("reasons")[0].GetString());
    }

    [Theory]
    [InlineData("POST", "/v1/admin/nodes//drain", 404)]
    [InlineData("POST", "/v1/admin/nodes/n/destroy", 404)]
    [InlineData("POST", "/v1/admin/nodes/%FF/drain", 400)]
    [InlineData("POST", "/v1/admin/partitions/orders/x/transfer", 400)]
    [InlineData("PATCH", "/v1/admin/keyspaces/orders", 400)]
    [InlineData("PATCH", "/v1/admin/limits?paused=maybe", 400)]
    [InlineData("GET", "/v1/admin/keyspaces/nothing", 400)]
    public async Task What_is_wrong_is_refused(string method, string target, int status)
    {
        var seen = Node.Administered.Count(static one => !one.IsRead);
        Assert.Equal((target, status), (target, (await SendAsync(method, target)).Status));
        Assert.Equal(seen, Node.Administered.Count(static one => !one.IsRead));
    }

    [Theory]
    [InlineData(412, "never", false)]
    [InlineData(429, "safe", false)]
    [InlineData(503, "same-ids", true)]
    public async Task A_failure_says_what_may_have_happened(int status, string retry, bool indeterminate)
    {
        var answer = await SendAsync("POST", $"/v1/admin/nodes/n/drain?timeout={status}ms");
        Assert.Equal((status, retry), (answer.Status, answer.Member("retry")));
        Assert.Equal(indeterminate, answer.Json.GetProperty("indeterminate").GetBoolean());
    }

    [Fact]
    public async Task A_page_of_another_site_changes_nothing()
    {
        var answer = await SendAsync(
            "POST", "/v1/admin/nodes/n/drain", null, ("Origin", "http://evil.example"));
        Assert.Equal(403, answer.Status);
    }
}
