using Kvorum.Raft;

namespace Kvorum.Node.Placement.Planning;

/// <summary>What to do next.</summary>
/// <param name="Changes">Targets to set, the most urgent first.</param>
/// <param name="Obstacles">What cannot be done, and why.</param>
/// <param name="WaitingCount">Groups whose next move waits until others have ended.</param>
/// <param name="MovesUnderWay">Moves that are under way and not stuck, those that begin included.</param>
/// <param name="Drained">Draining members without a replica: they can be removed.</param>
internal sealed record Plan(
    IReadOnlyList<TargetChange> Changes,
    IReadOnlyList<Obstacle> Obstacles,
    int WaitingCount,
    int MovesUnderWay,
    IReadOnlyList<NodeId> Drained);

/// <summary>Why a target changes, the most urgent first.</summary>
internal enum ChangeReason
{
    /// <summary>A replica is on a node that is gone.</summary>
    Repair,

    /// <summary>A replica is on a node that is draining.</summary>
    Drain,

    /// <summary>The group has too few or too many replicas, or an even number of voters.</summary>
    Factor,

    /// <summary>The replicas could be in more zones.</summary>
    Zones,

    /// <summary>A node carries more for its weight than another.</summary>
    Balance,

    /// <summary>A node is the preferred leader of more groups for its weight than another, or of one that
    /// it should not lead.</summary>
    Leaders,
}

/// <summary>A new target of a group.</summary>
/// <param name="Group">The group.</param>
/// <param name="Epoch">The epoch of the target that this one replaces.</param>
/// <param name="Target">The new target.</param>
/// <param name="Reason">Why.</param>
/// <param name="Adds">The node that gets a new replica: this is a move. At most one.</param>
/// <param name="GivesUp">The node to which a move is given up.</param>
internal sealed record TargetChange(
    GroupId Group, Epoch Epoch, ReplicaTarget Target, ChangeReason Reason, NodeId? Adds, NodeId? GivesUp);

/// <summary>What stands in the way.</summary>
internal enum ObstacleKind
{
    /// <summary>No node answers that does not have a replica already.</summary>
    NoNode,

    /// <summary>The nodes that could take the replica have no room on their disks.</summary>
    NoRoom,

    /// <summary>Moves to the nodes that could take the replica were given up a while ago.</summary>
    GivenUp,

    /// <summary>A move makes no progress.</summary>
    Stuck,

    /// <summary>A majority of the voters does not answer: the configuration cannot change.</summary>
    NoMajority,

    /// <summary>
    /// Replicas of a quorum keyspace's group are silent that must refuse old requests, or fill new replicas.
    /// </summary>
    Silent,

    /// <summary>All replicas of a quorum keyspace's group are lost: nothing can fill another one.</summary>
    AllLost,

    /// <summary>The change would leave fewer voters that answer.</summary>
    Unsafe,

    /// <summary>No leader has told of the group's configuration.</summary>
    NoReport,

    /// <summary>A node that leaves keeps hints for others.</summary>
    KeepsHints,
}

/// <summary>Something that should be done and cannot.</summary>
/// <param name="Group">The group.</param>
/// <param name="Wanted">What should be done; null if the group is still on its way to its target.</param>
/// <param name="Kind">What stands in the way.</param>
/// <param name="Text">The same in words, for an operator.</param>
internal sealed record Obstacle(GroupId Group, ChangeReason? Wanted, ObstacleKind Kind, string Text);
