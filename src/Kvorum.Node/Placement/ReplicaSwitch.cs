using Kvorum.Quorum;
using Kvorum.Raft;

namespace Kvorum.Node.Placement;

/// <summary>
/// A change of the replicas of a quorum keyspace's group that is under way: from those that it has to those
/// of its target. See <see cref="ReplicaChange"/> for the stages.
/// </summary>
/// <param name="Stage">How far it is; never <see cref="ChangeStage.Settled"/>.</param>
/// <param name="Present">The replicas that it began with.</param>
internal sealed record ReplicaSwitch(ChangeStage Stage, IReadOnlyList<NodeId> Present);
