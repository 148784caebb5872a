using Kvorum.Raft;

namespace Kvorum.Node.Placement;

/// <summary>What the leader of a group tells of it.</summary>
/// <param name="Group">The group.</param>
/// <param name="Term">The term in which it leads.</param>
/// <param name="ConfigurationIndex">The entry with the configuration.</param>
/// <param name="Replicas">Where the replicas are.</param>
/// <param name="Bytes">What one replica takes on disk.</param>
/// <param name="SinceProgressMs">For how long nothing has moved on the way to its target.</param>
internal sealed record GroupReport(
    GroupId Group, Term Term, LogIndex ConfigurationIndex, GroupReplicas Replicas, long Bytes,
    long SinceProgressMs)
{
    /// <summary>True if the other tells of an earlier state of the group.</summary>
    public bool IsNewerThan(GroupReport? other) => other is null || Term > other.Term
        || (Term == other.Term && ConfigurationIndex >= other.ConfigurationIndex);
}

/// <summary>What a node tells the leader of the metadata group.</summary>
/// <param name="RoomBytes">What its disk can take besides the replicas that it has.</param>
/// <param name="Hints">Hints that it keeps for other nodes.</param>
/// <param name="Groups">Groups that it leads.</param>
internal sealed record NodeReport(long RoomBytes, long Hints, IReadOnlyList<GroupReport> Groups);
