using Kvorum.Node.Groups;
using Kvorum.Raft;
using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Replicas;

/// <summary>
/// A received snapshot takes the place of the data: the manifest is written on the background lane, and only
/// when it is durable does the log hear of it, and of everything behind it. Until then this replica
/// acknowledges nothing, takes no entries and stands for no election; it votes, and answers heartbeats, once
/// term and vote are durable. What there is no room for waits for room.
/// <para>
/// A voter's own log is the snapshot meanwhile: a candidate must have at least that. It is all committed, so
/// whoever can win has it, and it takes the place of what is durable here (the log before it), which a crash
/// brings back: whatever of that was acknowledged and is committed, the leader has that sent the snapshot,
/// and so has everyone who has the snapshot. Nobody rests on the snapshot itself being here.
/// </para>
/// </summary>
internal sealed partial class Replica
{
    // Taken from the core while the snapshot they rest on is not durable: what remains to be done of them.
    private readonly Queue<Ready> _held = new();

    // The newest one, if nothing remains to be done of it but to say so.
    private Ready? _heldLast;

    // What was said of them already, each with the log batch that must be durable before.
    private readonly Queue<(Message[] Messages, ulong Batch)> _answers = new();
    private InstallJob? _install;
    private Action _installed = static () => { };
    private bool _holdsReadies;
    private bool _installFailed;
    private long _installAgainMs;

    /// <summary>True while a snapshot takes the place of the data.</summary>
    public bool IsInstalling => _install is not null;

    // Raft has decided it.
    private void Install(SnapshotMetadata snapshot)
    {
        var verified = _verified;
        Invariant.Check(
            verified is not null && verified.Info.AppliedIndex == snapshot.Index.Value,
            "a snapshot is installed that was not received");
        _holdsReadies = true;
        Replace(verified, () =>
        {
            ForgetProposals();
            loop.Cluster.Note($"{Keyspace}/{Partition}: caught up by a snapshot to {snapshot.Index}");
            _holdsReadies = false;
            EndBlank();
            while (_held.TryDequeue(out var ready))
                Store(ready);
            if (_heldLast is { } last)
                Store(last);
            _heldLast = null;
        });
    }

    // Term and vote need not wait for the snapshot, nor does what rests on them alone.
    private void Hold(Ready ready)
    {
        if (ready.HardState is { } state)
            PersistTermAndVote(state);
        Message[] answers = [.. ready.MessagesAfterPersist.Where(RestsOnTermAndVote)];
        Keep(new()
        {
            Sequence = ready.Sequence,
            HardState = ready.HardState,
            Snapshot = ready.Snapshot,
            Entries = ready.Entries,
            MessagesAfterPersist = _held.Count < Limits.ReadiesHeld
                ? [.. ready.MessagesAfterPersist.Where(static message => !RestsOnTermAndVote(message))] : [],
        });
        if (answers.Length == 0)
            return;
        _answers.Enqueue((answers, _lastBatch));
        SendDurableAnswers();
    }

    // Heartbeats come for as long as there is no room: of Readies with nothing left to do the last one
    // stands for all. Messages beyond the bound are lost, as on any network.
    private void Keep(Ready ready)
    {
        var isDone =
            ready.Snapshot is null && ready.Entries.Count == 0 && ready.MessagesAfterPersist.Count == 0;
        _heldLast = isDone ? ready : null;
        if (!isDone)
            _held.Enqueue(ready);
    }

    private static bool RestsOnTermAndVote(Message message) => message is RequestVoteReply or HeartbeatReply;

    // Not the commit index, which is that of the snapshot: the log would lack what it says is committed.
    private void PersistTermAndVote(HardState state)
    {
        if (state.Term == _persistedState.Term && state.Vote == _persistedState.Vote)
            return;
        _persistedState = _persistedState with { Term = state.Term, Vote = state.Vote };
        AddState(OpenBatch());
        _lastBatch = loop.CurrentBatch;
    }

    // Of what was held, term and vote are durable, and perhaps newer ones: only the commit index is news.
    private HardState NewestOf(HardState state)
    {
        var isOlder = state.Term < _persistedState.Term
            || (state.Term == _persistedState.Term && state.Vote is null);
        return isOlder ? _persistedState with { Commit = state.Commit } : state;
    }

    private void SendDurableAnswers()
    {
        while (_answers.TryPeek(out var head) && head.Batch <= _durableBatch)
        {
            _answers.Dequeue();
            Send(head.Messages);
        }
    }

    // Takes the verified checkpoint over; what is to be done then, once it is durable.
    private void Replace(CheckpointReceiver verified, Action then)
    {
        Invariant.Check(!IsInstalling, "two snapshots are installed at once");
        _verified = null;
        _install = _tree.BeginInstall(verified);
        _installed = then;
        WriteInstall(_install);
    }

    private void WriteInstall(InstallJob install)
    {
        _installFailed = false;
        loop.RunInBackground(install.Write, failure =>
        {
            if (failure is DiskShortageException)
            {
                _installFailed = true;
                _installAgainMs = loop.NowMs + Limits.DiskFullRetryMs;
            }
            else if (failure is not null)
            {
                throw new NodeFaultException(
                    $"{Keyspace}/{Partition}: a snapshot could not be installed: {failure.Message}", failure);
            }
            else
            {
                CompleteInstall(install);
            }
        });
    }

    private void InstallAgain(long nowMs)
    {
        if (_install is { } install && _installFailed && nowMs >= _installAgainMs)
            WriteInstall(install);
    }

    private void CompleteInstall(InstallJob install)
    {
        install.Complete();
        _install = null;
        var tag = GroupRecords.ReadTag(install.Info.Tag);
        TreeDamagedException? damage = null;
        try
        {
            _machine.Reload(tag.LogTimeMs);
            _clock.Written();
            FollowLogTime();
        }
        catch (TreeDamagedException e)
        {
            damage = e;
        }

        _history.Reset(tag.History);
        _logBytesSinceCheckpoint = 0;
        _mayBeDue = true;
        if (damage is not null)
            Refence(damage);
        else
            Unfence();
        if (_machine is State.MetaMachine meta && !IsFenced)
            loop.Cluster.Publish(meta);
        _installed();
        ServeAppliedReads();
        loop.RunInBackground(_tree.RemoveDiscarded, static _ => { });
        loop.Touch(this);
    }
}
