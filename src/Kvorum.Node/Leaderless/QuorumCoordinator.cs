using System.Diagnostics;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Quorum;
using Kvorum.Quorum.Deletes;
using Kvorum.Raft;

namespace Kvorum.Node.Leaderless;

/// <summary>
/// Coordinates the calls of quorum keyspaces for the groups of one loop, whether this node has a replica or
/// not: asks the replicas, and answers when enough of them have. Any node can. Owned by the loop.
/// </summary>
internal sealed class QuorumCoordinator(ICoordinatorHost host)
{
    /// <summary>Why a node that was just started does not coordinate yet, for people.</summary>
    public const string NotVouchedFor = "since this node was started, too few of the other members have "
        + "accepted its log to know that its data folder is no old copy: ask another node, or read stale";

    // Looked up by number; where it is walked, the numbers are sorted first.
    private readonly Dictionary<ulong, Operation> _operations = [];

    // Writes that may still be sent; null until the clock's ceiling is durable.
    private WritesUnderWay? _underWay;

    // No version can be given before the clock's ceiling is in the log, or the replicas are elsewhere.
    private List<Action> _waiting = [];

    /// <summary>Operations under way.</summary>
    public int Count => _operations.Count;

    /// <summary>Takes a call of a quorum keyspace.</summary>
    public void Take(Call call, KeyspaceDefinition keyspace)
    {
        var way = new CallWay(call, keyspace, NodesOf(call, keyspace));
        if (!host.Cluster.IsVouchedFor
            && call.Request is not GetRequest { Consistency: ReadConsistency.Stale })
        {
            Again(way, NotVouchedFor);
            return;
        }

        switch (call.Request)
        {
            case GetRequest get:
                Read(way, get);
                break;
            case WriteRequest write:
                Write(way, write);
                break;
            default:
                throw new UnreachableException($"A {call.Request.Kind} is not for a coordinator.");
        }
    }

    // Reads have no use for fallbacks.
    private ReplicaNodes NodesOf(Call call, KeyspaceDefinition keyspace) => ReplicaNodes.Of(
        host.Cluster, host.Cluster.Placement.Placed(call.Group),
        withFallbacks: keyspace.Settings.Quorum!.IsSloppy && call.Request is WriteRequest);

    /// <summary>A replica has answered.</summary>
    public void Answered(NodeId from, in QuorumAnswer answer)
    {
        if (!_operations.TryGetValue(answer.Id, out var operation))
            return;
        operation.Answered(from, answer);
        EndIfOver(operation);
    }

    /// <summary>A peer is lost: it answers nothing that it was asked.</summary>
    public void PeerLost(NodeId peer) => ForEach(operation => operation.Lost(peer));

    /// <summary>A peer is silent: others are asked, too.</summary>
    public void PeerSuspected(NodeId peer) => ForEach(operation => operation.Slow(peer));

    /// <summary>
    /// No write that is older than this will be begun any more, and whether a write holds it there; null
    /// before that is known.
    /// </summary>
    /// <param name="next">No new version will be below this.</param>
    /// <param name="keptMs">How old a write may be that is repeated, in milliseconds.</param>
    public (HybridTimestamp Low, bool IsHeld) Turn(HybridTimestamp next, long keptMs)
    {
        var oldest = HybridTimestamp.At(next.UnixMs - keptMs);
        _underWay ??= new(oldest);
        _underWay.Turn(oldest);
        return (_underWay.Low, _underWay.IsHeld);
    }

    /// <summary>Takes another operation, and begins it.</summary>
    public void Take(Operation operation) => Begin(operation);

    /// <summary>Time passes.</summary>
    public void Sweep()
    {
        if (_waiting.Count > 0)
        {
            var waiting = _waiting;
            _waiting = [];
            foreach (var again in waiting)
                again();
        }

        if (_operations.Count > 0)
            ForEach(static operation => operation.Sweep());
    }

