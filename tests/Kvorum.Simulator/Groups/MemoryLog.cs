using Kvorum.Raft;

namespace Kvorum.Simulator.Groups;

/// <summary>A disk that holds exactly what was made durable. It survives the crash of its member.</summary>
internal sealed class MemoryLog(Configuration configuration) : ILogStorage
{
    private readonly List<Entry> _entries = [];

    /// <summary>Term, vote and a hint of what is committed.</summary>
    public HardState HardState { get; private set; }

    /// <inheritdoc/>
    public SnapshotMetadata Snapshot { get; private set; } = SnapshotMetadata.Initial(configuration);

    /// <inheritdoc/>
    public LogIndex FirstIndex { get; private set; } = new(1);

    /// <inheritdoc/>
    public LogIndex LastIndex => new(FirstIndex.Value + (ulong)_entries.Count - 1);

    /// <inheritdoc/>
    public Term? TermOf(LogIndex index)
    {
        if (index == Snapshot.Index)
            return Snapshot.Term;
        return index >= FirstIndex && index <= LastIndex ? At(index).Term : null;
    }

    /// <inheritdoc/>
    public bool TryRead(LogIndex from, LogIndex end, long maxBytes, List<Entry> into)
    {
        if (from < FirstIndex)
            return false;
        var bytes = 0L;
        for (var index = from; index < end && index <= LastIndex; index = index.Next)
        {
            bytes += At(index).Data.Length;
            if (bytes > maxBytes && index > from)
                break;
            into.Add(At(index));
        }

        return true;
    }

    /// <summary>Makes a Ready durable, as a host must.</summary>
    public void Write(Ready ready)
    {
        if (ready.HardState is { } state)
            HardState = state;
        if (ready.Snapshot is { } snapshot)
        {
            Snapshot = snapshot;
            _entries.Clear();
            FirstIndex = snapshot.Index.Next;
        }

        foreach (var entry in ready.Entries)
        {
            if (entry.Index <= LastIndex)
            {
                var keep = (int)(entry.Index.Value - FirstIndex.Value);
                _entries.RemoveRange(keep, _entries.Count - keep);
            }

            if (entry.Index != LastIndex.Next)
                throw new InvalidOperationException($"entry {entry.Index} is to follow {LastIndex}");
            _entries.Add(entry);
        }
    }

    /// <summary>
    /// A snapshot stands for the log up to the index; <paramref name="keep"/> entries before it stay
    /// readable.
    /// </summary>
    public void Compact(LogIndex index, Configuration at, ulong keep = 0)
    {
        if (index <= Snapshot.Index)
            return;
        Snapshot = new(index, TermOf(index)!.Value, at);
        var first = index.Value > keep ? index.Value - keep + 1 : 1;
        if (first <= FirstIndex.Value)
            return;
        _entries.RemoveRange(0, (int)(first - FirstIndex.Value));
        FirstIndex = new(first);
    }

    private Entry At(LogIndex index) => _entries[(int)(index.Value - FirstIndex.Value)];
}
