using Kvorum.Raft;

namespace Kvorum.Node.Membership;

/// <summary>
/// Who leads which group, as this node's replicas know it. Each entry is written by the loop that owns the
/// group, and read on any thread.
/// </summary>
internal sealed class LeaderTable(int groups)
{
    private readonly Entry?[] _entries = new Entry?[groups];

    private sealed record Entry(NodeId? Leader, Term Term);

    /// <summary>The leader of the group; null if it is not known.</summary>
    public NodeId? Of(GroupId group) => At(group).Leader;

    /// <summary>The same with the term in which it leads; 0 if no replica of the group is here.</summary>
    public (NodeId? Leader, Term Term) At(GroupId group) =>
        Volatile.Read(ref _entries[group.Value]) is { } known ? (known.Leader, known.Term) : default;

    /// <summary>The group has this leader, or none, in this term.</summary>
    public void Set(GroupId group, NodeId? leader, Term term) =>
        Volatile.Write(ref _entries[group.Value], new(leader, term));
}
