using Kvorum.Raft;

namespace Kvorum.Node.Replicas;

/// <summary>
/// The way of a Ready to the disk: written with the loop's batch, and once it is durable the core is told and
/// its messages leave. While a snapshot is being installed, Readies are held. Owned by the node loop.
/// </summary>
internal sealed class ReadyWriter(
    IReplicaHost host, ReplicaParts parts, DurableQueue durable, LogTime time,
    Action<IReadOnlyList<Message>> send)
{
    private readonly HeldReadies _held = new();

    /// <summary>True while a snapshot is being installed.</summary>
    public bool IsHolding => _held.IsHolding;

    /// <summary>A snapshot is being installed: what rests on it waits.</summary>
    public void BeginHolding() => _held.Begin();

    /// <summary>
    /// The snapshot is durable. Returns the Readies that have waited, to be written in this order.
    /// </summary>
    public IReadOnlyList<Ready> EndHolding() => _held.End();

    /// <summary>
    /// Writes what the Ready wants durable, or holds it. Returns the bytes by which the log grows.
    /// </summary>
    public long Write(Ready ready)
    {
        if (_held.IsHolding)
        {
            Hold(ready);
            return 0;
        }

        long bytes = 0;
        for (var i = 0; i < ready.Entries.Count; i++)
        {
            if (ready.Entries[i].Kind == EntryKind.Command)
                time.Written();
            bytes += ready.Entries[i].Data.Length + 32;
        }

        if (durable.Add(ready))
            Durable(ready);
        return bytes;
    }

    /// <summary>All log batches up to this one are durable.</summary>
    public void Durable(ulong batch)
    {
        durable.Durable(batch);
        while (durable.TryTakeReady(out var ready))
            Durable(ready);
        SendDurableAnswers();
        ReleaseDurable();
    }

    /// <summary>What is committed up to an index is in a durable checkpoint: the log may go.</summary>
    public void Release(LogIndex upTo)
    {
        // Evidence: of a replica that is quarantined nothing more is given up.
        if (parts.Raft.IsQuarantined)
            return;
        durable.Release(upTo);
        ReleaseDurable();
    }

    // Term and vote need not wait for the snapshot, nor do answers that rest on them alone.
    private void Hold(Ready ready)
    {
        if (ready.HardState is { } state)
            durable.PersistTermAndVote(state);
        var answers = _held.Hold(ready);
        if (answers.Length == 0)
            return;
        durable.AddAnswers(answers);
        SendDurableAnswers();
    }

    private void Durable(Ready ready)
    {
        if (ready.Snapshot is { } snapshot)
        {
            parts.Log.Reset(snapshot);
            Release(snapshot.Index);
        }

        parts.Log.Append(ready.Entries);
        parts.Raft.Persisted(ready);
        if (!parts.Raft.IsQuarantined)
            send(ready.MessagesAfterPersist);
    }

    private void SendDurableAnswers()
    {
        while (durable.TryTakeAnswers(out var messages))
            send(messages);
    }

    private void ReleaseDurable()
    {
        while (durable.TryTakeRelease(out var upTo))
            host.ReleaseLog(parts.Group, upTo);
    }
}
