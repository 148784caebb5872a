using System.Runtime.InteropServices;

namespace Kvorum.Raft.Log;

/// <summary>
/// One replica's log: the host's durable storage below, the entries that are not yet durable or not yet
/// handed out in memory above, and the watermarks between. Invariants: <c>Applied &lt;= HandedOut &lt;=
/// Stable</c>, <c>HandedOut &lt;= Commit &lt;= LastIndex</c>, <c>Stable &lt;= HandedToPersist &lt;=
/// LastIndex</c> (while a snapshot is being installed only <c>Commit</c> is meaningful).
/// </summary>
internal sealed class RaftLog
{
    private readonly ILogStorage _storage;
    private readonly EntryTail _tail;
    private readonly List<Persisting> _underWay = [];
    private Entry[] _lastSlice = [];
    private long _lastSliceBytes;

    /// <summary>Starts from what is durable; throws if the pieces contradict each other.</summary>
    public RaftLog(ILogStorage storage, LogIndex commit, LogIndex applied)
    {
        _storage = storage;
        var last = storage.LastIndex.Value;
        var snapshot = storage.Snapshot.Index.Value;
        if (last < snapshot)
            throw Corrupt($"the log ends at {last}, before its snapshot at {snapshot}");
        if (commit.Value > last)
            throw Corrupt($"the hard state says that {commit} is committed, but the log ends at {last}");
        if (applied.Value > last)
            throw Corrupt($"the state machine has applied {applied}, but the log ends at {last}");
        if (applied.Value < snapshot)
            throw Corrupt($"the state machine has applied {applied}, less than the snapshot at {snapshot}");
        _tail = new EntryTail(last + 1);
        Stable = HandedToPersist = last;
        Applied = HandedOut = applied.Value;
        Commit = Math.Max(commit.Value, applied.Value);
    }

    /// <summary>The newest committed index.</summary>
    public ulong Commit { get; private set; }

    /// <summary>Up to here the log is durable.</summary>
    public ulong Stable { get; private set; }

    /// <summary>Up to here entries were handed out to be made durable.</summary>
    public ulong HandedToPersist { get; private set; }

    /// <summary>Up to here committed entries were handed out to be applied.</summary>
    public ulong HandedOut { get; private set; }

    /// <summary>Up to here the state machine has confirmed.</summary>
    public ulong Applied { get; private set; }

    /// <summary>A snapshot that is being installed in place of the log.</summary>
    public SnapshotMetadata? Installing { get; private set; }

    /// <summary>True if <see cref="Installing"/> was not yet handed out.</summary>
    public bool InstallDue { get; private set; }

    /// <summary>The newest index, durable or not.</summary>
    public ulong LastIndex => _tail.End - 1;

    /// <summary>The term of the newest entry.</summary>
    public Term LastTerm => TermOf(LastIndex)
        ?? throw new InvariantException("the term of the last entry is unknown");

    /// <summary>True if entries wait to be handed out for persistence.</summary>
    public bool HasUnpersisted => HandedToPersist < LastIndex;

    /// <summary>True if committed entries wait to be handed out.</summary>
    public bool HasCommitted => Installing is null && HandedOut < Math.Min(Commit, Stable);

    /// <summary>The snapshot a replica gets whose next entry is compacted.</summary>
    public SnapshotMetadata Snapshot => _storage.Snapshot;

    /// <summary>The oldest index that a leader can send without a snapshot.</summary>
    public ulong FirstSendable => _storage.FirstIndex.Value;

    /// <summary>The term of the entry at an index; null if it is compacted or not yet there.</summary>
    public Term? TermOf(ulong index)
    {
        if (index > LastIndex) return null;
        if (index >= _tail.First) return _tail[index].Term;
        if (Installing is { } snapshot)
            return index == snapshot.Index.Value ? snapshot.Term : null;
        if (index == 0) return default(Term);
        return index == _storage.Snapshot.Index.Value ? _storage.Snapshot.Term : _storage.TermOf(new(index));
    }

