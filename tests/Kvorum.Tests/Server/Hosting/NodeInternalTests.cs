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
            // Replicas of a quorum keyspace lead nothing: a clean end does not wait for them.
            ShutdownTimeout = TimeSpan.FromMinutes(10),
        });
        await Eventually.Holds(
            () => _server.StatusAsync().GetAwaiter().GetResult() is { IsReady: true, FormatVersion: > 1 },
            seconds: 60);
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
        Assert.Contains("may not be so far ahead", error, StringComparison.Ordinal);
        Assert.False((await GetAsync("k")).Exists);
    }

    /// <summary>
    /// The version is the record's: the keyspace takes no times of clients, and what would be refused of
    /// those is refused here, too.
    /// </summary>
    [Fact(Timeout = 120_000)]
    public async Task What_a_deletion_of_its_time_may_have_been_forgotten_of_is_refused()
    {
        var record = await PutAndGetAsync("k");
        var (isDone, error) = await ReplicateAsync(
            "old", "v", record.Timestamp - (20 * 60_000ul << 16));
        Assert.False(isDone);
        Assert.Contains("may be forgotten by now", error, StringComparison.Ordinal);
        Assert.False((await GetAsync("old")).Exists);
        Assert.Equal((true, ""), await ReplicateAsync("old", "v", record.Timestamp - (60_000ul << 16)));
    }

    /// <summary>Of two nodes one has the key; the other says that it is none of its keys.</summary>
    [Fact(Timeout = 120_000)]
    public async Task A_node_without_a_replica_says_who_it_is_not()
    {
        var folder = Directory.CreateTempSubdirectory("kvorum-test-").FullName;
        try
        {
            await GrpcStream.AskAsync(
                _server.Self.ClientAddress, "/kvorum.v1.Admin/ChangeLimits",
                new V1.ChangeLimitsRequest { Paused = true }, V1.ChangeResponse.Parser);
            await using var other = await KvorumServer.StartAsync(new()
            {
                Id = "b",
                DataFolder = folder,
                ClientAddress = "127.0.0.1:0",
                HttpAddress = "127.0.0.1:0",
                PeerAddress = "127.0.0.1:0",
                Join = _server.Self.PeerAddress,
                KvStoreKeyspace = Keyspace,
            }, cancelled: TestContext.Current.CancellationToken);
            await Eventually.Holds(() => other.Node.Health.IsReady, seconds: 60);
            await Eventually.Holds(
                () => other.Node.Map.Keyspaces.Any(static one => one.Name == Keyspace), seconds: 60);
            var version = (await PutAndGetAsync("clock")).Timestamp;
            // Nothing moves for balance, so the first node has all keys.
            for (var n = 0; n < 8; n++)
            {
                var (isDone, error) = await ReplicateAsync(
                    $"key-{n}", "v", version, other.Self.PeerAddress);
                Assert.False(isDone);
                Assert.Matches("^wrong owner, map version [0-9]+$", error);
                Assert.False((await GetAsync($"key-{n}")).Exists);
                Assert.Equal((true, ""), await ReplicateAsync($"key-{n}", "v", version));
                Assert.Equal("v", (await GetAsync($"key-{n}")).Value);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
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

    private async Task<(bool Success, string Error)> ReplicateAsync(
        string key, string value, ulong timestamp, string? address = null)
    {
        var answer = await GrpcStream.AskAsync(
            address ?? _server.Self.PeerAddress, "/kvstore.NodeInternal/Replicate",
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