    private sealed record CallWay(Call Call, KeyspaceDefinition Keyspace, ReplicaNodes Nodes)
    {
        public ReplicaChange Change => Nodes.Change;

        public int ReadersCount =>
            Change.Stage == ChangeStage.ReadNew ? Change.Next.Count : Change.Present.Count;

        public int ReadQuorum => Keyspace.Settings.Quorum!.For(Call.Request, ReadersCount).ReadQuorum;

        // One of so many has each acknowledged write; but no more than the write needs anyway, where W is
        // small.
        public int RecallQuorum
        {
            get
            {
                var write = Keyspace.Settings.Quorum!.WriteOf(ReadersCount);
                return Math.Max(ReadQuorum, Math.Min(ReadersCount - write + 1, write));
            }
        }

        public int WriteQuorumOf(ReplicaMask replicas) =>
            Keyspace.Settings.Quorum!.For(Call.Request, replicas.Count).WriteQuorum;

        public QuorumSettings SettingsOf(int replicas) =>
            Keyspace.Settings.Quorum!.For(Call.Request, replicas);

        public QuorumSet Readers(int needed) => Change.Readers(needed);
    }

    /// <summary>A write on its way: once it has a version it keeps it, however often it is sent.</summary>
    private readonly record struct WriteAttempt(WriteRequest Write, RecordVersion Version, bool IsReplayed)
    {
        public StoredRecord? Previous { get; init; }

        /// <summary>
        /// True if an attempt of this call may have stored it: then the call never says that nothing was
        /// written, whatever came of its last attempt.
        /// </summary>
        public bool MayBeStored { get; init; }

        public WriteAttempt After(in WriteResult result) => this with
        {
            MayBeStored = MayBeStored || result.Outcome != WriteOutcome.Refused,
        };
    }

    // The replicas are elsewhere by now, or not made yet: this node will be told.
    private void Again(CallWay way) =>
        Again(way, "the replicas are being moved, and could not be found in time");

    private void Again(CallWay way, string why) => _waiting.Add(() =>
    {
        if (way.Call.IsCancelled || host.NowMs >= way.Call.DeadlineMs)
            Finish(way, ReplyStatus.Unavailable, why);
        else
            Take(way.Call, way.Keyspace);
    });

    private void Read(CallWay way, GetRequest get)
    {
        var isStale = get.Consistency == ReadConsistency.Stale;
        var needed = way.ReadQuorum;
        if (!CanMeet(way, needed, way.ReadersCount, "R"))
            return;
        Begin(new ReadOperation(
            host, way.Call.Group, way.Nodes, way.Readers(needed), get.Key, way.Call.DeadlineMs,
            result => ReadDone(way, result, isStale)));
    }

    private void ReadDone(CallWay way, ReadResult result, bool isStale)
    {
        if (!result.IsKnown)
        {
            if (result.IsMisplaced)
                Again(way);
            else
                Finish(way, ReplyStatus.Unavailable, result.Why);
            return;
        }

        var isThere = result.Record is { } found && found.IsPresent(host.RecordTimeMs);
        var record = isThere ? result.Record!.Value : default;
        host.TakeReplyRoom(way.Call, record.Value.Length, () => host.Finish(way.Call, new()
        {
            Status = ReplyStatus.Ok,
            Found = isThere,
            Value = record.Value,
            Version = record.Version.Time.Value,
            Writer = record.Version.Writer.Value,
            Mode = ReplicationMode.Quorum,
            Partition = PartitionOf(way),
            Epoch = host.Cluster.Epoch,
            Stale = isStale,
            Receipt = way.Call.Request.WantsReceipt ? QuorumReceipts.OfRead(
                QuorumReceipts.NamesOf(host.Cluster, way.Nodes, result.Answered),
                way.SettingsOf(way.ReadersCount), record.Version) : null,
        }));
    }

