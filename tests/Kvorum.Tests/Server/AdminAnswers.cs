using Kvorum.Node.Administration;
using Kvorum.Protocol;

namespace Kvorum.Tests.Server;

/// <summary>
/// What the doubles answer to operators: of each shape one. A request with certain times is answered with a
/// failure, and so is a change of a member whose name is "status:" and a status.
/// </summary>
internal static class AdminAnswers
{
    // By milliseconds, which are the HTTP status.
    private static readonly Dictionary<int, ReplyStatus> Failures = new()
    {
        [400] = ReplyStatus.UnknownKeyspace,
        [412] = ReplyStatus.ConditionFailed,
        [429] = ReplyStatus.Overloaded,
        [503] = ReplyStatus.OutcomeUnknown,
    };

    private static readonly MoveLimits Limits = new()
    {
        Paused = false,
        MovesMax = 5,
        BatchSize = 100,
        BatchTimeoutMs = 30_000,
        RetryAttempts = 3,
        GraceMs = 60_000,
        MarginPercent = 5,
    };

    public static AdminReply Of(AdminRequest request, TimeSpan timeout)
    {
        if (Failures.TryGetValue((int)timeout.TotalMilliseconds, out var failure))
            return AdminReply.Of(failure, "as programmed");
        return request switch
        {
            ChangeMember { Member: var name } when name.StartsWith("status:", StringComparison.Ordinal) =>
                AdminReply.Of(Enum.Parse<ReplyStatus>(name[7..]), "as programmed"),
            ShowCluster => AdminReply.Of(ReplyStatus.Ok, "") with { Cluster = Cluster },
            ShowPartitions => AdminReply.Of(ReplyStatus.Ok, "") with { Partitions = [Partition] },
            LocateKey => AdminReply.Of(ReplyStatus.Ok, "") with { Location = Location },
            ExplainKeyspace => AdminReply.Of(ReplyStatus.Ok, "") with { Promise = Promise },
            ExplainKey => AdminReply.Of(ReplyStatus.Ok, "") with { Holders = Holders },
            // A stream of events ends after those that have happened.
            ShowEvents { WaitMs: > 0 } => AdminReply.Of(ReplyStatus.ShuttingDown, "as programmed"),
            ShowEvents => Events,
            AdminChange { DryRun: true } => AdminReply.Of(ReplyStatus.Ok, "would be done: it") with
            {
                DryRun = true,
                MovedBytes = 77,
                Reasons = ["too few nodes"],
            },
            ChangeLimits => AdminReply.Of(ReplyStatus.Ok, "done") with { Limits = Limits },
            ShowIdentity => AdminReply.Of(ReplyStatus.Ok, "") with { Identity = Identity },
            ShowAccess => AdminReply.Of(ReplyStatus.Ok, "") with { Access = Access },
            CreateApiKey => AdminReply.Of(ReplyStatus.Ok, "done") with { ApiKey = "kvorum_key" },
            _ => AdminReply.Of(ReplyStatus.Ok, "done"),
        };
    }

    private static IReadOnlyList<GrantSpec> Grants =>
        [new("orders", ["read", "scan"], [255, 0]), new("*", ["status"])];

    private static IdentityReport Identity => new("ann", "api_key", Enforced: true, Grants);

    private static AccessReport Access => new()
    {
        Enforced = true,
        Roles = [new("shop", BuiltIn: false, Grants), new("observer", BuiltIn: true, [])],
        Users =
        [
            new("ann", ["shop", "observer"], Disabled: true,
                [new("0123456789abcdef", 1000, 2000), new("fedcba9876543210", 1000, ExpiresMs: null)]),
        ],
        JoinTokens =
        [
            new("00c0ffee00c0ffee", "node-4", 1000, 2000, Used: false),
            new("11c0ffee00c0ffee", "node-5", 1001, 2001, Used: true),
        ],
    };

    private static AdminReply Events => AdminReply.Of(ReplyStatus.Ok, "") with
    {
        Events =
        [
            new() { Position = 8, TimeMs = 1000, Kind = ClusterEventKind.NodeJoined, Member = "node-3" },
            new()
            {
                Position = 9,
                TimeMs = 1001,
                Kind = ClusterEventKind.PartitionChanged,
                Keyspace = KeyspaceName.Default,
                Partition = 2,
                Why = "repair",
                Before = ["node-1", "node-2"],
                After = ["node-1", "node-3"],
            },
        ],
        OldestEvent = 8,
        NewestEvent = 9,
        ClusterId = Guid.Parse("00000000-0000-0000-0000-0000000000cc"),
    };

