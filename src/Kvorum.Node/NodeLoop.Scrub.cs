using Kvorum.Node.Replicas;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node;

/// <summary>
/// Scrubbing: all tables of the loop's replicas are read, slowly, round after round, so that damage in what
/// nobody reads is found while other replicas are whole. What is found is as if a read had found it.
/// </summary>
public sealed partial class NodeLoop
{
    // The replicas of this round, and which of their tables come next.
    private readonly Queue<RaftReplica> _scrubbed = new();
    private TableScrub? _scrub;
    private ulong _scrubbedTable;
    private bool _isScrubbing;
    private long _scrubAgainMs;

    // A piece at most at each tick, on the lane of slow work.
    private void Scrub()
    {
        if (Options.ScrubBytesPerSecond == 0 || _isScrubbing || NowMs < _scrubAgainMs
            || !_context.ScrubPace.TryTake(0, NowMs))
            return;
        if (_scrub is null && !OpenScrub())
            return;
        var (replica, scrub) = (_scrubbed.Peek(), _scrub!);
        long bytes = 0;
        _isScrubbing = true;
        RunInBackground(() => bytes = scrub.Run(), failure =>
        {
            _isScrubbing = false;
            _context.ScrubPace.Take(bytes, NowMs);
            if (failure is null && bytes > 0)
                return;
            EndScrub(replica, failure);
        });
    }

    private bool OpenScrub()
    {
        if (_scrubbed.Count == 0)
            BeginRound();
        while (_scrubbed.TryPeek(out var replica))
        {
            _scrub = replica.Store.OpenScrub(_scrubbedTable);
            if (_scrub is not null)
                return true;
            _scrubbed.Dequeue();
            _scrubbedTable = 0;
        }

        _scrubAgainMs = NowMs + Options.ScrubPauseMs;
        return false;
    }

    // Where it begins differs from life to life: however short they are, no replica is always the last.
    private void BeginRound()
    {
        RaftReplica[] replicas = [.. _replicas.Values];
        var first = replicas.Length == 0 ? 0 : (int)(_context.FirstNumber % (ulong)replicas.Length);
        foreach (var replica in replicas[first..].Concat(replicas[..first]))
            _scrubbed.Enqueue(replica);
    }

    // Whatever else went wrong than damage, the next round may show it again.
    private void EndScrub(RaftReplica replica, Exception? failure)
    {
        _scrubbedTable = _scrub!.Table;
        _scrub.Dispose();
        _scrub = null;
        if (failure is TreeDamagedException damage)
            replica.Store.Found(_scrubbedTable, damage);
        else if (failure is not null)
            Cluster.Note($"a table could not be checked: {failure.Message}");
    }
}
