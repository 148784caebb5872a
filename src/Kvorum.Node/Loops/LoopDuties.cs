using Kvorum.Node.Budgets;
using Kvorum.Node.Events;
using Kvorum.Node.Replicas;
using Kvorum.Node.Scans;

namespace Kvorum.Node.Loops;

/// <summary>
/// Time: ticks of the replicas, and what else a loop does because time has passed. Owned by the loop.
/// </summary>
internal sealed class LoopDuties
{
    private readonly NodeContext _context;
    private readonly LoopClock _clock;
    private readonly ReplicaTable _replicas;
    private readonly LoopHost _host;
    private readonly LogPace _pace;
    private readonly RoomWaits _rooms;
    private readonly CallRouter _router;
    private readonly ScanTable _scans;
    private readonly SnapshotPacer _pacer;
    private readonly Scrubber _scrubber;
    private readonly DigestRounds _digests;
    private readonly LoopStop _stop;
    private readonly Moving _moving;
    private readonly LoopQuorums _quorums;

    // Of loop 0 only.
    private readonly DiskWatch? _disk;
    private readonly ClockRounds? _clocks;
    private readonly PeerWatch? _peers;
    private readonly CeilingRounds? _ceiling;
    private long _tickedMs;
    private long _sweptMs;
    private long _balancedMs;
    private ulong _sweptEpoch;
    private int _turnOfRest;

    public LoopDuties(
        NodeContext context, LoopClock clock, ReplicaTable replicas, LoopHost host, LogPace pace,
        RoomWaits rooms, CallRouter router, ScanTable scans, SnapshotPacer pacer, LoopJobs jobs,
        LoopStop stop, Moving moving, ClockRounds? clocks, PeerWatch? peers, LoopQuorums quorums,
        CeilingRounds? ceiling)
    {
        (_quorums, _ceiling) = (quorums, ceiling);
        (_context, _clock, _replicas, _host, _pace) = (context, clock, replicas, host, pace);
        (_rooms, _router, _scans, _pacer, _stop) = (rooms, router, scans, pacer, stop);
        _moving = moving;
        _scrubber = new(context, clock, jobs, replicas);
        _digests = new(context, clock, replicas);
        (_clocks, _peers) = (clocks, peers);
        _disk = clocks is null ? null : new(context, clock, jobs, TellIfNotToLead);
        _tickedMs = clock.NowMs;
    }

    /// <summary>What moves replicas between nodes.</summary>
    internal sealed record Moving(
        ReplicaMaker Maker, ReplicaRemover Remover, ReportRounds Reports, PlanRounds Plans,
        AdminRouter Admin, ClusterWatch Watch, FormatRounds Formats);

    /// <summary>How long it is until the next tick.</summary>
    public TimeSpan UntilNextTick => TimeSpan.FromMilliseconds(
        Math.Max(0, _tickedMs + _context.Options.TickMs - _context.MonotonicMs));

    /// <summary>
    /// When it ticked last, or should have, in the node's milliseconds. Any thread.
    /// </summary>
    public long TickedMs => Volatile.Read(ref _tickedMs);

    private bool IsFirst => _clocks is not null;

    /// <summary>Does what is due.</summary>
    public void Tick()
    {
        var due = (_clock.NowMs - _tickedMs) / _context.Options.TickMs;
        if (due == 0)
            return;
        Volatile.Write(ref _tickedMs, _tickedMs + (due * _context.Options.TickMs));
        if (IsFirst)
        {
            _context.PeerAdmission.Tick(_clock.NowMs);
            _clocks!.Tick();
            _peers!.Tick(_clock.NowMs);
            _ceiling!.Tick();
        }

        if (_context.Cluster.IsAdmitted)
        {
            // One that is woken meanwhile is told the next time.
            for (int i = 0, count = _replicas.Awake.Count; i < count; i++)
                _replicas.Awake[i].Tick(due);
            _digests.Tick();
            _moving.Reports.Tick();
            _moving.Plans.Tick();
            _moving.Formats.Tick();
            _moving.Watch.Tick();
        }

        _moving.Admin.Tick();
        _pacer.Tick();
        _scrubber.Tick();
        if (_clock.NowMs - _sweptMs >= Limits.DeadlineSweepMs)
        {
            Sweep();
            _disk?.Sweep();
        }

        if (_clock.NowMs - _balancedMs >= Limits.BalanceIntervalMs)
            Balance();
        _stop.Tick();
    }

