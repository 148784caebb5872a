namespace Kvorum.Raft;

/// <summary>The follower's side of replication (Raft section 5.3).</summary>
public sealed partial class RaftNode
{
    /// <summary>Up to here this log is known to equal that of the present term's leader.</summary>
    private ulong _leaderMatch;

    /// <summary>The newest commit index heard from the present term's leader.</summary>
    private ulong _leaderCommit;

    /// <summary>
    /// True for a replica that was just made to join a group whose first configuration it does not know: it
    /// refuses even the first entry, and so gets a snapshot, possibly the empty one, with the configuration
    /// inside.
    /// </summary>
    private bool IsBlank => _configurations.IsBlank;

    internal void FollowAppend(AppendEntries message)
    {
        if (!HeardFromLeader(message.From)) return;
        var previous = message.PreviousIndex;
        if (IsBlank)
        {
            RefuseAsBlank(message.From);
            return;
        }
        if (Contradicts(message)) return;
        if (previous.Value >= _log.Commit && !_log.Matches(previous, message.PreviousTerm))
        {
            var (index, term) = _log.FindMatchCandidate(previous, message.PreviousTerm);
            SendRefusal(message.From, previous, index, term);
            return;
        }
        // What is committed here equals every leader's log: only what is above can be new or in conflict.
        TakeEntries(message.Entries);
        var last = previous.Value + (ulong)message.Entries.Count;
        _leaderMatch = Math.Max(_leaderMatch, Math.Max(last, _log.Commit));
        LearnCommit(message.Commit.Value);
        Acknowledge(message.From, Math.Max(last, _log.Commit));
    }

    internal void FollowHeartbeat(Heartbeat message)
    {
        if (!HeardFromLeader(message.From)) return;
        if (IsBlank && message.Commit.Value > 0) RefuseAsBlank(message.From);
        else if (Contradicts(message)) return;
        _leaderMatch = Math.Max(_leaderMatch, Math.Min(message.Commit.Value, _log.LastIndex));
        LearnCommit(message.Commit.Value);
        if (message.Quiesce && TryRest(message)) return;
        var round = message.ReadRound;
        var reply = new HeartbeatReply { From = Id, To = message.From, Term = Term, ReadRound = round };
        // The answer is a promise (see Leases): a node that forgets the term in a crash must not have given
        // it.
        if (_durableTerm == Term) Send(reply);
        else SendWhenDurable(reply);
    }

    internal void FollowSnapshot(InstallSnapshot message)
    {
        if (!HeardFromLeader(message.From)) return;
        var snapshot = message.Snapshot;
        if (!IsBlank && Contradicts(message)) return;
        if (snapshot.Index.Value > _log.Commit || IsBlank)
        {
            if (!IsBlank && _log.Matches(snapshot.Index, snapshot.Term)) _log.CommitTo(snapshot.Index.Value);
            else Install(snapshot);
        }
        _leaderMatch = Math.Max(_leaderMatch, _log.Commit);
        Acknowledge(message.From, _log.Commit);
    }

    private void Install(SnapshotMetadata snapshot)
    {
        _log.Install(snapshot);
        _configurations.Reset(snapshot.Index.Value, snapshot.Configuration);
    }

    private void TakeEntries(IReadOnlyList<Entry> entries)
    {
        for (var i = 0; i < entries.Count; i++)
        {
            var entry = entries[i];
            if (entry.Index.Value <= _log.Commit || _log.Matches(entry.Index, entry.Term)) continue;
            if (entry.Index.Value <= _log.LastIndex) TruncateFrom(entry.Index.Value);
            AppendToLog(entry);
        }
    }

    /// <summary>
    /// A leader of a newer term has other entries here: these were never committed (Raft section 5.3).
    /// </summary>
    private void TruncateFrom(ulong index)
    {
        _log.TruncateFrom(index);
        _configurations.TruncateFrom(index);
    }

    private void AppendToLog(in Entry entry)
    {
        _log.Append(entry);
        if (entry.Kind == EntryKind.Configuration) FollowConfiguration(entry);
    }

    /// <summary>
    /// Commits what the leader has committed, as far as this log is known to equal the leader's.
    /// </summary>
    private void LearnCommit(ulong commit)
    {
        _leaderCommit = Math.Max(_leaderCommit, commit);
        _log.CommitTo(Math.Min(_leaderCommit, _leaderMatch));
    }

    /// <summary>
    /// Acknowledges once durable; of several acknowledgements in one Ready only the newest is sent.
    /// </summary>
    private void Acknowledge(NodeId leader, ulong index)
    {
        if (_afterPersist.Count > 0 && _afterPersist[^1] is AppendEntriesReply { Rejected: false } earlier
            && earlier.To == leader && earlier.Term == Term)
        {
            if (earlier.Index.Value >= index) return;
            _afterPersist.RemoveAt(_afterPersist.Count - 1);
        }
        SendWhenDurable(new AppendEntriesReply
        {
            From = Id,
            To = leader,
            Term = Term,
            Rejected = false,
            Index = new(index),
            HintIndex = default,
            HintTerm = default,
        });
    }

    /// <summary>
    /// This replica has no log and no configuration: it refuses even the first entry, and so gets a snapshot.
    /// </summary>
    private void RefuseAsBlank(NodeId leader) => SendRefusal(leader, default, default, default);

    private void SendRefusal(NodeId to, LogIndex refused, LogIndex hintIndex, Term hintTerm) =>
        Send(new AppendEntriesReply
        {
            From = Id,
            To = to,
            Term = Term,
            Rejected = true,
            Index = refused,
            HintIndex = hintIndex,
            HintTerm = hintTerm,
        });
}
