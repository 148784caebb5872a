using Kvorum.Raft;

namespace Kvorum.Node.Placement.Planning;

/// <summary>All that the planner knows: what should be, what is, and the time.</summary>
/// <param name="Members">The nodes, in any order.</param>
/// <param name="Keyspaces">The keyspaces of all groups.</param>
/// <param name="Groups">The groups, in any order.</param>
/// <param name="Settings">The limits.</param>
/// <param name="NowMs">The time by the clock that the other times come from.</param>
internal sealed record PlannedCluster(
    IReadOnlyList<PlannedMember> Members,
    IReadOnlyList<PlannedKeyspace> Keyspaces,
    IReadOnlyList<PlannedGroup> Groups,
    PlannerSettings Settings,
    long NowMs);

/// <summary>A node of the cluster.</summary>
/// <param name="Id">The node.</param>
internal sealed record PlannedMember(NodeId Id)
{
    /// <summary>What it carries in proportion to others, see <see cref="RingMember"/>.</summary>
    public int Weight { get; init; } = RingMember.Ordinary;

    /// <summary>What fails together with it.</summary>
    public string Zone { get; init; } = "";

    /// <summary>True from the moment on that its operator wants it empty.</summary>
    public bool IsDraining { get; init; }

    /// <summary>Since when it does not answer; null while it does.</summary>
    public long? SilentSinceMs { get; init; }

    /// <summary>True if it was declared lost: it will never answer, and what it had is gone.</summary>
    public bool IsLost { get; init; }

    /// <summary>
    /// What it can take beside the replicas that it has, under its own limits of the disk.
    /// </summary>
    public long RoomBytes { get; init; } = long.MaxValue;
}

/// <summary>A keyspace.</summary>
/// <param name="Id">The keyspace.</param>
/// <param name="ReplicationFactor">
/// Replicas of each group, or as many as there are members that are not draining. An odd number of them vote;
/// of an even number one learns. In a quorum keyspace none votes.
/// </param>
/// <param name="IsFollowedByAll">
/// True for the metadata group: every member that does not vote learns, and what it holds counts for nothing.
/// </param>
internal sealed record PlannedKeyspace(KeyspaceId Id, int ReplicationFactor, bool IsFollowedByAll = false)
{
    /// <summary>
    /// How many replicas of a quorum keyspace answer for all; null in a strong one. Its groups have no
    /// leaders and no votes: all replicas stand where voters do, the one that is asked first in front, and a
    /// change of them needs what <see cref="Kvorum.Quorum.ReplicaChange"/> says rather than a majority.
    /// </summary>
    public QuorumNumbers? Quorum { get; init; }

    /// <summary>How many of so many replicas of a group stand among the voters.</summary>
    public int VotersOf(int replicas) => Quorum is null ? ReplicaTarget.VotersOf(replicas) : replicas;
}

/// <summary>A group: where its replicas should be, and where they are.</summary>
/// <param name="Id">The group.</param>
/// <param name="Keyspace">Its keyspace.</param>
/// <param name="Target">Where its replicas should be.</param>
/// <param name="Actual">
/// What a leader last told of its configuration, be it older than the target; null if none ever did.
/// </param>
internal sealed record PlannedGroup(
    GroupId Id, KeyspaceId Keyspace, ReplicaTarget Target, GroupReplicas? Actual)
{
    /// <summary>
    /// Quorum keyspaces: true if an operator has decided that it begins empty where all replicas are lost.
    /// </summary>
    public bool MayBeginEmpty { get; init; }

    /// <summary>The epoch of the target; a change holds only while it is still this one.</summary>
    public Epoch Epoch { get; init; }

    /// <summary>What one replica takes on disk.</summary>
    public long Bytes { get; init; }

    /// <summary>When the target was set.</summary>
    public long TargetSinceMs { get; init; }

    /// <summary>
    /// When the leader last told of progress towards the target; bytes that arrived are progress.
    /// </summary>
    public long ProgressAtMs { get; init; }

    /// <summary>Attempts that failed since the target was set, by what the leader tells.</summary>
    public int Failures { get; init; }

    /// <summary>Nodes to which a move of this group was given up, and when.</summary>
    public IReadOnlyList<GivenUpMove> GivenUp { get; init; } = [];
}
