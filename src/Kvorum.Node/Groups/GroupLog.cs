using Kvorum.Raft;

namespace Kvorum.Node.Groups;

/// <summary>
/// One group's durable log as Raft reads it: the entries since the last checkpoint and a few before it, in
/// memory, for the shared log has them on disk. Bounded by the checkpoints. Owned by the node loop.
/// </summary>
internal sealed class GroupLog(SnapshotMetadata snapshot) : ILogStorage
{
    private readonly List<Entry> _entries = [];
    private readonly EntryArena _arena = new();

    // Index of the first of _entries, and the term of the entry before it.
    private ulong _first = snapshot.Index.Value + 1;
    private Term _termBeforeFirst = snapshot.Term;

    /// <inheritdoc/>
    public SnapshotMetadata Snapshot { get; private set; } = snapshot;

    /// <inheritdoc/>
    public LogIndex FirstIndex => new(_first);

    /// <inheritdoc/>
    public LogIndex LastIndex => new(_first + (ulong)_entries.Count - 1);

    /// <inheritdoc/>
    public Term? TermOf(LogIndex index)
    {
        if (index.Value == _first - 1)
            return _termBeforeFirst;
        return index.Value < _first || index > LastIndex ? null : At(index.Value).Term;
    }

    /// <inheritdoc/>
    public bool TryRead(LogIndex from, LogIndex end, long maxBytes, List<Entry> into)
    {
        if (from.Value < _first)
            return false;
        long bytes = 0;
        for (var index = from.Value; index < end.Value && index <= LastIndex.Value; index++)
        {
            var entry = At(index);
            bytes += entry.Data.Length;
            if (bytes > maxBytes && index > from.Value)
                break;
            into.Add(entry);
        }

        return true;
    }

    /// <summary>Appends entries that are durable now, replacing what they overlap.</summary>
    public void Append(IReadOnlyList<Entry> entries)
    {
        for (var i = 0; i < entries.Count; i++)
            Append(entries[i]);
    }

    /// <summary>Appends one entry, replacing those from its index on.</summary>
    public void Append(in Entry entry)
    {
        Invariant.Check(entry.Index.Value >= _first && entry.Index.Value <= LastIndex.Value + 1, "an entry leaves a gap in the log");
        var at = (int)(entry.Index.Value - _first);
        if (at < _entries.Count)
            _entries.RemoveRange(at, _entries.Count - at);
        _entries.Add(entry with { Data = _arena.Keep(entry.Data) });
    }

    /// <summary>
    /// A checkpoint covers the log up to its index: drops all before it but the last entries, up to so many
    /// bytes, for followers that lag a little; and, up to a bound, none from an index on that is wanted.
    /// </summary>
    public void TruncatePrefix(
        SnapshotMetadata snapshot, long trailingBytes, LogIndex? wanted = null, long wantedBytes = 0)
    {
        Invariant.Check(snapshot.Index >= Snapshot.Index && snapshot.Index <= LastIndex, "a checkpoint beyond the log");
        Snapshot = snapshot;
        var keepFrom = snapshot.Index.Value + 1;
        long bytes = 0;
        for (var kept = 0; keepFrom > _first; kept++)
        {
            bytes += At(keepFrom - 1).Data.Length;
            var isTrailing = kept < Limits.TrailingEntries && bytes <= trailingBytes;
            var isWanted = keepFrom - 1 >= wanted?.Value && kept < Limits.WantedEntries
                && bytes <= wantedBytes;
            if (!isTrailing && !isWanted)
                break;
            keepFrom--;
        }

        if (keepFrom == _first)
            return;
        _termBeforeFirst = At(keepFrom - 1).Term;
        _entries.RemoveRange(0, (int)(keepFrom - _first));
        _first = keepFrom;
    }

    /// <summary>A received snapshot stands for everything: the log starts anew behind it.</summary>
    public void Reset(SnapshotMetadata snapshot)
    {
        Snapshot = snapshot;
        _entries.Clear();
        _first = snapshot.Index.Value + 1;
        _termBeforeFirst = snapshot.Term;
    }

    private Entry At(ulong index) => _entries[(int)(index - _first)];
}
