namespace Kvorum.Raft;

/// <summary>
/// The members of a group (thesis chapter 4). <see cref="Outgoing"/> is non-empty only in the joint state,
/// where elections and commits need a majority of <see cref="Voters"/> and a majority of
/// <see cref="Outgoing"/>. Immutable. All arrays are sorted; a node is never voter (of the incoming set) and
/// learner at once.
/// </summary>
public sealed record Configuration
{
    /// <summary>The voters; in the joint state, the incoming ones.</summary>
    public required IReadOnlyList<NodeId> Voters { get; init; }

    /// <summary>The voters of the configuration that is being left; empty outside the joint state.</summary>
    public IReadOnlyList<NodeId> Outgoing { get; init; } = [];

    /// <summary>Replicas without a vote.</summary>
    public IReadOnlyList<NodeId> Learners { get; init; } = [];

    /// <summary>Outgoing voters that become learners when the joint state is left.</summary>
    public IReadOnlyList<NodeId> LearnersNext { get; init; } = [];

    /// <summary>True while two majorities rule.</summary>
    public bool IsJoint => Outgoing.Count > 0;
}

/// <summary>One step of a membership change.</summary>
public enum MemberChangeKind : byte
{
    /// <summary>Make the node a voter.</summary>
    AddVoter = 1,

    /// <summary>Make the node a learner (a voter is demoted).</summary>
    AddLearner = 2,

    /// <summary>Remove the node.</summary>
    Remove = 3,
}

/// <summary>One member's new standing.</summary>
public readonly record struct MemberChange(MemberChangeKind Kind, NodeId Node);

/// <summary>
/// A configuration change: several members at once by joint consensus, left automatically once the joint
/// configuration is committed. Empty changes leave a joint state.
/// </summary>
public sealed record ConfigurationChange(IReadOnlyList<MemberChange> Changes);
