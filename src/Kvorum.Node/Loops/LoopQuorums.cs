using Kvorum.Node.Leaderless;
using Kvorum.Node.Leaderless.Deletes;
using Kvorum.Node.Leaderless.Hints;
using Kvorum.Node.Leaderless.Repair;
using Kvorum.Node.Membership;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Quorum;
using Kvorum.Raft;
using Kvorum.Storage;

namespace Kvorum.Node.Loops;

/// <summary>
/// The quorum keyspaces of one loop: coordinates their calls, and answers for the replicas that are here.
/// Owned by the loop.
/// </summary>
internal sealed class LoopQuorums : ICoordinatorHost, IRepairHost
{
    private readonly NodeContext _context;
    private readonly LoopClock _clock;
    private readonly ReplicaTable _replicas;
    private readonly Outboxes _outboxes;
    private readonly LoopCalls _calls;
    private readonly RoomWaits _rooms;
    private readonly QuorumCoordinator _coordinator;
    private readonly RepairRounds _repair;
    private readonly SnapshotPacer _pacer;
    private readonly LoopJobs _jobs;
    private readonly LoopGroup _group;
    private readonly Inbox _inbox;
    private readonly int _loopIndex;
    private readonly ClockAlarm _alarm;
    private ulong _next;
    private long _watermarkMs;

    public LoopQuorums(
        NodeContext context, LoopGroup group, LoopClock clock, Inbox inbox, ReplicaTable replicas,
        Outboxes outboxes, LoopCalls calls, RoomWaits rooms, SnapshotPacer pacer, LoopJobs jobs,
        int loopIndex)
    {
        (_group, _inbox, _pacer, _jobs) = (group, inbox, pacer, jobs);
        (_context, _clock, _replicas, _outboxes) = (context, clock, replicas, outboxes);
        (_calls, _rooms, _loopIndex, _next) = (calls, rooms, loopIndex, context.FirstNumber);
        _coordinator = new(this);
        _repair = new(this);
        Desk = new(_replicas.FindQuorum, () => context.Versions, () => WallMs, KeepHint, Answer);
        Hints = new(
            this, _coordinator.Take, Pace, () => group.Make([GroupBirth.OfHints(Cluster.Self)]),
            context.Options.ForHints());
        _alarm = new(context.Options.VersionOffsetMaxMs, Cluster.Tell);
    }

    /// <summary>The node's hints. Of the loop of <see cref="GroupId.Hints"/> only.</summary>
    public HintKeeper Hints { get; }

    /// <summary>What is asked of the replicas here.</summary>
    public ReplicaDesk Desk { get; }

    /// <inheritdoc cref="ICoordinatorHost.NowMs"/>
    public long NowMs => _clock.NowMs;

    /// <inheritdoc/>
    public long WallMs => _context.RecordWallMs ?? _context.WallMs;

    /// <inheritdoc/>
    public bool IsWallKnown => _context.RecordWallMs is not null;

    /// <inheritdoc cref="ICoordinatorHost.Cluster"/>
    public ClusterView Cluster => _context.Cluster;

    /// <inheritdoc/>
    public VersionClock Versions => _context.Versions;

    /// <summary>Takes a call of a quorum keyspace.</summary>
    public void Take(Call call) => _coordinator.Take(call, call.Quorum!);

    /// <summary>A coordinator on another node asks.</summary>
    public void Take(NodeId from, List<QuorumRequest> questions)
    {
        foreach (var question in questions)
            Desk.Take(from, question);
    }

    /// <summary>Replicas on another node answer.</summary>
    public void Answered(NodeId from, List<QuorumAnswer> answers)
    {
        foreach (var answer in answers)
            _coordinator.Answered(from, answer);
    }

    /// <summary>A message of repair came.</summary>
    public void Take(NodeId from, RepairMessage message) => _repair.Take(from, message);

    /// <summary>A peer came up.</summary>
    public void PeerUp(NodeId peer)
    {
        _repair.PeerUp(peer);
        Hints.PeerUp(peer);
    }

    /// <summary>A peer is silent.</summary>
    public void PeerSuspected(NodeId peer) => _coordinator.PeerSuspected(peer);

    /// <summary>A peer is lost.</summary>
    public void PeerLost(NodeId peer)
    {
        _coordinator.PeerLost(peer);
        _repair.PeerLost(peer);
        Hints.PeerLost(peer);
    }

    /// <summary>Time passes.</summary>
    public void Sweep()
    {
        _coordinator.Sweep();
        if (_context.Cluster.IsAdmitted)
            _repair.Sweep();
        if (_context.Cluster.HasQuorumKeyspaces)
            TurnWatermark();
        if (!IsOfHints)
            return;
        Hints.Sweep();
        _context.HintsKept = Hints.Count;
        _alarm.Judge(NowMs, Versions.RefusedCount);
    }

    /// <summary>What an operator should know of it; null if all is well.</summary>
    public string? HealthIssue => IsOfHints ? _alarm.HealthIssue(NowMs) : null;

    /// <summary>
    /// Tells what this node keeps of a key for replicas that were down. Of the loop of the hints only.
    /// </summary>
    public void DescribeHint(GroupId group, byte[] key, Action<ReplicaOfKey> done) =>
        Hints.Find(group, key, Scan, (peer, record) =>
        {
            var replica = new ReplicaOfKey
            {
                Name = Cluster.Members.NameOf(Cluster.Self),
                State = "up",
                Role = "stand-in",
                Has = "nothing",
            };
            done(record is not { } found ? replica : found.Told(replica, RecordTimeMs) with
            {
                Reason = $"it keeps the write for {Cluster.Members.NameOf(peer)}",
            });
        });

