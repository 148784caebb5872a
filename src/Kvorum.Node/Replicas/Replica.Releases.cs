using Kvorum.Raft;
using Kvorum.Storage.Files;

namespace Kvorum.Node.Replicas;

/// <summary>
/// What the log need not keep any more, because a checkpoint has it. Before that goes, the log itself says
/// that it is committed, so that a checkpoint that is lost later is missed at the start.
/// </summary>
internal sealed partial class Replica
{
    // Each with the log batch that must be durable before.
    private readonly Queue<(LogIndex UpTo, ulong Batch)> _releases = new();

    // What was read at the start, and is not yet known to be durable itself.
    private bool _isSettled = parts.Damage is not null || parts.Standing is not null;
    private long _settleAgainMs;

    /// <summary>
    /// Once after the start: makes durable what the tree's manifest said then, in the background, and lets
    /// the log go behind it. A start need not wait for that, and neither needs it before. False if there is
    /// nothing to do.
    /// </summary>
    public bool Settle()
    {
        if (_isSettled || loop.NowMs < _settleAgainMs)
            return false;
        _isSettled = true;
        var checkpoint = _tree.CheckpointIndex;
        loop.RunInBackground(_tree.ResyncManifest, failure =>
        {
            if (failure is DiskShortageException)
            {
                _isSettled = false;
                _settleAgainMs = loop.NowMs + Limits.DiskFullRetryMs;
            }
            else if (failure is not null)
            {
                throw new NodeFaultException(
                    $"{Keyspace}/{Partition}: its manifest could not be written: {failure.Message}", failure);
            }
            else if (checkpoint > 0)
            {
                Release(new(checkpoint));
            }
        });
        return true;
    }

    // Committed, and in a checkpoint that is durable.
    private void Release(LogIndex upTo)
    {
        // Evidence: of a replica that is quarantined nothing more is given up.
        if (IsQuarantined)
            return;
        if (_persistedState.Commit < upTo)
        {
            var batch = OpenBatch();
            _persistedState = _persistedState with { Commit = upTo };
            AddState(batch);
            _lastBatch = loop.CurrentBatch;
        }

        _releases.Enqueue((upTo, _lastBatch));
        ReleaseDurable();
    }

    private void ReleaseDurable()
    {
        while (_releases.TryPeek(out var head) && head.Batch <= _durableBatch)
        {
            _releases.Dequeue();
            loop.ReleaseLog(Group, head.UpTo);
        }
    }
}
