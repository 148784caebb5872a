using Kvorum.Raft;

namespace Kvorum.Simulator.Groups;

/// <summary>
/// A host of one replica of one group: a disk that survives, a process that does not. Taking a Ready, making
/// it durable and applying its entries are separate steps. The state machine is the applied index; it lives
/// in memory and starts again at the snapshot.
/// </summary>
internal sealed class GroupMember(RaftOptions options, Configuration configuration)
{
    private readonly Queue<Ready> _persisting = [];
    private readonly Queue<Entry> _applying = [];

    /// <summary>Its node.</summary>
    public NodeId Id => options.Id;

    /// <summary>What is durable.</summary>
    public MemoryLog Disk { get; } = new(configuration);

    /// <summary>The replica; null while the process is down.</summary>
    public RaftNode? Node { get; private set; }

    /// <summary>What the state machine has applied.</summary>
    public ulong Applied { get; private set; }

    /// <summary>True if a Ready waits to be made durable.</summary>
    public bool CanPersist => _persisting.Count > 0;

    /// <summary>True if an entry waits to be applied.</summary>
    public bool CanApply => _applying.Count > 0;

    /// <summary>Readys that wait to be made durable.</summary>
    public int Persisting => _persisting.Count;

    /// <summary>The process starts, from what is durable.</summary>
    public void Start(Random random)
    {
        Applied = Disk.Snapshot.Index.Value;
        Node = new(options, Disk, Disk.HardState, new(Applied), random);
    }

    /// <summary>
    /// The process dies; of the writes under way the first <paramref name="written"/> and a piece of the next
    /// survive.
    /// </summary>
    public void Crash(int written, int torn)
    {
        for (; written > 0 && _persisting.TryDequeue(out var whole); written--)
            Disk.Write(whole);
        if (torn > 0 && _persisting.TryDequeue(out var part))
        {
            Disk.Write(new()
            {
                Sequence = part.Sequence,
                HardState = part.HardState,
                Snapshot = part.Snapshot,
                Entries = [.. part.Entries.Take(torn - 1)],
            });
        }

        _persisting.Clear();
        _applying.Clear();
        Node = null;
    }

    /// <summary>Takes a Ready; its <see cref="Ready.Messages"/> may leave at once.</summary>
    public Ready Take()
    {
        var ready = Node!.TakeReady();
        _persisting.Enqueue(ready);
        foreach (var entry in ready.Committed)
            _applying.Enqueue(entry);
        return ready;
    }

    /// <summary>Makes the oldest Ready durable; returns what may leave then.</summary>
    public IReadOnlyList<Message> Persist()
    {
        var ready = _persisting.Dequeue();
        Disk.Write(ready);
        if (ready.Snapshot is { } snapshot)
        {
            _applying.Clear();
            Applied = snapshot.Index.Value;
        }

        Node!.Persisted(ready);
        return ready.MessagesAfterPersist;
    }

    /// <summary>Applies the next committed entry.</summary>
    public Entry Apply()
    {
        var entry = _applying.Dequeue();
        if (entry.Index.Value != Applied + 1)
            throw new InvalidOperationException($"{Id} is to apply {entry.Index} after {Applied}");
        Applied = entry.Index.Value;
        Node!.Applied(entry.Index);
        return entry;
    }

    /// <summary>Puts a snapshot in place of the applied log.</summary>
    public void Compact(ulong keep)
    {
        if (Node!.ConfigurationAt(new(Applied)) is { } at)
            Disk.Compact(new(Applied), at, keep);
    }
}