    /// <summary>Hints and clock; null where another loop tells it, or there is nothing to tell.</summary>
    public QuorumNodeStatus? Status => !IsOfHints || !Cluster.HasQuorumKeyspaces ? null : new()
    {
        Hints = Hints.Count,
        HintBytes = Hints.Bytes,
        HintsDropped = Hints.Dropped,
        TimestampsRefused = Versions.RefusedCount,
    };

    private bool IsOfHints => _group.IndexOf(GroupId.Hints) == _loopIndex;

    // The first is told at once: no write begins before.
    private void TurnWatermark()
    {
        var own = _context.Watermarks.Of(Cluster.Self);
        var period = own is null ? 0 : Math.Min(Limits.WatermarkMs, _context.Options.SyncIntervalMs);
        if ((_watermarkMs > 0 && NowMs - _watermarkMs < period)
            || Versions.NextAtLeast(WallMs) is not { } next)
            return;
        _watermarkMs = NowMs;
        var (low, isHeld) = _coordinator.Turn(next, _context.Options.TombstoneMinMs);
        _context.Watermarks.Publish(_loopIndex, low, isHeld);
        if (IsOfHints && _context.Watermarks.Own() is { } least)
            TellWatermark(new(least.Low, least.IsHeld, Hints.Oldest(least.Low)));
    }

    private void TellWatermark(NodeWatermark watermark)
    {
        _context.Watermarks.Told(Cluster.Self, watermark);
        if (!Cluster.IsAdmitted)
            return;
        var room = new ByteWriter();
        watermark.Write(room);
        foreach (var peer in Cluster.PeersUp)
            _context.World.Transport.Send(peer, PeerFrameKind.Watermark, room.Written);
    }

    /// <inheritdoc/>
    public void KeepHint(Hint hint, Action<bool> done) => _group.OfGroup(GroupId.Hints).Post(
        new LoopEvent.HintWanted(hint, isKept => _inbox.Post(new LoopEvent.HintKept(done, isKept))));

    /// <inheritdoc cref="ICoordinatorHost.RecordTimeMs"/>
    public long RecordTimeMs => _context.RecordTimeMs;

    /// <inheritdoc/>
    public long SyncIntervalMs => _context.Options.SyncIntervalMs;

    /// <inheritdoc/>
    public long TombstoneMinMs => _context.Options.TombstoneMinMs;

    /// <inheritdoc/>
    public WatermarkTable Watermarks => _context.Watermarks;

    /// <inheritdoc/>
    public HybridTimestamp? FloorOf(GroupId group) => Watermarks.FloorOf(group, Cluster.Ids);

    /// <inheritdoc/>
    public IReadOnlyCollection<QuorumReplica> Replicas => _replicas.Quorums;

    /// <inheritdoc/>
    public QuorumReplica? ReplicaOf(GroupId group) => _replicas.FindQuorum(group);

    /// <inheritdoc/>
    public void Send(NodeId to, RepairMessage message)
    {
        var bytes = _outboxes.Send(to, message);
        // Marks that are told belong to no exchange.
        if (bytes == 0 || message is RepairMessage.Told || ReplicaOf(message.Group) is not { } replica)
            return;
        var commandBytes = message.CommandBytes;
        replica.Gave(bytes - commandBytes, message.RecordCount, commandBytes);
    }

    /// <inheritdoc/>
    public void Store(NodeId to, GroupId group, ReadOnlyMemory<byte> command)
    {
        // The group's epoch: by a higher one the replica would refuse all that coordinators ask of it.
        if (Cluster.Placement.Placed(group) is not { } placed)
            return;
        Ask(to, new(QuorumAsk.Store, Id: 0, group, placed.Epoch.Value, command));
        ReplicaOf(group)?.Gave(comparedBytes: 0, records: 1, command.Length);
    }

    /// <inheritdoc/>
    public void Pace(long bytes, Action send) => _pacer.Send(bytes, send);

    /// <inheritdoc/>
    public void Scan(Action work, Action<Exception?> done) => _jobs.Run(JobLane.Scan, work, done);

    /// <inheritdoc cref="ICoordinatorHost.NextOperation"/>
    public ulong NextOperation() => (_next++ * (ulong)_context.Options.Loops) + (ulong)_loopIndex;

    /// <inheritdoc/>
    public void Ask(NodeId node, in QuorumRequest request)
    {
        if (node != _context.Cluster.Self)
            _outboxes.Of(node).Add(request, _context.World.Transport);
        else if (_group.IndexOf(request.Group) == _loopIndex)
            Desk.Take(node, request);
        else
            _group.OfGroup(request.Group).Post(new LoopEvent.QuorumAsked(node, [request]));
    }

    /// <inheritdoc/>
    public void Finish(Call call, Reply reply) => _calls.Finish(call, reply);

    /// <inheritdoc/>
    public void TakeReplyRoom(Call call, long valueBytes, Action then) =>
        _rooms.TakeForReply(call, valueBytes, then);

    private void Answer(NodeId to, QuorumAnswer answer)
    {
        if (to != _context.Cluster.Self)
            _outboxes.Of(to).Add(answer, _context.World.Transport);
        else if (_group.IndexOfNumber(answer.Id) == _loopIndex)
            _coordinator.Answered(to, answer);
        else
            _group.OfNumber(answer.Id).Post(new LoopEvent.QuorumAnswered(to, [answer]));
    }
}
