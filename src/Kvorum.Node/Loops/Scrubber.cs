using Kvorum.Node.Events;
using Kvorum.Node.Replicas;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Loops;

/// <summary>
/// Reads all tables of the loop's replicas, slowly, round after round, so that damage in what is never read
/// is found while other replicas are whole. What is found is as if a read had found it. Owned by the loop.
/// </summary>
internal sealed class Scrubber(NodeContext context, LoopClock clock, LoopJobs jobs, ReplicaTable replicas)
{
    // The replicas of this round, and which of their tables come next.
    private readonly Queue<IReplica> _round = new();
    private TableScrub? _scrub;
    private ulong _table;
    private bool _isRunning;
    private long _againMs;

    /// <summary>Reads a piece, on the lane of slow work, unless one is being read.</summary>
    public void Tick()
    {
        if (context.Options.ScrubBytesPerSecond == 0 || _isRunning || clock.NowMs < _againMs
            || !context.ScrubPace.TryTake(0, clock.NowMs))
            return;
        if (_scrub is null && !Open())
            return;
        var (replica, scrub) = (_round.Peek(), _scrub!);
        long bytes = 0;
        _isRunning = true;
        jobs.RunInBackground(() => bytes = scrub.Run(), failure =>
        {
            _isRunning = false;
            context.ScrubPace.Take(bytes, clock.NowMs);
            if (failure is null && bytes > 0)
                return;
            End(replica, failure);
        });
    }

    private bool Open()
    {
        if (_round.Count == 0)
            BeginRound();
        while (_round.TryPeek(out var replica))
        {
            _scrub = IsHere(replica) ? replica.Store.OpenScrub(_table) : null;
            if (_scrub is not null)
                return true;
            _round.Dequeue();
            _table = 0;
        }

        _againMs = clock.NowMs + context.Options.ScrubPauseMs;
        return false;
    }

    // It may have been removed since the round began.
    private bool IsHere(IReplica replica) => replicas.Find(replica.Identity.Group) == replica;

    // Where it begins differs from life to life: however short they are, no replica is always the last.
    private void BeginRound()
    {
        IReplica[] all = [.. replicas.All];
        var first = all.Length == 0 ? 0 : (int)(context.FirstNumber % (ulong)all.Length);
        foreach (var replica in all[first..].Concat(all[..first]))
            _round.Enqueue(replica);
    }

    // Whatever else went wrong than damage, the next round may show it again.
    private void End(IReplica replica, Exception? failure)
    {
        _table = _scrub!.Table;
        _scrub.Dispose();
        _scrub = null;
        if (!IsHere(replica))
            return;
        if (failure is TreeDamagedException damage)
            replica.Store.Found(_table, damage);
        else if (failure is not null)
            context.Cluster.Tell(new TableNotChecked(failure.Message));
    }
}