    private static ClusterReport Cluster => new()
    {
        ClusterId = Guid.Parse("00000000-0000-0000-0000-0000000000cc"),
        Leader = "node-1",
        ToldBy = "node-1",
        Epoch = 7,
        Version = 9,
        Members =
        [
            Member("node-1"),
            Member("node-2") with
            {
                Status = "leaving",
                State = "down",
                ForMs = 1500,
                Reason = "it is silent",
            },
        ],
        Keyspaces =
        [
            new()
            {
                Name = KeyspaceName.Default,
                Mode = "strong",
                Partitions = 4,
                ReplicationFactor = 3,
                KeyBytesMax = 1024,
                KeyPolicy = "binary",
                ClientTimestamps = true,
                AtTarget = 3,
            },
        ],
        Moves =
        [
            new()
            {
                Keyspace = KeyspaceName.Default,
                Partition = 2,
                Adds = ["node-1"],
                Removes = ["node-2"],
                ForMs = 4000,
                SinceProgressMs = 100,
                Bytes = 3 << 20,
            },
        ],
        MovesUnderWay = 1,
        Obstacles =
        [
            new()
            {
                Keyspace = KeyspaceName.Default,
                Partition = 3,
                Wanted = "drain",
                Text = "partition 3: no further node answers",
            },
        ],
        Limits = Limits,
    };

    private static PartitionReport Partition => new()
    {
        Keyspace = KeyspaceName.Default,
        Partition = 2,
        Mode = "strong",
        Leader = "node-1",
        Voters = ["node-1"],
        Learners = ["node-2"],
        AtTarget = false,
        Bytes = 3 << 20,
    };

    private static KeyLocation Location => new()
    {
        Keyspace = KeyspaceName.Default,
        Slot = 12,
        Partition = 2,
        Mode = "strong",
        Replicas = ["node-1", "node-2"],
        Leader = "node-1",
        LeaderAddress = "127.0.0.1:50051",
    };

    private static KeyspaceExplanation Promise => new()
    {
        Keyspace = KeyspaceName.Default,
        Mode = "quorum",
        Partitions = 4,
        Replicas = 3,
        WriteQuorum = 2,
        ReadQuorum = 2,
        Sloppy = false,
        ClientTimestamps = true,
        ReadsSeeWrites = true,
        BothSidesWritable = false,
        Durable = true,
        StalenessMs = 0,
        SyncIntervalMs = 300_000,
        TombstoneMinMs = 600_000,
        Losses =
        [
            new() { Lost = 0, Writes = true, Reads = true, Acknowledged = true, Repaired = true },
        ],
        Promise = ["A read sees every write."],
        Now = ["1 of 4 partitions have fewer than 3 replicas."],
    };

    private static KeyExplanation Holders => new()
    {
        Keyspace = KeyspaceName.Default,
        Mode = "quorum",
        Slot = 12,
        Partition = 2,
        Leader = "",
        Summary = "1 of 2 replicas answered and have the same",
        Replicas =
        [
            new()
            {
                Name = "node-1",
                State = "up",
                Role = "replica",
                Has = "value",
                Version = "7@00c0ffee00c0ffee",
                ValueBytes = 3,
                ExpiresMs = 9000,
                Applied = 17,
                Newest = true,
            },
            new() { Name = "node-2", State = "down", Reason = "it is silent" },
        ],
        StandIns =
        [
            new() { Name = "node-3", State = "up", Role = "stand-in", Has = "deleted", Newest = false },
        ],
    };

    private static MemberReport Member(string name) => new()
    {
        Name = name,
        Id = Guid.Parse("00000000-0000-0000-0000-000000000001"),
        PeerAddress = "127.0.0.1:60051",
        ClientAddress = "127.0.0.1:50051",
        HttpAddress = "127.0.0.1:8080",
        Zone = "a",
        Weight = 100,
        Status = "active",
        State = "up",
        Replicas = 4,
        Leaders = 2,
        RoomBytes = 1L << 30,
    };
}