    private void Write(CallWay way, WriteRequest write)
    {
        if (write.IfVersion is not null)
        {
            Finish(way, ReplyStatus.InvalidArgument,
                $"if_version cannot be promised in the quorum keyspace '{write.Keyspace}': two coordinators "
                    + "may write at the same time. Use a keyspace of mode strong for it");
            return;
        }

        if (GivenVersions.WhyNot(write, host) is { } wrong)
        {
            Finish(way, wrong.Status, wrong.Why);
            return;
        }

        if (!Follows(way, new(new(write.After), default), "has seen")
            || (write.Tried is { } tried && !Follows(way, new(new(tried.Time), default), "has tried")))
            return;
        var (present, next) = (way.Change.Present, way.Change.Next);
        if (!CanMeet(way, way.WriteQuorumOf(present), present.Count, "W")
            || (!next.IsEmpty && !CanMeet(way, way.WriteQuorumOf(next), next.Count, "W")))
            return;
        if (write.ClientId.Length == 0)
        {
            WritePrevious(way, new(write, GivenVersions.Of(write), IsReplayed: false));
            return;
        }

        var readers = way.Readers(way.RecallQuorum);
        Begin(new RecallOperation(
            host, way.Call.Group, way.Nodes, readers, write, way.Call.DeadlineMs,
            result => Recalled(way, write, result)));
    }

    // What this node gives from now on is above it. So a client's next write wins over what it has seen, and
    // nobody sets a clock by it further than clocks may be apart.
    private bool Follows(CallWay way, RecordVersion seen, string what)
    {
        if (seen.Time.Value == 0 || host.Versions.Observe(seen, host.WallMs))
            return true;
        Finish(way, ReplyStatus.Unavailable,
            $"the client {what} version {seen.Time.Value}, which is of {seen.Time.UnixMs} ms since 1970: the "
                + $"clock of {host.Cluster.Members.NameOf(host.Cluster.Self)} shows {host.WallMs}, and may "
                + "not follow so far. Nothing was written; check the clocks, or ask another node");
        return false;
    }

    private void Recalled(CallWay way, WriteRequest write, RecallResult result)
    {
        if (result is { IsKnown: false, IsMisplaced: true })
        {
            Again(way);
        }
        else if (!result.IsKnown)
        {
            Finish(way, ReplyStatus.Unavailable,
                "too few replicas say whether the write was made before: nothing was written; retry");
        }
        else if (result.IsForgotten)
        {
            Finish(way, ReplyStatus.SessionExpired,
                "the request is too old to be recognised: it was not written now, but may have been before");
        }
        else
        {
            // No replica that answered has it: if it is on another one, this is the same write. One with a
            // timestamp has its version from it, and is another write if it has the ids of another one.
            var version = result.Version.IsNone || write.Timestamp > 0
                ? GivenVersions.Of(write) : result.Version;
            var isReplayed = !result.Version.IsNone && result.Version == version;
            WritePrevious(way, new(write, version, isReplayed));
        }
    }

    // The previous value is what R replicas say before the write.
    private void WritePrevious(CallWay way, WriteAttempt attempt)
    {
        var write = attempt.Write;
        if (!write.ReturnPrevious || attempt.IsReplayed)
        {
            WriteVersion(way, attempt);
            return;
        }

        var needed = way.ReadQuorum;
        if (!CanMeet(way, needed, way.ReadersCount, "R"))
            return;
        Begin(new ReadOperation(
            host, way.Call.Group, way.Nodes, way.Readers(needed), write.Key, way.Call.DeadlineMs, result =>
            {
                if (result.IsKnown)
                    WriteVersion(way, attempt with { Previous = result.Record });
                else if (result.IsMisplaced)
                    Again(way);
                else
                    Finish(way, ReplyStatus.Unavailable, $"{result.Why}; nothing was written");
            }));
    }

