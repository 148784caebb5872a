using Kvorum.Raft;

namespace Kvorum.Node.Placement;

/// <summary>Where the replicas of a group are.</summary>
/// <param name="Voters">The voters; of a joint configuration the new ones.</param>
/// <param name="Learners">The learners that have caught up.</param>
/// <param name="Filling">
/// The learners that have not; of a joint configuration also the voters that go: they are counted on until it
/// is left.
/// </param>
/// <param name="IsJoint">True for a joint configuration.</param>
internal sealed record GroupReplicas(
    IReadOnlyList<NodeId> Voters,
    IReadOnlyList<NodeId> Learners,
    IReadOnlyList<NodeId> Filling,
    bool IsJoint = false);
