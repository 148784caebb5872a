using Kvorum.Raft;

namespace Kvorum.Node.Membership;

/// <summary>
/// The leader of each group, as far as this node knows. It grows with the groups. Any thread.
/// </summary>
internal sealed class LeaderTable
{
    private readonly Lock _gate = new();

    // By group. A place stays the same one when the table grows, so that nothing said meanwhile is lost.
    private volatile Place[] _places = [];

    private sealed class Place
    {
        public volatile Said? Newest;
    }

    private sealed record Said(NodeId? Leader, Term Term);

    /// <summary>The leader of the group; null if it is not known.</summary>
    public NodeId? Of(GroupId group) => At(group).Leader;

    /// <summary>The same with the term in which it leads; 0 if no replica of the group is here.</summary>
    public (NodeId? Leader, Term Term) At(GroupId group)
    {
        var places = _places;
        return group.Value < places.Length && places[group.Value].Newest is { } said
            ? (said.Leader, said.Term) : default;
    }

    /// <summary>A group has another leader, or none.</summary>
    public void Set(GroupId group, NodeId? leader, Term term) => PlaceOf(group).Newest = new(leader, term);

    private Place PlaceOf(GroupId group)
    {
        var places = _places;
        if (group.Value < places.Length)
            return places[group.Value];
        lock (_gate)
        {
            places = _places;
            if (group.Value >= places.Length)
            {
                var grown = new Place[Math.Max((int)group.Value + 1, 2 * places.Length)];
                places.CopyTo(grown, 0);
                for (var i = places.Length; i < grown.Length; i++)
                    grown[i] = new();
                _places = places = grown;
            }

            return places[group.Value];
        }
    }
}