    private void WriteVersion(CallWay way, WriteAttempt attempt)
    {
        if (way.Call.IsCancelled || host.NowMs >= way.Call.DeadlineMs)
        {
            var reply = Refusal(
                way, way.Call.IsCancelled ? ReplyStatus.Cancelled : ReplyStatus.DeadlineExceeded,
                attempt.MayBeStored ? "the replicas were being moved: the write may have happened, or not"
                    : host.IsWallKnown ? "the time was up before anything was written"
                    : "this node's clock could not be compared with those of a majority of the members since "
                        + "it was started, so it gives no versions: nothing was written; ask another node");
            host.Finish(way.Call, attempt.MayBeStored
                ? reply with { Version = attempt.Version.Time.Value, Writer = attempt.Version.Writer.Value }
                : reply);
            return;
        }

        if (_underWay is null || (attempt.Version.IsNone && !TryVersion(ref attempt)))
        {
            _waiting.Add(() => WriteVersion(way, attempt));
            return;
        }

        if (!_underWay.TryBegin(attempt.Version, out var generation))
        {
            if (attempt is { MayBeStored: false, Write.Timestamp: > 0 and var timestamp })
            {
                Finish(way, ReplyStatus.InvalidArgument, GivenVersions.TooOld(timestamp));
                return;
            }

            Finish(way, ReplyStatus.OutcomeUnknown,
                $"the write was tried before, at {attempt.Version.Time}, which is too long ago to repeat it: "
                    + "nothing was written now. Read the key");
            return;
        }

        var write = attempt.Write;
        var put = write as PutRequest;
        var record = new StoredRecord(
            attempt.Version, put is null, EndOf(attempt.Version, put?.TtlMs ?? 0), put?.Value ?? default);
        var command = StoreCommand.Encode(write.ClientId, write.RequestId, write.Key.Span, record);
        var change = way.Change;
        Begin(new WriteOperation(
            host, way.Call.Group, way.Nodes, change.PresentWriters(way.WriteQuorumOf(change.Present)),
            change.NextWriters(way.WriteQuorumOf(change.Next)), way.Keyspace.Settings.Quorum!.IsSloppy,
            command, generation, way.Call.DeadlineMs,
            (operation, result) =>
            {
                if (IsMisplaced(result))
                    WriteAgain(way, attempt.After(result));
                else
                    WriteDone(way, operation, result, attempt.After(result));
            }));
    }

    private bool TryVersion(ref WriteAttempt attempt)
    {
        if (!host.IsWallKnown || !host.Versions.TryNext(host.WallMs, out var version))
            return false;
        attempt = attempt with { Version = version };
        return true;
    }

    private static bool IsMisplaced(in WriteResult result) =>
        result is { Outcome: not WriteOutcome.Succeeded, IsTimedOut: false }
        && (result.Fold.WasRefusedFor(RefusalReason.StaleEpoch)
            || result.Fold.WasRefusedFor(RefusalReason.NoReplica));

    // With the same version: it is the same write.
    private void WriteAgain(CallWay way, WriteAttempt attempt) => _waiting.Add(() =>
        WriteVersion(way with { Nodes = NodesOf(way.Call, way.Keyspace) }, attempt));

    // A life beyond the end of time is endless.
    private static ulong EndOf(RecordVersion version, ulong ttlMs) =>
        ttlMs == 0 || ttlMs > long.MaxValue - (ulong)version.Time.UnixMs
            ? 0 : (ulong)version.Time.UnixMs + ttlMs;