    /// <summary>
    /// The oldest index whose term is known, and the term: all entries before it are of that term or older.
    /// </summary>
    public (ulong Index, Term Term) Oldest
    {
        get
        {
            var snapshot = Installing ?? _storage.Snapshot;
            var before = _storage.FirstIndex.Value - 1;
            return Installing is null && _storage.TermOf(new(before)) is { } term
                ? (before, term) : (snapshot.Index.Value, snapshot.Term);
        }
    }

    /// <summary>True if the entry at the index has the term.</summary>
    public bool Matches(LogIndex index, Term term) => TermOf(index.Value) == term;

    /// <summary>
    /// True if a log that ends so is at least as complete as this one (Raft section 5.4.1).
    /// </summary>
    public bool IsUpToDate(LogIndex lastIndex, Term lastTerm)
    {
        var mine = LastTerm;
        return lastTerm > mine || (lastTerm == mine && lastIndex.Value >= LastIndex);
    }

    /// <summary>
    /// The largest index up to <paramref name="index"/> at which a log could match one that has
    /// <paramref name="term"/> there: entries of later terms cannot (thesis 5.3's conflict hint, both ways).
    /// Its term is zero if compacted.
    /// </summary>
    public (LogIndex Index, Term Term) FindMatchCandidate(LogIndex index, Term term)
    {
        var candidate = Math.Min(index.Value, LastIndex);
        for (; candidate > 0; candidate--)
        {
            if (TermOf(candidate) is not { } here) return (new(candidate), default);
            if (here <= term) return (new(candidate), here);
        }
        return (default, default);
    }

    /// <summary>Appends the entry that follows the last.</summary>
    public void Append(in Entry entry) => _tail.Add(entry);

    /// <summary>
    /// Removes the entries from <paramref name="index"/> on, also from what is being persisted.
    /// </summary>
    public void TruncateFrom(ulong index)
    {
        Invariant.Check(index > Commit);
        Invariant.Check(index <= LastIndex);
        _tail.TruncateFrom(index);
        _lastSlice = [];
        Stable = Math.Min(Stable, index - 1);
        HandedToPersist = Math.Min(HandedToPersist, index - 1);
        foreach (ref var persisting in CollectionsMarshal.AsSpan(_underWay))
            persisting.LastIndex = Math.Min(persisting.LastIndex, index - 1);
    }

    /// <summary>
    /// Starts to replace the whole log by a snapshot. A snapshot at index 0 requires an empty log.
    /// </summary>
    public void Install(SnapshotMetadata snapshot)
    {
        Invariant.Check(snapshot.Index.Value > Commit || LastIndex == 0);
        Installing = snapshot;
        InstallDue = true;
        _tail.Reset(snapshot.Index.Value + 1);
        _lastSlice = [];
        Commit = HandedToPersist = snapshot.Index.Value;
        foreach (ref var persisting in CollectionsMarshal.AsSpan(_underWay))
            persisting.LastIndex = 0;
    }

    /// <summary>Moves the commit index forward; never back.</summary>
    public bool CommitTo(ulong index)
    {
        if (index <= Commit) return false;
        Invariant.Check(index <= LastIndex);
        Commit = index;
        return true;
    }

    /// <summary>Takes what must be made durable next, and remembers that it is under way.</summary>
    public (SnapshotMetadata? Snapshot, Entry[] Entries) TakeUnpersisted(ulong sequence)
    {
        var snapshot = InstallDue ? Installing : null;
        var entries = HasUnpersisted ? Slice(HandedToPersist + 1, long.MaxValue)! : [];
        InstallDue = false;
        HandedToPersist = LastIndex;
        _underWay.Add(new Persisting
        {
            Sequence = sequence,
            LastIndex = entries.Length > 0 || snapshot is not null ? LastIndex : 0,
            SnapshotIndex = snapshot?.Index.Value,
        });
        return (snapshot, entries);
    }

    /// <summary>What is under way is durable, up to this sequence number.</summary>
    public void Persisted(ulong sequence)
    {
        Invariant.Check(_underWay.Count > 0 && _underWay[0].Sequence <= sequence);
        var count = 0;
        while (count < _underWay.Count && _underWay[count].Sequence <= sequence)
            Persisted(_underWay[count++]);
        _underWay.RemoveRange(0, count);
    }

