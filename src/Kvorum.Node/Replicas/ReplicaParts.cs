using Kvorum.Node.Groups;
using Kvorum.Node.Membership;
using Kvorum.Node.State;
using Kvorum.Raft;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Replicas;

/// <summary>What a replica that replicates by Raft is made of, recovered from disk or newly born.</summary>
internal sealed record ReplicaParts(
    GroupIdentity Identity, Tree Tree, IStateMachine Machine, GroupLog Log, RaftNode Raft) : IReplicaParts
{
    /// <inheritdoc/>
    public GroupId Group => Identity.Group;

    /// <summary>How it began.</summary>
    public required GroupBirth Birth { get; init; }

    /// <summary>The keyspace.</summary>
    public KeyspaceId KeyspaceId => Birth.KeyspaceId;

    /// <summary>All that the group's configuration names.</summary>
    public IEnumerable<NodeId> Members => Raft.Configuration.Voters.Concat(Raft.Configuration.Outgoing)
        .Concat(Raft.Configuration.Learners).Distinct();

    /// <summary>
    /// The nodes that hold the group, the preferred leader first; while the placement is not known, those of
    /// the group's configuration, or of its first one if this replica is blank.
    /// </summary>
    public IReadOnlyList<NodeId> PreferenceIn(ClusterView cluster)
    {
        if (cluster.Placement.Of(Group) is { } placed)
            return placed;
        var known = Raft.Configuration.Voters.Count > 0 ? Raft.Configuration : Birth.First;
        return [.. known.Voters, .. known.Learners];
    }

    /// <summary>Term, vote and commit index as the log has them.</summary>
    public required HardState State { get; init; }

    /// <summary>Where its tables are damaged; null if they are whole, as far as was seen.</summary>
    public string? Damage { get; init; }

    /// <summary>The checkpoint that the log was not told of; null if it was.</summary>
    public SnapshotMetadata? OwedMark { get; init; }

    /// <summary>The history up to what its tables hold.</summary>
    public required HistoryMark History { get; init; }

    /// <summary>Why it does not take part as others do; null if it does.</summary>
    public Standing? Standing { get; init; }
}
