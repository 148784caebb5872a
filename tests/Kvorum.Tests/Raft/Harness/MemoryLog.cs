using Kvorum.Raft;

namespace Kvorum.Tests.Raft.Harness;

/// <summary>A disk that holds exactly what was made durable. It survives the crash of its replica.</summary>
internal sealed class MemoryLog(Configuration configuration) : ILogStorage
{
    private readonly List<Entry> entries = [];

    public HardState HardState { get; private set; }

    public SnapshotMetadata Snapshot { get; private set; } = SnapshotMetadata.Initial(configuration);

    public LogIndex FirstIndex { get; private set; } = new(1);

    public LogIndex LastIndex => new(FirstIndex.Value + (ulong)entries.Count - 1);

    public IReadOnlyList<Entry> Entries => entries;

    public Term? TermOf(LogIndex index)
    {
        if (index == Snapshot.Index) return Snapshot.Term;
        return index >= FirstIndex && index <= LastIndex ? At(index).Term : null;
    }

    public bool TryRead(LogIndex from, LogIndex end, long maxBytes, List<Entry> into)
    {
        if (from < FirstIndex) return false;
        var bytes = 0L;
        for (var index = from; index < end && index <= LastIndex; index = index.Next)
        {
            bytes += At(index).Data.Length;
            if (bytes > maxBytes && index > from) break;
            into.Add(At(index));
        }
        return true;
    }

    /// <summary>Makes a Ready durable, as a host must.</summary>
    public void Write(Ready ready)
    {
        if (ready.HardState is { } state) HardState = state;
        if (ready.Snapshot is { } snapshot)
        {
            Snapshot = snapshot;
            entries.Clear();
            FirstIndex = snapshot.Index.Next;
        }
        foreach (var entry in ready.Entries)
        {
            if (entry.Index <= LastIndex)
            {
                var keep = (int)(entry.Index.Value - FirstIndex.Value);
                entries.RemoveRange(keep, entries.Count - keep);
            }
            Assert.Equal(LastIndex.Next, entry.Index);
            entries.Add(entry);
        }
    }

    /// <summary>A snapshot stands for the log up to the index; <paramref name="keep"/> entries before it stay readable.</summary>
    public void Compact(LogIndex index, Configuration at, ulong keep = 0)
    {
        if (index <= Snapshot.Index) return;
        Snapshot = new SnapshotMetadata(index, TermOf(index)!.Value, at);
        var first = index.Value > keep ? index.Value - keep + 1 : 1;
        if (first <= FirstIndex.Value) return;
        entries.RemoveRange(0, (int)(first - FirstIndex.Value));
        FirstIndex = new(first);
    }

    private Entry At(LogIndex index) => entries[(int)(index.Value - FirstIndex.Value)];
}
