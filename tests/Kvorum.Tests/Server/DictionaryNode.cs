using System.Diagnostics;
using System.Text;
using Kvorum.Node;
using Kvorum.Node.Access;
using Kvorum.Node.Administration;
using Kvorum.Protocol;

using Limits = Kvorum.Protocol.Limits;

namespace Kvorum.Tests.Server;

/// <summary>
/// A node for front-end tests: an in-memory map with versions, conditions and exactly-once records. Keys that
/// begin with "status:" are answered with the named <see cref="ReplyStatus"/>; "hang" is answered only when
/// its call is cancelled or times out.
/// </summary>
internal sealed class DictionaryNode : INode
{
    public const string Leader = "127.0.0.1:50051";

    private readonly Lock _gate = new();
    private readonly Dictionary<string, (byte[] Value, ulong Version)> _entries = [];
    private readonly Dictionary<(string, ulong), Reply> _records = [];
    private ulong _version;
    private int _cancelled;
    private int _hung;

    /// <summary>All requests seen, oldest first.</summary>
    public List<Request> Seen { get; } = [];

    /// <summary>The timeout of the newest call.</summary>
    public TimeSpan LastTimeout { get; private set; }

    /// <summary>Calls that hung and were then taken back.</summary>
    public int Cancelled => Volatile.Read(ref _cancelled);

    /// <summary>Calls that hung so far.</summary>
    public int Hung => Volatile.Read(ref _hung);

    public bool IsReady { get; set; } = true;

    /// <summary>True to leave status questions without an answer.</summary>
    public bool IsMute { get; set; }

    public int ValueBytesMax { get; init; } = Limits.ValueBytesMax;

    public ClusterMap Map => new(
        Guid.Parse("00000000-0000-0000-0000-0000000000cc"),
        7,
        9,
        [new(Guid.Parse("00000000-0000-0000-0000-000000000001"), "node-1", Leader, "127.0.0.1:8080",
            "127.0.0.1:60051")],
        [new(KeyspaceName.Default, "strong", 3, Limits.KeyBytesMax, ValueBytesMax, "binary",
            [new(0, [0], 0, 5)])]);

    public void Submit(Call call)
    {
        lock (_gate)
            Seen.Add(call.Request);
        LastTimeout = call.Timeout;
        var key = Encoding.Latin1.GetString(call.Request.Key.Span);
        if (key == "hang")
            _ = HangAsync(call);
        else
            ThreadPool.UnsafeQueueUserWorkItem(_ => Complete(call, Answer(call.Request, key)), null);
    }

    public NodeHealth Health => new("node-1", Status().NotReadyReason);

    /// <summary>Who may do what; nothing is enforced unless a test says so.</summary>
    public AccessTable? Access { get; set; } = AccessTable.Empty;

    public long MetadataSilenceMs { get; set; }

    public void AskStatus(Action<NodeStatus> done)
    {
        if (!IsMute)
            done(Status());
    }

    /// <summary>The administrative requests that came, without who asked.</summary>
    public List<AdminRequest> Administered { get; } = [];

    /// <summary>What happens in the cluster; null: what <see cref="AdminAnswers"/> tells.</summary>
    public EventHistory? Events { get; set; }

    /// <summary>Answered by <see cref="AdminAnswers"/>; nothing is kept.</summary>
    public void Administer(AdminRequest request, TimeSpan timeout, Action<AdminReply> done)
    {
        lock (_gate)
            Administered.Add(request is AdminChange change ? change with { By = "" } : request);
        if (request is ShowEvents asked && Events is { } history)
        {
            history.Answer(asked, done);
            return;
        }

        ThreadPool.UnsafeQueueUserWorkItem(_ => done(AdminAnswers.Of(request, timeout)), null);
    }

    private async Task HangAsync(Call call)
    {
        Interlocked.Increment(ref _hung);
        var deadline = DateTime.UtcNow + call.Timeout;
        while (!call.IsCancelled && DateTime.UtcNow < deadline)
            await Task.Delay(5);
        if (call.IsCancelled)
            Interlocked.Increment(ref _cancelled);
        Complete(call, new() { Status = ReplyStatus.DeadlineExceeded });
    }

    /// <summary>As a node loop does.</summary>
    private static void Complete(Call call, Reply reply)
    {
        call.Complete(reply);
        call.Sink?.Flush();
    }

    private Reply Answer(Request request, string key)
    {
        if (request.Keyspace != KeyspaceName.Default)
            return Refused(ReplyStatus.UnknownKeyspace, $"there is no keyspace '{request.Keyspace}'");
        if (key.StartsWith("status:", StringComparison.Ordinal))
            return Programmed(request, Enum.Parse<ReplyStatus>(key[7..]));
        if (key == "not-mine" && request.NoRedirect)
            return Refused(ReplyStatus.NotLeader, "");
        if (request is ScanRequest scan)
            return Scan(scan);
        if (key.Length == 0)
            return Refused(ReplyStatus.InvalidArgument, "the key is empty: a key has at least one byte");
        if (key.Length > Limits.KeyBytesMax)
            return Refused(
                ReplyStatus.InvalidArgument, $"the key has {key.Length} bytes; the limit is "
                    + $"{Limits.KeyBytesMax}");
        lock (_gate)
            return request is WriteRequest write ? Write(write, key) : Read((GetRequest)request, key);
    }