    private void Sweep()
    {
        _sweptMs = _clock.NowMs;
        SweepReplicas();
        FlushIfDue();
        _moving.Maker.Sweep();
        _moving.Remover.Sweep();
        _rooms.Sweep();
        _router.Forwards.Sweep();
        _scans.Sweep(_clock.NowMs);
        _quorums.Sweep();
        _router.Sweep();
    }

    // Those at rest have their turn every second, or when replicas are to be elsewhere.
    private void SweepReplicas()
    {
        var epoch = _context.Cluster.Epoch;
        var every = epoch == _sweptEpoch ? Limits.SweepsOfRest : 1;
        _sweptEpoch = epoch;
        _turnOfRest = (_turnOfRest + 1) % Limits.SweepsOfRest;
        for (var i = _turnOfRest % every; i < _replicas.All.Count; i += every)
            _replicas.Wake(_replicas.All[i]);
        var isSettling = false;
        for (int i = 0, count = _replicas.Awake.Count; i < count; i++)
        {
            var replica = _replicas.Awake[i];
            replica.Sweep();
            // One at a time: nothing waits for it, and others need the lane.
            isSettling = isSettling || replica.Store.Settle();
        }

        _replicas.LetRest();
    }

    private void Balance()
    {
        _balancedMs = _clock.NowMs;
        JudgeLog();
        var given = 0;
        foreach (var replica in _replicas.All)
        {
            if (!_stop.IsStopping && _context.Cluster.IsAdmitted && given < Limits.TransfersPerRound
                && replica.BalanceLeadership())
                given++;
        }

        if (IsFirst)
            _context.Log.Mark();
        foreach (var group in _context.Log.HoldersOfOldest(SegmentsMax))
            _replicas.Find(new(group))?.Store.Checkpoint();
        if (_replicas.Find(GroupId.Metadata) is { IsLeader: true } meta && _context.Cluster.IsAdmitted)
            meta.ProposeLacking();
    }

    // Where there is little room, the log keeps to less.
    private int SegmentsMax => _context.Disk.Level == DiskLevel.Ample ? Limits.LogSegmentsMax : 1;

    // Of this loop's own; the others see to theirs.
    private void FlushIfDue()
    {
        var held = _context.Trees.MemTableBytes;
        if (held <= _context.Options.MemTableBytes / 2)
            return;
        IReplicaStore[] stores = [.. _replicas.All.Select(static replica => replica.Store)];
        var memTables = stores.Select(static store => (Bytes: store.Tree.MemTableBytes, store.IsFlushing))
            .ToArray();
        while (_context.Memory.PickFlush(held, memTables) is { } largest)
        {
            stores[largest].Checkpoint();
            // If it could not begin, it is passed over.
            memTables[largest].IsFlushing = true;
        }
    }

    private void JudgeLog()
    {
        var cluster = _context.Cluster;
        if (_pace.Judge(_clock.NowMs))
            cluster.Tell(new LogPaceChanged(_pace.HealthIssue));
        if (IsFirst)
        {
            var writes = _context.WriteWaits.Take();
            _context.MovePace.Judge(_pace.SlowMs, writes, _host.SnapshotSends > 0);
            _context.SnapshotPace.SetRate(Math.Max(1, _context.MovePace.Rate));
        }

        TellIfNotToLead();
    }

    // At once: or others hand over to this node before they hear of it.
    private void TellIfNotToLead()
    {
        if (!_host.ShouldNotLead)
            return;
        foreach (var peer in _context.Cluster.PeersUp)
            _context.World.Transport.Send(peer, PeerFrameKind.SlowLog, []);
    }
}
