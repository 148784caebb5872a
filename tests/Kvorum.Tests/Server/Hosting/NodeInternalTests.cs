using System.Buffers.Binary;
using Kvorum.Server.Hosting;
using Kvorum.Tests.Server.Grpc;
using Ring = Kvorum.Server.Grpc.Ring;
using V1 = Kvorum.Server.Grpc.V1;

namespace Kvorum.Tests.Server.Hosting;

/// <summary>The services of the ring design at the two ports of a real server.</summary>
public sealed class NodeInternalTests : IAsyncLifetime
{
    private const string Keyspace = "cache";

    private readonly string _folder = Directory.CreateTempSubdirectory("kvorum-test-").FullName;
    private KvorumServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await KvorumServer.StartAsync(new()
        {
            Id = "a",
            DataFolder = _folder,
            ClientAddress = "127.0.0.1:0",
            HttpAddress = "127.0.0.1:0",
            PeerAddress = "127.0.0.1:0",
            Partitions = 4,
            KvStoreKeyspace = Keyspace,
        });
        await Eventually.Holds(() => _server.Node.Health.IsReady, seconds: 60);
        await GrpcStream.AskAsync(
            _server.Self.ClientAddress, "/kvorum.v1.Admin/CreateKeyspace",
            new V1.CreateKeyspaceRequest
            {
                Keyspace = Keyspace,
                Mode = "quorum",
                Partitions = 4,
                Replicas = 1,
            },
            V1.ChangeResponse.Parser);
        await Eventually.Holds(
            () => _server.Node.Map.Keyspaces.Any(
                static one => one.Name == Keyspace && one.Partitions.Count == 4), seconds: 60);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact(Timeout = 120_000)]
    public async Task A_record_is_stored_once_and_only_where_it_is_newer()
    {
        await PutAsync("k", "one");
        var one = await GetAsync("k");
        Assert.Equal((true, "one"), (one.Exists, one.Value));
        var newer = one.Timestamp + 1;
        Assert.Equal((true, ""), await ReplicateAsync("k", "two", newer));
        Assert.Equal((true, ""), await ReplicateAsync("k", "two", newer));
        Assert.Equal(
            new Ring.GetResponse { Exists = true, Value = "two", Timestamp = newer }, await GetAsync("k"));
        Assert.Equal((true, ""), await ReplicateAsync("k", "older", one.Timestamp - 1));
        Assert.Equal("two", (await GetAsync("k")).Value);
        Assert.Equal("two", (await PutAsync("k", "three")).OldValue);
    }

    [Fact(Timeout = 120_000)]
    public async Task Of_two_values_with_one_version_the_same_wins_in_any_order()
    {
        var version = (await PutAndGetAsync("clock")).Timestamp;
        await ReplicateAsync("ab", "a", version);
        await ReplicateAsync("ab", "b", version);
        await ReplicateAsync("ba", "b", version);
        await ReplicateAsync("ba", "a", version);
        Assert.Equal((await GetAsync("ab")).Value, (await GetAsync("ba")).Value);
    }

    [Fact(Timeout = 120_000)]
    public async Task A_version_from_nowhere_is_refused_with_a_reason()
    {
        Assert.Equal(
            (false, "timestamp 0 is no version: send the one that the record has"),
            await ReplicateAsync("k", "v", 0));
        var (isDone, error) = await ReplicateAsync("k", "v", ulong.MaxValue);
        Assert.False(isDone);
        Assert.Contains("may not follow so far", error, StringComparison.Ordinal);
        Assert.False((await GetAsync("k")).Exists);
    }

    [Fact(Timeout = 120_000)]
    public async Task A_ping_is_answered_with_its_time()
    {
        var pong = await GrpcStream.AskAsync(
            _server.Self.PeerAddress, "/kvstore.NodeInternal/Heartbeat",
            new Ring.Ping { NodeId = 9, Timestamp = 7 },
            Ring.Pong.Parser, Known);
        Assert.Equal(7ul, pong.Timestamp);
        var id = Convert.FromHexString($"{_server.Node.Map.Members.Single().Id:n}");
        Assert.Equal(BinaryPrimitives.ReadUInt32BigEndian(id), pong.NodeId);
    }

    [Fact(Timeout = 120_000)]
    public async Task Who_does_not_know_the_cluster_is_denied()
    {
        foreach (var id in new[] { "", "node", $"{Guid.Empty}", $"{Guid.NewGuid()}" })
        {
            using var call = await GrpcStream.OpenAsync(
                _server.Self.PeerAddress, "/kvstore.NodeInternal/Replicate",
                new Ring.ReplicateRequest { Key = "k", Value = "v", Timestamp = 1 },
                id.Length == 0 ? [] : [("kvorum-cluster-id", id)]);
            Assert.Null(await call.NextAsync());
            Assert.Equal("7", call.Trailer("grpc-status"));
        }
    }

    private (string Name, string Value)[] Known => [("kvorum-cluster-id", $"{_server.Node.Map.ClusterId}")];

    private async Task<(bool Success, string Error)> ReplicateAsync(string key, string value, ulong timestamp)
    {
        var answer = await GrpcStream.AskAsync(
            _server.Self.PeerAddress, "/kvstore.NodeInternal/Replicate",
            new Ring.ReplicateRequest { Key = key, Value = value, Timestamp = timestamp },
            Ring.ReplicateResponse.Parser, Known);
        return (answer.Success, answer.Error);
    }

    private async Task<Ring.GetResponse> PutAndGetAsync(string key)
    {
        await PutAsync(key, key);
        return await GetAsync(key);
    }

    private Task<Ring.PutResponse> PutAsync(string key, string value) => GrpcStream.AskAsync(
        _server.Self.ClientAddress, "/kvstore.KVStore/Put", new Ring.PutRequest { Key = key, Value = value },
        Ring.PutResponse.Parser);

    private Task<Ring.GetResponse> GetAsync(string key) => GrpcStream.AskAsync(
        _server.Self.ClientAddress, "/kvstore.KVStore/Get", new Ring.GetRequest { Key = key },
        Ring.GetResponse.Parser);
}