    private void Persisted(in Persisting done)
    {
        if (Installing is { } snapshot)
        {
            if (done.SnapshotIndex != snapshot.Index.Value) return;
            Invariant.Check(_storage.Snapshot.Index >= snapshot.Index);
            Installing = null;
            Stable = HandedOut = Applied = snapshot.Index.Value;
        }
        Stable = Math.Max(Stable, done.LastIndex);
        Invariant.Check(Stable <= HandedToPersist);
    }

    /// <summary>Takes the next committed entries to be applied, within the bytes given.</summary>
    public Entry[] TakeCommitted(long maxBytes)
    {
        if (!HasCommitted) return [];
        var entries = SliceTo(HandedOut + 1, Math.Min(Commit, Stable) + 1, maxBytes);
        Invariant.Check(entries is { Length: > 0 });
        HandedOut += (ulong)entries.Length;
        _tail.ForgetBefore(HandedOut + 1);
        return entries;
    }

    /// <summary>
    /// The state machine has applied up to an index; an older confirmation changes nothing.
    /// </summary>
    public void AppliedTo(ulong index)
    {
        Invariant.Check(index <= Math.Max(HandedOut, Installing?.Index.Value ?? 0));
        if (Installing is null) Applied = Math.Max(Applied, index);
    }

    /// <summary>
    /// Continues to hand out committed entries after an index that is committed and durable; entries
    /// after it are handed out again. False, and nothing changed, if the log lacks them.
    /// </summary>
    public bool HandOutFrom(ulong applied)
    {
        if (Installing is not null || applied > Math.Min(Commit, Stable)
            || applied + 1 < _storage.FirstIndex.Value)
            return false;
        Applied = HandedOut = applied;
        return true;
    }

    /// <summary>
    /// Entries from an index on, within the bytes given but at least one; null if they are compacted.
    /// </summary>
    public Entry[]? Slice(ulong from, long maxBytes) => SliceTo(from, LastIndex + 1, maxBytes);

    /// <summary>The entry at an index; null if it is compacted or not yet there.</summary>
    public Entry? EntryAt(ulong index)
    {
        if (index > LastIndex || index == 0) return null;
        if (index >= _tail.First) return _tail[index];
        if (Installing is not null) return null;
        var into = new List<Entry>(1);
        return _storage.TryRead(new(index), new(index + 1), long.MaxValue, into) ? into[0] : null;
    }

    private Entry[]? SliceTo(ulong from, ulong end, long maxBytes)
    {
        if (from >= _tail.First) return CachedSlice(from, end, maxBytes);
        if (Installing is not null) return null;
        var into = new List<Entry>(Limits.ReadBatchEntries);
        var readable = _storage.TryRead(new(from), new(Math.Min(end, _tail.First)), maxBytes, into);
        if (!readable) return null;
        Invariant.Check(into.Count > 0 && into[0].Index.Value == from);
        return [.. into];
    }

    /// <summary>
    /// The entries that are persisted, sent to each follower and applied are mostly the same run: one
    /// copy serves all.
    /// </summary>
    private Entry[] CachedSlice(ulong from, ulong end, long maxBytes)
    {
        var cached = _lastSlice.Length > 0 && _lastSlice[0].Index.Value == from
            && _lastSlice[^1].Index.Value + 1 == end && _lastSliceBytes <= maxBytes;
        if (cached) return _lastSlice;
        _lastSlice = _tail.Slice(from, end, maxBytes);
        _lastSliceBytes = 0;
        foreach (ref readonly var entry in _lastSlice.AsSpan()) _lastSliceBytes += entry.Data.Length;
        return _lastSlice;
    }

    private static ArgumentException Corrupt(string what) =>
        new($"The stored state contradicts itself: {what}.");

    private struct Persisting
    {
        public ulong Sequence;
        public ulong LastIndex;
        public ulong? SnapshotIndex;
    }
}
