using Kvorum.Raft;

namespace Kvorum.Node.Placement;

/// <summary>Where the replicas of a group should be.</summary>
/// <param name="Voters">The voters in order of preference: the first is the preferred leader.</param>
/// <param name="Learners">The learners.</param>
internal sealed record ReplicaTarget(IReadOnlyList<NodeId> Voters, IReadOnlyList<NodeId> Learners)
{
    /// <summary>
    /// The target of a group whose replicas are on these nodes: an odd number of them vote, the first ones.
    /// </summary>
    public static ReplicaTarget Of(IReadOnlyList<NodeId> nodes)
    {
        var voters = VotersOf(nodes.Count);
        return new([.. nodes.Take(voters)], [.. nodes.Skip(voters)]);
    }

    /// <summary>How many of so many replicas vote: the greatest odd number of them.</summary>
    public static int VotersOf(int replicas) => replicas % 2 == 0 ? Math.Max(0, replicas - 1) : replicas;
}

/// <summary>A move that did not succeed.</summary>
/// <param name="Node">The node that should have got the replica.</param>
/// <param name="AtMs">When the move was given up.</param>
internal readonly record struct GivenUpMove(NodeId Node, long AtMs);

/// <summary>The target of a group as the metadata group keeps it.</summary>
/// <param name="Epoch">The epoch of the placement that began with it.</param>
/// <param name="SinceMs">When it was set, in milliseconds of the metadata group's log time.</param>
/// <param name="Target">The target.</param>
internal sealed record PlacedGroup(Epoch Epoch, ulong SinceMs, ReplicaTarget Target)
{
    /// <summary>The moves that were given up last, the oldest first.</summary>
    public IReadOnlyList<GivenUpMove> GivenUp { get; init; } = [];

    /// <summary>Voters and learners, the preferred leader first.</summary>
    public IReadOnlyList<NodeId> Nodes { get; } = [.. Target.Voters, .. Target.Learners];

    /// <summary>
    /// The change of a quorum keyspace's replicas that is under way; null if there is none.
    /// </summary>
    public ReplicaSwitch? Switch { get; init; }

    /// <summary>All nodes that have a replica or are to have one, those of the target first.</summary>
    public IReadOnlyList<NodeId> Holders => Switch is null ? Nodes : [.. Nodes.Union(Switch.Present)];
}