    private Reply Read(GetRequest request, string key)
    {
        var found = _entries.TryGetValue(key, out var entry);
        return Ok() with
        {
            Found = found,
            Value = entry.Value,
            Version = entry.Version,
            Stale = request.Consistency == ReadConsistency.Stale,
        };
    }

    private Reply Scan(ScanRequest scan)
    {
        ScanEntry[] all;
        lock (_gate)
        {
            all = [.. _entries.Select(entry => new ScanEntry(
                Encoding.Latin1.GetBytes(entry.Key), entry.Value.Version, entry.Value.Value))];
        }

        return PlainScan.Answer(scan, all) with { Partition = 3, Epoch = 7, Leader = Leader };
    }

    private Reply Write(WriteRequest request, string key)
    {
        if (request.ClientId.Length > 0
            && _records.TryGetValue((request.ClientId, request.RequestId), out var first))
            return first with { Replayed = true };
        var found = _entries.TryGetValue(key, out var entry);
        if (request.IfVersion is { } expected && expected != entry.Version)
            return Ok() with { Status = ReplyStatus.ConditionFailed, Version = entry.Version };
        if (request is PutRequest put && put.Value.Length > ValueBytesMax)
        {
            return Refused(
                ReplyStatus.InvalidArgument,
                $"the value has {put.Value.Length} bytes; the limit is {ValueBytesMax}");
        }

        _version++;
        switch (request)
        {
            case PutRequest p:
                _entries[key] = (p.Value.ToArray(), _version);
                break;
            case DeleteRequest:
                _entries.Remove(key);
                break;
            default:
                throw new UnreachableException($"{request.Kind} is new to this double.");
        }

        var reply = Ok() with
        {
            Version = _version,
            Found = request.ReturnPrevious && found,
            Value = request.ReturnPrevious ? entry.Value : default,
        };
        if (request.ClientId.Length > 0)
            _records[(request.ClientId, request.RequestId)] = reply;
        return reply;
    }

    private static Reply Ok() => new() { Status = ReplyStatus.Ok, Partition = 3, Epoch = 7, Leader = Leader };

    // Of a write that wants a receipt as in a quorum keyspace.
    private static Reply Programmed(Request request, ReplyStatus status)
    {
        var refused = Refused(status, "as programmed – « é »");
        return request is not WriteRequest { WantsReceipt: true } ? refused : refused with
        {
            Version = 7,
            Writer = 9,
            Mode = ReplicationMode.Quorum,
            Receipt = new()
            {
                Mode = ReplicationMode.Quorum,
                Nodes = ["node-1"],
                Needed = 2,
                Replicas = 3,
                Version = new(7, 9),
                Promise = [],
            },
        };
    }

    private static Reply Refused(ReplyStatus status, string message) =>
        Ok() with { Status = status, Message = message };

    private NodeStatus Status() => new()
    {
        NodeId = Guid.Parse("00000000-0000-0000-0000-000000000001"),
        Name = "node-1",
        ClusterId = Guid.Parse("00000000-0000-0000-0000-0000000000cc"),
        IsMetaLeader = true,
        MetaTerm = 5,
        IsReady = IsReady,
        NotReadyReason = IsReady ? "" : "1 of 3 nodes up, need 2",
        MembersUp = IsReady ? ["node-1", "node-2", "node-3"] : ["node-1"],
        Members = ["node-1", "node-2", "node-3"],
        FailuresTolerated = 1,
        FailuresToleratedNow = IsReady ? 1 : 0,
        Partitions =
        [
            Replica("system", 0, 0, 2),
            Replica(KeyspaceName.Default, 0, 1, 40) with { FollowerLag = Lag() },
            Replica(KeyspaceName.Default, 1, 2, 2) with { Role = "follower", Leader = "node-2" },
        ],
        Reads = 11,
        Writes = 12,
        LogBytes = 4096,
    };

    private static PartitionStatus Replica(string keyspace, uint partition, uint group, long keys) => new()
    {
        Keyspace = keyspace,
        Partition = new(partition),
        Group = new(group),
        Role = "leader",
        Term = 5,
        Leader = "node-1",
        Commit = 100,
        Applied = 100,
        LastIndex = 101,
        Keys = keys,
        Bytes = keys * 10,
    };

    private static SortedDictionary<string, ulong> Lag() =>
        new(StringComparer.Ordinal) { ["node-2"] = 0, ["node-3"] = 2 };
}
