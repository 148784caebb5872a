using Kvorum.Raft;

namespace Kvorum.Node.Replicas;

/// <summary>
/// Calls that wait for something other than a read's confirmation: writes for the entry at their index, and
/// calls without a leader for a change. Owned by the node loop.
/// </summary>
internal sealed class PendingCalls
{
    private readonly Proposals _proposals = new();

    // No leader is known, or it refused.
    private List<Call> _waiting = [];

    /// <summary>How many wait.</summary>
    public int Count => _proposals.Count + _waiting.Count;

    /// <summary>Writes that wait for the entry at their index.</summary>
    public int Proposed => _proposals.Count;

    /// <summary>The core has taken a write.</summary>
    public void Propose(LogIndex index, Term term, Call call) => _proposals.Add(index, term, call);

    /// <summary>Takes out a write whose index is committed; false if there is none left.</summary>
    public bool TryTakeProposal(LogIndex committed, out Proposals.Proposal proposal) =>
        _proposals.TryTake(committed, out proposal);

    /// <summary>Keeps the call until a leader shows itself or its deadline passes.</summary>
    public void Wait(Call call) => _waiting.Add(call);

    /// <summary>Takes all calls that wait for a leader; false if there are none.</summary>
    public bool TryTakeWaiting(out List<Call> calls)
    {
        calls = _waiting;
        if (calls.Count == 0)
            return false;
        _waiting = [];
        return true;
    }

    /// <summary>
    /// Looks at every call; those that are done are kept no longer, unless they are proposed.
    /// </summary>
    public void Sweep(Action<Call> look)
    {
        Sweep(_waiting, look);
        // What was proposed stays until its index is committed: the entry decides what becomes of it.
        foreach (var call in _proposals.Calls)
            look(call);
    }

    /// <summary>Looks at every call of a list, and removes those that are done.</summary>
    public static void Sweep(List<Call> calls, Action<Call> look)
    {
        var kept = 0;
        for (var i = 0; i < calls.Count; i++)
        {
            look(calls[i]);
            if (!calls[i].IsDone)
                calls[kept++] = calls[i];
        }

        calls.RemoveRange(kept, calls.Count - kept);
    }
}
