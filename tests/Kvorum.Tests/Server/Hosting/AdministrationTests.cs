using System.Net.Http.Json;
using System.Text.Json;
using Kvorum.Client;
using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Server.Hosting;
using Kvorum.Tests.Server.Grpc;
using V1 = Kvorum.Server.Grpc.V1;

namespace Kvorum.Tests.Server.Hosting;

/// <summary>Operators and those who watch, at the doors of real servers.</summary>
public sealed class AdministrationTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kvorum-test-").FullName;
    private readonly List<KvorumServer> _servers = [];

    private static CancellationToken Ending => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
            await server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact(Timeout = 120_000)]
    public async Task What_operators_do_over_grpc_is_done_and_watched()
    {
        await StartAsync("a");
        using var watch = await GrpcStream.OpenAsync(
            Address, "/kvorum.v1.Admin/WatchEvents", new V1.WatchEventsRequest { FromNow = true });
        var made = await AskAsync("CreateKeyspace", new V1.CreateKeyspaceRequest
        {
            Keyspace = "orders",
            Partitions = 8,
            Replicas = 1,
        }, V1.ChangeResponse.Parser);
        Assert.Equal("keyspace 'orders' has 8 partitions of 1 replicas", made.Message);
        var one = await watch.NextAsync(V1.ClusterEvent.Parser);
        Assert.Equal(
            ("keyspace_changed", "orders", "made"), (one!.Kind, one.Keyspace, one.Why));
        var keyspaces = await AskAsync(
            "ListKeyspaces", new V1.ListKeyspacesRequest(), V1.ListKeyspacesResponse.Parser);
        Assert.Equal([KeyspaceName.Default, "orders"], keyspaces.Keyspaces.Select(static one => one.Name));
        var paused = await AskAsync(
            "ChangeLimits", new V1.ChangeLimitsRequest { Paused = true }, V1.ChangeResponse.Parser);
        Assert.True(paused.Limits.Paused);
        var dry = await AskAsync(
            "DropKeyspace", new V1.DropKeyspaceRequest { Keyspace = "orders", DryRun = true },
            V1.ChangeResponse.Parser);
        Assert.True(dry.DryRun);
        Assert.StartsWith(
            "would be done: keyspace 'orders' is dropped", dry.Message, StringComparison.Ordinal);
        var cluster = await AskAsync("GetCluster", new V1.GetClusterRequest(), V1.ClusterReport.Parser);
        Assert.Equal(("a", "a"), (Assert.Single(cluster.Members).Name, cluster.Leader));
    }

    [Fact(Timeout = 120_000)]
    public async Task Events_say_through_which_door_and_from_where_a_change_was_asked_for()
    {
        await StartAsync("a");
        await Eventually.Holds(() => ((KvorumNode)_servers[0].Node).ActiveFormat == 2, seconds: 30);
        await using var client = KvorumClient.Connect(new() { Addresses = [Address] });
        using var http = new HttpClient();
        using var paused = await http.PatchAsync(
            new Uri($"http://{_servers[0].Self.HttpAddress}/v1/admin/limits?paused=true"), null, Ending);
        Assert.True(paused.IsSuccessStatusCode);
        await AskAsync(
            "ChangeLimits", new V1.ChangeLimitsRequest { MovesMax = 7 }, V1.ChangeResponse.Parser);
        var json = AdminJson.Encode(new CreateKeyspace("orders") { Partitions = 2 });
        await client.AdministerAsync(json, mayRepeat: false, cancellationToken: Ending);
        var told = await AskAsync("ListEvents", new V1.ListEventsRequest(), V1.ListEventsResponse.Parser);
        Assert.Equal(
            [
                "limits_changed moves for zones and balance are paused: operator via http from 127.0.0.1",
                "limits_changed moves_max is 7: operator via grpc from 127.0.0.1",
                "keyspace_changed made: operator via native from 127.0.0.1",
            ],
            told.Events.Where(static one => one.By.Length > 0)
                .Select(static one => $"{one.Kind} {one.Why}: {one.By}"));
    }

    /// <summary>The same words at every door.</summary>
    [Theory(Timeout = 120_000)]
    [InlineData("DrainMember", "POST", "/v1/admin/nodes/nobody/drain")]
    [InlineData("DropKeyspace", "DELETE", "/v1/admin/keyspaces/nothing")]
    [InlineData("TransferLeadership", "POST", "/v1/admin/partitions/default/99/transfer")]
    [InlineData("ChangeLimits", "PATCH", "/v1/admin/limits?moves_max=0")]
    [InlineData("CreateKeyspace", "POST", "/v1/admin/keyspaces/k?partitions=0")]
    public async Task A_refusal_has_the_same_words_over_grpc_and_http(
        string method, string verb, string target)
    {
        await StartAsync("a");
        using var call = await GrpcStream.OpenAsync(Address, $"/kvorum.v1.Admin/{method}", method switch
        {
            "DrainMember" => new V1.MemberRequest { Member = "nobody" },
            "DropKeyspace" => new V1.DropKeyspaceRequest { Keyspace = "nothing" },
            "TransferLeadership" =>
                new V1.TransferLeadershipRequest { Keyspace = KeyspaceName.Default, Partition = 99 },
            "ChangeLimits" => new V1.ChangeLimitsRequest { MovesMax = 0 },
            _ => new V1.CreateKeyspaceRequest { Keyspace = "k", Partitions = 0 },
        });
        Assert.Null(await call.NextAsync());
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(
            new(verb), $"http://{_servers[0].Self.HttpAddress}{target}");
        using var response = await client.SendAsync(request, Ending);
        var error = await response.Content.ReadFromJsonAsync<JsonElement>(Ending);
        Assert.Equal(error.GetProperty("message").GetString(), call.Trailer("grpc-message"));
        Assert.Equal(error.GetProperty("error").GetString(), call.Trailer("kvorum-status"));
        Assert.Equal(error.GetProperty("retry").GetString(), call.Trailer("kvorum-retry"));
    }

    /// <summary>Nodes come and go under a watch; it hears all, once, in order.</summary>
    [Fact(Timeout = 240_000)]
    public async Task A_watch_hears_all_of_a_cluster_whose_nodes_come_and_go()
    {
        await StartAsync("a");
        await using var client = KvorumClient.Connect(
            new() { Addresses = [Address], Timeout = TimeSpan.FromSeconds(30) });
        await using var watch = client.WatchAsync(new() { After = 0 }, Ending).GetAsyncEnumerator(Ending);
        List<ClusterEvent> heard = [];
        await Until(one => one is { Kind: ClusterEventKind.KeyspaceChanged, Keyspace: KeyspaceName.Default });
        await StartAsync("b");
        await Until(static one => one is { Kind: ClusterEventKind.NodeJoined, Member: "b" });
        // A member's port for HTTP will do.
        await StartAsync("c", _servers[1].Self.HttpAddress);
        await Until(static one => one is { Kind: ClusterEventKind.NodeJoined, Member: "c" });
        await Until(static one => one.Kind == ClusterEventKind.PartitionChanged && one.After.Contains("c"));
        await Until(static one => one.Kind == ClusterEventKind.RebalanceEnded);
        // The one that is watched, as likely as not, and the leader.
        await _servers[0].DisposeAsync();
        await Until(static one => one is { Kind: ClusterEventKind.HealthChanged, Member: "a", Why: "down" });
        Assert.Equal(
            Enumerable.Range(1, heard.Count).Select(static at => (ulong)at),
            heard.Select(static one => one.Position));

        async Task Until(Predicate<ClusterEvent> isIt)
        {
            do
            {
                Assert.True(await watch.MoveNextAsync());
                heard.Add(watch.Current);
            }
            while (!isIt(watch.Current));
        }
    }

    private string Address => _servers[0].Self.ClientAddress;

    private Task<T> AskAsync<T>(
        string method, Google.Protobuf.IMessage message, Google.Protobuf.MessageParser<T> parser)
        where T : class, Google.Protobuf.IMessage<T> =>
        GrpcStream.AskAsync(Address, $"/kvorum.v1.Admin/{method}", message, parser);

    private async Task StartAsync(string name, string? join = null)
    {
        var server = await KvorumServer.StartAsync(new()
        {
            Id = name,
            DataFolder = Path.Combine(_folder, name),
            ClientAddress = "127.0.0.1:0",
            HttpAddress = "127.0.0.1:0",
            PeerAddress = "127.0.0.1:0",
            Partitions = 4,
            Bootstrap = _servers.Count == 0,
            Join = join ?? (_servers.Count == 0 ? "" : _servers[0].Self.PeerAddress),
        }, cancelled: Ending);
        _servers.Add(server);
        await Eventually.Holds(() => server.Node.Health.IsReady, seconds: 60);
    }
}
