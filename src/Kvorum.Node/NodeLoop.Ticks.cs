using Kvorum.Node.Room;
using Kvorum.Node.State;
using Kvorum.Storage.Files;

namespace Kvorum.Node;

/// <summary>Time: ticks of the replicas and the duties that come with it.</summary>
public sealed partial class NodeLoop
{
    private long _tickedMs;
    private long _sweptMs;
    private long _balancedMs;
    private bool _isLookingAtDisk;
    private long _lookedAtDiskMs;
    private long _writtenAtLook;
    private bool _isStopping;
    private long _stopAtMs;
    private Action? _stopped;

    /// <summary>When it ticked last, or should have, in the node's milliseconds. Any thread.</summary>
    internal long TickedMs => Volatile.Read(ref _tickedMs);

    /// <summary>
    /// Hands leadership over and finishes what is pending; <paramref name="done"/> is called when that is
    /// done, or at its time.
    /// </summary>
    internal void Stop(TimeSpan patience, Action done)
    {
        _isStopping = true;
        _stopAtMs = NowMs + (long)patience.TotalMilliseconds;
        _stopped = done;
    }

    private void RunTicks()
    {
        var due = (NowMs - _tickedMs) / Options.TickMs;
        if (due == 0)
            return;
        _tickedMs += due * Options.TickMs;
        if (Index == 0)
        {
            _context.Introductions.Tick(NowMs);
            CompareClocks();
        }

        if (Cluster.IsAdmitted)
        {
            TickReplicas(due);
            SendDigestsIfDue();
        }

        SendPaced();
        Scrub();
        if (NowMs - _sweptMs >= Limits.DeadlineSweepMs)
        {
            Sweep();
            if (Index == 0)
                LookAtDiskIfDue();
        }

        if (NowMs - _balancedMs >= Limits.BalanceIntervalMs)
            Balance();
        if (_isStopping)
            StopIfDone();
    }

    private void TickReplicas(long due)
    {
        foreach (var replica in _replicas.Values)
        {
            // After a pause, what the peers said meanwhile is still in the sockets: a follower must hear it
            // before its patience ends. A leader counts every tick: its lease and its majority may be gone.
            var ticks = replica.IsLeader ? due : Math.Min(due, 2);
            for (var i = 0; i < ticks; i++)
                replica.Tick();
            replica.AdvanceTimeIfDue();
        }
    }

    private void Sweep()
    {
        _sweptMs = NowMs;
        var isSettling = false;
        foreach (var replica in _replicas.Values)
        {
            if (replica.HasCalls)
            {
                replica.SweepDeadlines(NowMs);
                replica.RetryWaiting();
            }

            replica.SweepSnapshots(NowMs);
            replica.CheckpointIfDue();
            replica.Compact();
            replica.ReclaimIfDue();
            // One at a time: nobody waits for it, and others need the lane.
            isSettling = isSettling || replica.Settle();
        }

        FlushIfDue();
        SweepRoomWaits();
        if (_forwards.Count > 0)
            _forwards.Sweep(NowMs);
        _scans.Sweep(NowMs);
        RetryHomeless();
    }

    private void Balance()
    {
        _balancedMs = NowMs;
        JudgeLog();
        var given = 0;
        foreach (var replica in _replicas.Values)
        {
            if (!_isStopping && Cluster.IsAdmitted && given < Limits.TransfersPerRound
                && replica.BalanceLeadership())
                given++;
        }

        if (Index == 0)
            _context.Log.Mark();
        foreach (var group in _context.Log.HoldersOfOldest(SegmentsMax))
            Find(group)?.Checkpoint();
        if (Find(0) is { IsLeader: true } meta && Cluster.IsAdmitted)
            TellMeta(meta);
    }

    // Where there is little room, the log keeps to less.
    private int SegmentsMax => Disk.Level == DiskLevel.Ample ? Limits.LogSegmentsMax : 1;

    // Of this loop's own; the others see to theirs.
    private void FlushIfDue()
    {
        var held = _context.Trees.MemTableBytes;
        if (held <= Options.MemTableBytes / 2)
            return;
        var replicas = _replicas.Values.ToArray();
        var memTables = replicas.Select(one => (Bytes: one.Tree.MemTableBytes, one.IsFlushing)).ToArray();
        while (_context.Memory.PickFlush(held, memTables) is { } largest)
        {
            replicas[largest].Checkpoint();
            // If it could not begin, it is passed over.
            memTables[largest].IsFlushing = true;
        }
    }

    // Once a second, and sooner when much was written since.
    private void LookAtDiskIfDue()
    {
        var written = _context.Log.Counters.Bytes;
        var isDue = NowMs - _lookedAtDiskMs >= Limits.DiskLookMs
            || written - _writtenAtLook >= Disk.Reserve / 8;
        if (_isLookingAtDisk || !isDue)
            return;
        (_isLookingAtDisk, _lookedAtDiskMs, _writtenAtLook) = (true, NowMs, written);
        DiskRoom room = default;
        RunInBackground(() => room = _context.World.Files.Room(), failure =>
        {
            _isLookingAtDisk = false;
            // A disk that does not tell is no reason to stop.
            if (failure is null && Disk.Judge(room, _context.Log.WaitsFor))
                Cluster.Note(Disk.Alert ?? $"there is room on the disk again ({Disk.Free} free)");
            _context.Log.Resume();
        });
    }

    private void JudgeLog()
    {
        if (_pace.Judge(NowMs))
            Cluster.Note(_pace.Alert ?? "writes to this node's log are fast again: it may lead");
        if (!ShouldNotLead)
            return;
        foreach (var node in Cluster.Up)
        {
            if (node != Cluster.Self)
                Transport.Send(node, PeerFrameKind.SlowLog, []);
        }
    }

    // The metadata group learns what is not yet in it: the keyspaces, and where members can be reached.
    private void TellMeta(Replicas.Replica meta)
    {
        var machine = (MetaMachine)meta.Machine;
        var time = meta.TimeOfWrite();
        if (!machine.Keyspaces.ContainsKey("default"))
            meta.Propose(MetaMachine.EncodeKeyspace(Cluster.DefaultKeyspace, time));
        foreach (var id in Cluster.Ids)
        {
            if (Cluster.Announcement(id) is { } member && machine.Members.GetValueOrDefault(id) != member)
                meta.Propose(MetaMachine.EncodeMember(id, member, time));
        }
    }

    private void StopIfDone()
    {
        var handedOver = true;
        foreach (var replica in _replicas.Values)
            handedOver &= replica.HandOver();
        if ((!handedOver || Volatile.Read(ref _callCount) > 0) && NowMs < _stopAtMs)
            return;
        _isStopping = false;
        _stopped?.Invoke();
        _stopped = null;
    }

    private TimeSpan UntilNextTick() =>
        TimeSpan.FromMilliseconds(Math.Max(0, _tickedMs + Options.TickMs - _context.MonotonicMs));
}