    private void WriteDone(
        CallWay way, WriteOperation operation, in WriteResult result, in WriteAttempt attempt)
    {
        var version = attempt.Version;
        var receipt = way.Call.Request.WantsReceipt ? QuorumReceipts.OfWrite(
            host.Cluster, way.Nodes, way.SettingsOf(way.Change.Present.Count), result.Fold, version) : null;
        if (result.Outcome != WriteOutcome.Succeeded)
        {
            var isIndeterminate = attempt.MayBeStored;
            host.Finish(way.Call, new()
            {
                Status = StatusOf(result, isIndeterminate),
                Message = WhyNot(way, operation, result, attempt),
                Version = isIndeterminate ? version.Time.Value : 0,
                Writer = isIndeterminate ? version.Writer.Value : 0,
                Mode = ReplicationMode.Quorum,
                Partition = PartitionOf(way),
                Epoch = host.Cluster.Epoch,
                Receipt = receipt,
            });
            return;
        }

        var wasThere = attempt.Previous is { } before && before.IsPresent(version.Time.UnixMs);
        var value = wasThere ? attempt.Previous!.Value.Value : default;
        var isReplayed = attempt.IsReplayed;
        host.TakeReplyRoom(way.Call, value.Length, () => host.Finish(way.Call, new()
        {
            Status = ReplyStatus.Ok,
            Found = wasThere,
            Value = value,
            Version = version.Time.Value,
            Writer = version.Writer.Value,
            Mode = ReplicationMode.Quorum,
            Partition = PartitionOf(way),
            Epoch = host.Cluster.Epoch,
            Replayed = isReplayed,
            Receipt = receipt,
        }));
    }

    private static ReplyStatus StatusOf(in WriteResult result, bool isIndeterminate) => result switch
    {
        { IsTimedOut: true } when isIndeterminate => ReplyStatus.DeadlineExceeded,
        _ when isIndeterminate => ReplyStatus.OutcomeUnknown,
        _ when result.Fold.WasRefusedFor(RefusalReason.Full) => ReplyStatus.OutOfSpace,
        _ => ReplyStatus.Unavailable,
    };

    private static string WhyNot(
        CallWay way, WriteOperation operation, in WriteResult result, in WriteAttempt attempt)
    {
        var fold = result.Fold;
        var needed = way.WriteQuorumOf(way.Change.Present);
        var who = $"{needed} of {way.Change.Present.Count} replicas must have the write on disk; it is on: "
            + $"{operation.Names(fold.Acknowledged)}; not known of: "
            + $"{operation.Names(way.Nodes.All.Except(fold.Acknowledged))}";
        return attempt.MayBeStored
            ? $"{who}. It is indeterminate: it may be read, and repair spreads it then; "
                + "retry with the same ids"
            : attempt.Write.Tried is not null
                ? $"{who}. This attempt wrote nothing; an earlier one may have: retry with the same ids"
                : $"{who}. Nothing was written: retry";
    }

    // There may be fewer nodes than replicas are wanted.
    private bool CanMeet(CallWay way, int needed, int replicas, string name)
    {
        if (needed <= replicas && replicas > 0)
            return true;
        Finish(way, ReplyStatus.Unavailable,
            $"keyspace '{way.Keyspace.Settings.Name}' wants {name} = {needed} replicas, and its partition "
                + $"{PartitionOf(way)} has {replicas}: add nodes");
        return false;
    }

    private static uint PartitionOf(CallWay way) => way.Keyspace.Groups.PartitionOf(way.Call.Group).Value;

    private void Finish(CallWay way, ReplyStatus status, string why) =>
        host.Finish(way.Call, Refusal(way, status, why));

    private Reply Refusal(CallWay way, ReplyStatus status, string why) => new()
    {
        Status = status,
        Message = why,
        Mode = ReplicationMode.Quorum,
        Partition = PartitionOf(way),
        Epoch = host.Cluster.Epoch,
    };

    private void Begin(Operation operation)
    {
        _operations.Add(operation.Id, operation);
        operation.Begin();
        EndIfOver(operation);
    }

    private void EndIfOver(Operation operation)
    {
        if (operation.IsOver && _operations.Remove(operation.Id) && operation is WriteOperation write)
            _underWay!.End(write.Generation);
    }

    private void ForEach(Action<Operation> act)
    {
        foreach (var id in _operations.Keys.Order().ToArray())
        {
            if (!_operations.TryGetValue(id, out var operation))
                continue;
            act(operation);
            EndIfOver(operation);
        }
    }
}
