using Kvorum.Raft.Membership;
using Kvorum.Raft.Reads;
using Kvorum.Raft.Replication;

namespace Kvorum.Raft;

/// <summary>
/// Linearizable reads without log entries (thesis 6.4), on the leader and through it on followers.
/// </summary>
public sealed partial class RaftNode
{
    private List<ReadState> _answeredReads = [];

    /// <summary>
    /// Asks at which index a linearizable read may be served; the answer comes as <see cref="Ready.Reads"/>.
    /// Works on followers too, which ask their leader (always confirmed, never by lease).
    /// </summary>
    public void ReadIndex(ulong readId, ReadMode mode)
    {
        Wake();
        if (Role == Role.Leader)
        {
            if (mode == ReadMode.Lease && HoldsLease) _answeredReads.Add(new(readId, CommitIndex));
            else LeadRead(new(Id, readId));
        }
        else if (Role == Role.Follower && Leader is not null)
        {
            _forwarded.Add(readId);
            if (!_forwarded.IsUnderWay) RequestReadIndex(_forwarded.Send(_now));
        }
        else
        {
            _answeredReads.Add(new(readId, null));
        }
    }

    /// <summary>
    /// The voters whose confirmation of the newest confirmed round is here, which is no older than that of
    /// any read answered so far; none if this node does not lead.
    /// </summary>
    public IReadOnlyList<NodeId> Confirmers =>
        Role == Role.Leader ? VotersThat(_peers.Reached(RoundOf), RoundOf) : [];

    /// <summary>The voters known to have an entry on disk; none if this node does not lead.</summary>
    public IReadOnlyList<NodeId> HoldersOf(LogIndex index) =>
        Role == Role.Leader ? VotersThat(index.Value, MatchOf) : [];

    private List<NodeId> VotersThat(ulong reached, Func<Progress, ulong> value)
    {
        var voters = new List<NodeId>();
        foreach (var peer in _peers.All)
        {
            if (Configuration.HasVoter(peer.Node) && value(peer) >= reached) voters.Add(peer.Node);
        }
        return voters;
    }

    internal void LeadRead(PendingRead read)
    {
        Touch();
        _rounds.Add(read);
        StartWaitingReads();
    }

    /// <summary>
    /// Confirms the leadership for waiting reads at once, unless a round is under way: then they share the
    /// next.
    /// </summary>
    private void StartWaitingReads()
    {
        if (_rounds.HasWaiting && !_rounds.IsUnderWay && HasCommittedInTerm) StartRound(toAll: false);
    }

    /// <summary>Sends a round of heartbeats, to all members or to the voters, which can confirm it.</summary>
    private void StartRound(bool toAll)
    {
        var round = _rounds.Send(_now, HasCommittedInTerm ? CommitIndex : null);
        foreach (var peer in _peers.All)
        {
            if (peer.Node == Id) peer.Confirm(round);
            else if (toAll || Configuration.HasVoter(peer.Node)) SendHeartbeat(peer, round, quiesce: false);
        }
        ConfirmRounds();
    }

    private void ConfirmRounds()
    {
        _rounds.Confirmed(_peers.Reached(RoundOf), _answerRead ??= AnswerRead);
        StartWaitingReads();
    }

    private Action<PendingRead, LogIndex>? _answerRead;

    private void AnswerRead(PendingRead read, LogIndex index) => AnswerRead(read, (LogIndex?)index);

    private void AnswerRead(PendingRead read, LogIndex? index)
    {
        var (asker, id) = read;
        if (asker == Id) _answeredReads.Add(new(id, index));
        else Send(new ReadIndexReply { From = Id, To = asker, Term = Term, ReadId = id, Index = index });
    }

    /// <summary>A follower asks a node that does not lead.</summary>
    internal void RefuseRead(ReadIndexRequest request) =>
        AnswerRead(new(request.From, request.ReadId), (LogIndex?)null);

    private void RequestReadIndex(ulong requestId)
    {
        Invariant.Check(Role == Role.Follower && Leader is not null);
        Send(new ReadIndexRequest { From = Id, To = Leader.Value, Term = Term, ReadId = requestId });
    }

    /// <summary>Repeats the request: it or its answer may be lost.</summary>
    private void RetryForwardedReads()
    {
        if (!_forwarded.IsUnderWay || Leader is null) return;
        if (_now - _forwarded.SentTick >= Limits.ReadRetryHeartbeats * _options.HeartbeatTicks)
            RequestReadIndex(_forwarded.SendAgain(_now));
    }

    internal void ForwardedReadAnswered(ReadIndexReply reply)
    {
        if (_forwarded.Answered(reply.ReadId) is not { } reads) return;
        foreach (var read in reads) _answeredReads.Add(new(read, reply.Index));
        // The index is committed: what of it is here need not wait for the next heartbeat.
        if (reply.Index is { } index) LearnCommit(index.Value);
        if (_forwarded.HasWaiting) RequestReadIndex(_forwarded.Send(_now));
    }

    /// <summary>Gives up all waiting reads: their callers must ask again.</summary>
    private void AbandonReads()
    {
        foreach (var read in _rounds.Abandon()) AnswerRead(read, (LogIndex?)null);
        foreach (var read in _forwarded.Abandon()) _answeredReads.Add(new(read, null));
    }
}
