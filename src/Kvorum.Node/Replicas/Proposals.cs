using Kvorum.Raft;

namespace Kvorum.Node.Replicas;

/// <summary>
/// The writes that this replica has proposed and that wait for what is committed at their index. Indexes grow
/// while it leads; but one that led, lost its newest entries to another leader and leads again proposes at
/// indexes that it has used before: what it had proposed there is displaced, and still waits for its index,
/// because a third leader may have it. Owned by the node loop.
/// </summary>
internal sealed class Proposals
{
    // By index, growing.
    private readonly Queue<Proposal> _inOrder = new();

    // From former leaderships, at indexes that were proposed at again: few, and seldom any.
    private readonly List<Proposal> _displaced = [];
    private ulong _newest;

    /// <summary>A write, and the entry that carries it.</summary>
    public readonly record struct Proposal(LogIndex Index, Term Term, Call Call);

    /// <summary>How many wait.</summary>
    public int Count => _inOrder.Count + _displaced.Count;

    /// <summary>Their calls.</summary>
    public IEnumerable<Call> Calls => _inOrder.Concat(_displaced).Select(static proposal => proposal.Call);

    /// <summary>The leader has taken a write.</summary>
    public void Add(LogIndex index, Term term, Call call)
    {
        if (index.Value <= _newest)
            Displace(index);
        _inOrder.Enqueue(new(index, term, call));
        _newest = index.Value;
    }

    /// <summary>Takes out one whose index is committed; false if there is none left.</summary>
    public bool TryTake(LogIndex committed, out Proposal proposal)
    {
        if (_inOrder.TryPeek(out proposal) && proposal.Index <= committed)
        {
            _inOrder.Dequeue();
            return true;
        }

        var at = _displaced.Count == 0 ? -1 : _displaced.FindIndex(one => one.Index <= committed);
        if (at < 0)
            return false;
        proposal = _displaced[at];
        _displaced.RemoveAt(at);
        return true;
    }

    private void Displace(LogIndex from)
    {
        for (var n = _inOrder.Count; n > 0; n--)
        {
            var proposal = _inOrder.Dequeue();
            if (proposal.Index < from)
                _inOrder.Enqueue(proposal);
            else
                _displaced.Add(proposal);
        }
    }
}
