using Kvorum.Raft;

namespace Kvorum.Tests.Raft.Harness;

/// <summary>
/// A host of one replica: a disk that survives, a process that does not. Taking a Ready, making it durable
/// and applying its entries are separate steps. The state machine is the applied index; it lives in memory,
/// restarts at the snapshot.
/// </summary>
internal sealed class Replica(RaftOptions options, Configuration configuration, SafetyChecker checker)
{
    private readonly Queue<Ready> persisting = [];
    private readonly Queue<Entry> applying = [];

    public NodeId Id => options.Id;

    public MemoryLog Disk { get; } = new(configuration);

    public RaftNode? Node { get; private set; }

    public ulong Applied { get; private set; }

    public bool CanPersist => persisting.Count > 0;

    public bool CanApply => applying.Count > 0;

    public int Persisting => persisting.Count;

    public void Start(Random random)
    {
        Applied = Disk.Snapshot.Index.Value;
        Node = new RaftNode(options, Disk, Disk.HardState, new(Applied), random);
    }

    /// <summary>
    /// The process dies; of the writes under way the first <paramref name="written"/> and a piece of the next
    /// survive.
    /// </summary>
    public void Crash(int written, int torn)
    {
        for (; written > 0 && persisting.TryDequeue(out var whole); written--) Disk.Write(whole);
        if (torn > 0 && persisting.TryDequeue(out var part))
        {
            Disk.Write(new Ready
            {
                Sequence = part.Sequence,
                HardState = part.HardState,
                Snapshot = part.Snapshot,
                Entries = [.. part.Entries.Take(torn - 1)],
            });
        }
        persisting.Clear();
        applying.Clear();
        Node = null;
        checker.Crashed(Id);
    }

    /// <summary>Takes a Ready; returns what may leave at once.</summary>
    public Ready Take()
    {
        var ready = Node!.TakeReady();
        checker.Appended(Node, ready.Entries);
        persisting.Enqueue(ready);
        foreach (var entry in ready.Committed) applying.Enqueue(entry);
        return ready;
    }

    /// <summary>Makes the oldest Ready durable; returns what may leave then.</summary>
    public IReadOnlyList<Message> Persist()
    {
        var ready = persisting.Dequeue();
        Disk.Write(ready);
        if (ready.Snapshot is { } snapshot)
        {
            applying.Clear();
            Applied = snapshot.Index.Value;
        }
        Node!.Persisted(ready);
        return ready.MessagesAfterPersist;
    }

    /// <summary>Applies the next committed entry.</summary>
    public Entry Apply()
    {
        var entry = applying.Dequeue();
        Assert.Equal(Applied + 1, entry.Index.Value);
        checker.Applied(Id, entry);
        Applied = entry.Index.Value;
        Node!.Applied(entry.Index);
        return entry;
    }

    /// <summary>Puts a snapshot in place of the applied log.</summary>
    public void Compact(ulong keep)
    {
        if (Node!.ConfigurationAt(new(Applied)) is { } configuration)
            Disk.Compact(new(Applied), configuration, keep);
    }
}
