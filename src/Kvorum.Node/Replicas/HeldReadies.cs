using Kvorum.Raft;

namespace Kvorum.Node.Replicas;

/// <summary>
/// Readies that rest on a snapshot which is being installed: kept until it is durable. Answers that rest on
/// term and vote alone need not wait for it. Bounded: heartbeats come for as long as there is no room, and of
/// Readies with nothing left to do the last one stands for all. Owned by the node loop.
/// </summary>
internal sealed class HeldReadies
{
    private readonly Queue<Ready> _held = new();

    // The newest one, if nothing remains to be done of it but to say so.
    private Ready? _last;

    /// <summary>True while Readies are kept.</summary>
    public bool IsHolding { get; private set; }

    /// <summary>A snapshot is being installed: Readies are kept from now on.</summary>
    public void Begin() => IsHolding = true;

    /// <summary>Keeps a Ready. Returns the messages that need not wait for the snapshot.</summary>
    public Message[] Hold(Ready ready)
    {
        Invariant.Check(IsHolding, "a Ready is held while no snapshot is being installed");
        Keep(new()
        {
            Sequence = ready.Sequence,
            HardState = ready.HardState,
            Snapshot = ready.Snapshot,
            Entries = ready.Entries,
            MessagesAfterPersist = _held.Count < Limits.ReadiesHeld
                ? [.. ready.MessagesAfterPersist.Where(static message => !RestsOnTermAndVote(message))] : [],
        });
        return [.. ready.MessagesAfterPersist.Where(RestsOnTermAndVote)];
    }

    /// <summary>
    /// The snapshot is durable: Readies are kept no more. Returns those that were, in their order.
    /// </summary>
    public IReadOnlyList<Ready> End()
    {
        Invariant.Check(IsHolding, "Readies that were not held are let go");
        Ready[] readies = _last is { } last ? [.. _held, last] : [.. _held];
        for (var i = 1; i < readies.Length; i++)
            Invariant.Check(readies[i - 1].Sequence < readies[i].Sequence, "held Readies lost their order");
        _held.Clear();
        (IsHolding, _last) = (false, null);
        return readies;
    }

    // Messages beyond the bound are lost, as on any network.
    private void Keep(Ready ready)
    {
        var isDone =
            ready.Snapshot is null && ready.Entries.Count == 0 && ready.MessagesAfterPersist.Count == 0;
        _last = isDone ? ready : null;
        if (!isDone)
            _held.Enqueue(ready);
    }

    private static bool RestsOnTermAndVote(Message message) => message is RequestVoteReply or HeartbeatReply;
}
