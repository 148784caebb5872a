using Kvorum.Node.Groups;
using Kvorum.Node.Membership;
using Kvorum.Node.Wire;
using Kvorum.Raft;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Replicas;

/// <summary>
/// What a replica has written into the log's batches and what waits until they are durable: Readies of the
/// core, answers that rest on term and vote, and entries that the log need not keep. It owns the group's
/// state record: term, vote, commit index and standing. Owned by the node loop.
/// </summary>
internal sealed class DurableQueue(IReplicaHost host, IReplica owner, ReplicaParts parts)
{
    // Each with the log batch that must be durable before; batches never fall within a queue.
    private readonly Queue<(Ready Ready, ulong Batch)> _readies = new();
    private readonly Queue<(Message[] Messages, ulong Batch)> _answers = new();
    private readonly Queue<(LogIndex UpTo, ulong Batch)> _releases = new();
    private readonly ByteWriter _room = new();
    private GroupBirth _birth = parts.Birth;
    private SnapshotMetadata? _owedMark = parts.OwedMark;
    private ulong _lastBatch;
    private ulong _durableBatch;

    // The standing has changed, and goes into the log with the next batch.
    private bool _isStandingDue;

    /// <summary>Term, vote and commit index that the log has, or has with a batch under way.</summary>
    public HardState State { get; private set; } = parts.State;

    /// <summary>Why the replica does not take part as others do; null if it does.</summary>
    public Standing? Standing { get; private set; } = parts.Standing;

    /// <summary>
    /// Writes what the Ready wants durable. True if nothing has to be waited for; else the Ready comes back
    /// from <see cref="TryTakeReady"/>.
    /// </summary>
    public bool Add(Ready ready)
    {
        if (MustPersist(ready))
        {
            Persist(ready);
            _lastBatch = host.CurrentBatch;
        }
        else if (_readies.Count == 0)
        {
            return true;
        }

        // What leaves after this Ready may rest on the ones before it.
        _readies.Enqueue((ready, _lastBatch));
        return false;
    }

    /// <summary>All log batches up to this one are durable.</summary>
    public void Durable(ulong batch)
    {
        Invariant.Check(
            batch >= _durableBatch && batch <= host.CurrentBatch, "log batches become durable out of order");
        _durableBatch = batch;
    }

    /// <summary>Takes the next Ready that is durable.</summary>
    public bool TryTakeReady(out Ready ready) => TryTake(_readies, out ready);

    /// <summary>Takes the next answers whose term and vote are durable.</summary>
    public bool TryTakeAnswers(out Message[] messages) => TryTake(_answers, out messages);

    /// <summary>Takes the next index up to which the log may go.</summary>
    public bool TryTakeRelease(out LogIndex upTo) => TryTake(_releases, out upTo);

    /// <summary>Answers leave once all that was written so far is durable.</summary>
    public void AddAnswers(Message[] messages) => _answers.Enqueue((messages, _lastBatch));

    /// <summary>What was to be answered is not answered any more.</summary>
    public void DropAnswers() => _answers.Clear();

    /// <summary>
    /// Term and vote alone. Not the commit index: that of a snapshot which is not durable names entries that
    /// the log lacks.
    /// </summary>
    public void PersistTermAndVote(HardState state)
    {
        if (state.Term == State.Term && state.Vote == State.Vote)
            return;
        SetState(State with { Term = state.Term, Vote = state.Vote });
        WriteState();
    }

    /// <summary>
    /// The log may go up to an index, which is committed and in a durable checkpoint. First the log itself
    /// says that it is committed, so that a checkpoint that is lost later is missed at the start, and what
    /// the configuration was.
    /// </summary>
    public void Release(LogIndex upTo)
    {
        if (parts.Raft.ConfigurationIndexAt(upTo) is { } index && index > _birth.At
            && parts.Raft.ConfigurationAt(upTo) is { } configuration)
        {
            WriteConfiguration(OpenBatch(), upTo, configuration);
            _lastBatch = host.CurrentBatch;
        }

        if (State.Commit < upTo)
        {
            SetState(State with { Commit = upTo });
            WriteState();
        }

        _releases.Enqueue((upTo, _lastBatch));
    }

    /// <summary>Writes a new standing at once.</summary>
    public void WriteStanding(Standing? standing)
    {
        Standing = standing;
        WriteState();
    }

    /// <summary>The standing ends; the log is told with the next batch.</summary>
    public void EndStanding()
    {
        Standing = null;
        _isStandingDue = true;
    }

    private bool TryTake<T>(Queue<(T Item, ulong Batch)> queue, out T item)
    {
        if (queue.TryPeek(out var head) && head.Batch <= _durableBatch)
        {
            item = queue.Dequeue().Item;
            return true;
        }

        item = default!;
        return false;
    }

    // A commit index alone is only a hint for restarts: it rides along with the next real change.
    private bool MustPersist(Ready ready) => ready.Entries.Count > 0 || ready.Snapshot is not null
        || (ready.HardState is { } state
            && (state.Term != State.Term || state.Vote != State.Vote));

    private void Persist(Ready ready)
    {
        var batch = OpenBatch();
        if (ready.Snapshot is { } snapshot)
            AddMark(batch, snapshot);

        if (ready.HardState is { } found && NewestOf(found) is var state && state != State)
        {
            SetState(state);
            _isStandingDue = true;
        }

        if (_isStandingDue)
            AddState(batch);

        for (var i = 0; i < ready.Entries.Count; i++)
            GroupRecords.Add(batch, parts.Group, ready.Entries[i]);
    }

    // Of what was held, term and vote are durable, and perhaps newer ones: only the commit index is news.
    private HardState NewestOf(HardState state)
    {
        var isOlder = state.Term < State.Term || (state.Term == State.Term && state.Vote is null);
        return isOlder ? State with { Commit = state.Commit } : state;
    }

    private void SetState(HardState state)
    {
        Invariant.Check(
            state.Term > State.Term
                || (state.Term == State.Term && (State.Vote is null || state.Vote == State.Vote)),
            "a term fell, or a vote changed within its term");
        State = state;
    }

    private void WriteState()
    {
        AddState(OpenBatch());
        _lastBatch = host.CurrentBatch;
    }

    private void AddState(LogBatch batch)
    {
        GroupRecords.Add(batch, parts.Group, new GroupState(State, Standing));
        _isStandingDue = false;
    }

    // What a crash kept from the log comes before all else.
    private LogBatch OpenBatch()
    {
        var batch = host.OpenBatch(owner);
        if (_owedMark is { } owed)
            AddMark(batch, owed);
        _owedMark = null;
        return batch;
    }

    private void AddMark(LogBatch batch, SnapshotMetadata snapshot)
    {
        GroupRecords.AddMark(batch, parts.Group, snapshot);
        WriteConfiguration(batch, snapshot.Index, snapshot.Configuration);
    }

    private void WriteConfiguration(LogBatch batch, LogIndex at, Configuration configuration)
    {
        _birth = _birth with { First = configuration, At = at };
        BirthRecords.Add(batch, _birth, _room);
    }
}
