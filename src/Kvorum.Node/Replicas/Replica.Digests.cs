using Kvorum.Node.Groups;
using Kvorum.Node.Wire;
using Kvorum.Raft;

namespace Kvorum.Node.Replicas;

/// <summary>
/// The standing check: replicas tell each other now and then the hash of all that they have applied, and
/// compare. Two that differ ask all voters. The side that a majority has goes on, the others stand still; if
/// there is no such side, all that know of it stand still.
/// </summary>
internal sealed partial class Replica
{
    private readonly CommittedHistory _history = HistoryOf(parts);

    // Peers whose replicas stand still, and peers whose replicas were given up for this one.
    private readonly SortedSet<NodeId> _quarantinedPeers = [];
    private readonly SortedSet<NodeId> _yielded = [];

    // Peers that differ and were outvoted: this replica's side is decided already.
    private readonly SortedSet<NodeId> _outvoted = [];
    private Dispute? _dispute;

    // The first difference, and which voters have this replica's history, or another.
    private sealed class Dispute(Quarantined found, long sinceMs)
    {
        public Quarantined Found => found;

        public long SinceMs => sinceMs;

        public SortedDictionary<NodeId, bool> Agrees { get; } = [];
    }

    /// <summary>What it has applied.</summary>
    public CommittedHistory History => _history;

    private static CommittedHistory HistoryOf(ReplicaParts parts)
    {
        var history = new CommittedHistory();
        history.Reset(parts.History);
        return history;
    }

    // What other nodes' replicas are said to be.
    private string? PeerAlert => _quarantinedPeers.Count + _outvoted.Count == 0 ? null
        : $"{Keyspace}/{Partition}: the replica on "
            + string.Join(" and ", _quarantinedPeers.Union(_outvoted).Select(loop.Cluster.NameOf))
            + " contradicts others, and is quarantined: this node's replica goes on. Decide which side "
            + "counts: kvorum doctor shows each, kvorum discard gives one up";

    /// <summary>Adds what it tells its peers of itself.</summary>
    public void AddDigest(ByteWriter into, bool wantsAnswer) => DigestCodec.Encode(
        new(Group, wantsAnswer, IsQuarantined, _standing as Discarded, IsBlank ? [] : _history.Points()),
        into);

    /// <summary>A peer tells of its replica.</summary>
    public void Receive(NodeId from, in GroupDigest digest)
    {
        NoteStanding(from, digest);
        Compare(from, digest);
        if (digest.WantsAnswer)
            loop.SendDigest(from, this, wantsAnswer: false);
    }

    /// <summary>Decides a dispute when its time is over.</summary>
    public void SweepDispute(long nowMs)
    {
        if (_dispute is { } dispute && nowMs - dispute.SinceMs >= Limits.DisputeMs)
            Judge(dispute, isOver: true);
    }

    private void NoteStanding(NodeId from, in GroupDigest digest)
    {
        if (!digest.IsQuarantined)
        {
            _quarantinedPeers.Remove(from);
        }
        else
        {
            _quarantinedPeers.Add(from);
            // It leads no more, and a group at rest would not notice.
            if (_raft.Leader == from && !IsQuarantined)
                LeaderGone();
        }

        if (digest.Discarded is null)
        {
            _yielded.Remove(from);
            return;
        }

        _outvoted.Remove(from);
        if (digest.Discarded.Kept == _raft.Id && _yielded.Add(from))
            EndQuarantineIfDecided();
    }

    // With those that were given up for it, a majority has this replica's history.
    private void EndQuarantineIfDecided()
    {
        if (_standing is not Quarantined)
            return;
        var voters = _raft.Configuration.Voters;
        if (voters.Count(voter => voter == _raft.Id || _yielded.Contains(voter)) <= voters.Count / 2)
            return;
        _standing = null;
        AddState(OpenBatch());
        _lastBatch = loop.CurrentBatch;
        _raft.EndQuarantine();
        loop.Cluster.Note($"{Keyspace}/{Partition}: the quarantine of this node's replica ends: those of "
            + string.Join(" and ", _yielded.Select(loop.Cluster.NameOf)) + " were discarded for it");
        loop.Touch(this);
    }

    private void Compare(NodeId from, in GroupDigest digest)
    {
        if (IsBlank)
            return;
        LogIndex? agreed = null;
        foreach (var (index, theirs) in digest.Points)
        {
            if (_history.HashAt(index) is not { } ours)
                continue;
            if (ours != theirs)
            {
                Differs(from, new(index, ours, theirs, true, from));
                return;
            }

            agreed = index;
        }

        if (agreed is { } upTo)
            Agrees(from, upTo);
    }

    private void Agrees(NodeId from, LogIndex upTo)
    {
        _outvoted.Remove(from);
        // What agrees only before the difference says nothing of it.
        if (_dispute is not { } dispute || upTo < dispute.Found.Index)
            return;
        dispute.Agrees[from] = true;
        Judge(dispute, isOver: false);
    }

    private void Differs(NodeId from, Quarantined found)
    {
        if (IsQuarantined || _outvoted.Contains(from))
            return;
        if (_dispute is null)
        {
            _dispute = new(found, loop.NowMs);
            loop.Cluster.Note(
                $"{Keyspace}/{Partition}: {WhyOf(found)}: all voters are asked which of the two they have");
            var others = _raft.Configuration.Voters.Where(voter => voter != _raft.Id && voter != from);
            foreach (var voter in others)
                loop.SendDigest(voter, this, wantsAnswer: true);
        }

        _dispute.Agrees[from] = false;
        Judge(_dispute, isOver: false);
    }

    private void Judge(Dispute dispute, bool isOver)
    {
        var voters = _raft.Configuration.Voters;
        var agreeing = voters.Count(voter =>
            voter == _raft.Id || dispute.Agrees.GetValueOrDefault(voter, false));
        var differing = voters.Count(voter => dispute.Agrees.TryGetValue(voter, out var agrees) && !agrees);
        switch (DisputeJudge.Decide(voters.Count, agreeing, differing, isOver))
        {
            case DisputeVerdict.GoOn:
                _dispute = null;
                _outvoted.UnionWith(dispute.Agrees.Where(one => !one.Value).Select(one => one.Key));
                loop.Cluster.Note(PeerAlert!);
                break;
            case DisputeVerdict.Quarantine:
                _dispute = null;
                BeginQuarantine(dispute.Found);
                break;
        }
    }

    // What a leader offers in place of all that is here must begin with it.
    private bool Contradicts(NodeId from, CheckpointTag tag)
    {
        if (IsBlank || _history.PartsFrom(tag.History) is not var (index, ours, theirs, isHash))
            return false;
        BeginQuarantine(new(index, ours, theirs, isHash, from));
        return true;
    }
}
