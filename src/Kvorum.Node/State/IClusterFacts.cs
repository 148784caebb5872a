using Kvorum.Node.Placement;
using Kvorum.Raft;

namespace Kvorum.Node.State;

/// <summary>What the metadata machine and the rest of the node tell each other.</summary>
internal interface IClusterFacts
{
    /// <summary>The default keyspace as this node's options define it.</summary>
    KeyspaceSettings DefaultKeyspace { get; }

    /// <summary>The cluster id that a metadata group is told that has none.</summary>
    UInt128 ProposedClusterId { get; }

    /// <summary>The format versions that this node speaks.</summary>
    FormatRange Formats { get; }

    /// <summary>All members.</summary>
    IReadOnlyList<NodeId> Ids { get; }

    /// <summary>
    /// Where a new keyspace should lie: the target of each partition.
    /// </summary>
    IReadOnlyList<ReplicaTarget> Place(KeyspaceSettings keyspace);

    /// <summary>What this node knows of a member; null while its addresses are not known.</summary>
    MemberRecord? Announcement(NodeId node);

    /// <summary>The metadata group has changed.</summary>
    void Publish(MetaMachine meta);
}
