using Kvorum.Raft.Membership;

namespace Kvorum.Raft.Replication;

/// <summary>
/// A leader's view of all members, itself included while it is one. Sorted by node, rebuilt with each
/// configuration; a node that stays a member keeps its progress.
/// </summary>
internal sealed class PeerTable
{
    private Progress[] _all = [];
    private Progress[] _incoming = [];
    private Progress[] _outgoing = [];

    /// <summary>All members, sorted.</summary>
    public ReadOnlySpan<Progress> All => _all;

    /// <summary>
    /// Follows a configuration; <paramref name="create"/> makes the progress of new members.
    /// </summary>
    public void Follow(Configuration configuration, Func<NodeId, Progress> create)
    {
        _all = [.. configuration.Members().Select(node => Find(node) ?? create(node))];
        _incoming = [.. configuration.Voters.Select(node => Find(node)!)];
        _outgoing = [.. configuration.Outgoing.Select(node => Find(node)!)];
    }

    /// <summary>Forgets all members.</summary>
    public void Clear() => _all = _incoming = _outgoing = [];

    /// <summary>The progress of a member; null if the node is no member.</summary>
    public Progress? Find(NodeId node)
    {
        foreach (var progress in _all)
        {
            if (progress.Node == node) return progress;
        }
        return null;
    }

    /// <summary>The largest value that the majority, or both majorities, have reached.</summary>
    public ulong Reached(Func<Progress, ulong> value) =>
        Math.Min(Reached(_incoming, value), Reached(_outgoing, value));

    private static ulong Reached(Progress[] voters, Func<Progress, ulong> value)
    {
        Invariant.Check(voters.Length <= Limits.MembersMax);
        Span<ulong> values = stackalloc ulong[voters.Length];
        for (var i = 0; i < voters.Length; i++) values[i] = value(voters[i]);
        return Majority.Reached(values);
    }
}
