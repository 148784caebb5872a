using Kvorum.Node.Placement;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Membership;

/// <summary>
/// The birth record of a replica: which group it is of, and with which configuration its log begins. It is
/// written before the replica takes part, and durable, so that a start opens what is on disk and computes
/// nothing; and again where the log is cut, so that the configuration is known without the tables.
/// </summary>
/// <param name="Group">The group.</param>
/// <param name="KeyspaceId">The keyspace.</param>
/// <param name="Keyspace">The keyspace's name.</param>
/// <param name="Partition">The partition of the keyspace.</param>
/// <param name="Mode">How the group replicates.</param>
/// <param name="First">
/// The group's first configuration; without voters for a replica of a group that is older than it: that
/// begins blank, and is filled by a snapshot. Later the one in force where the log was cut.
/// </param>
internal sealed record GroupBirth(
    GroupId Group, KeyspaceId KeyspaceId, string Keyspace, PartitionId Partition, string Mode,
    Configuration First)
{
    /// <summary>True if the group has no leader: its replicas are those of a quorum keyspace.</summary>
    public bool IsQuorum => Mode == KeyspaceSettings.QuorumMode;

    /// <summary>
    /// The index up to which <see cref="First"/> has all changes; 0: none. Of a quorum keyspace's replica:
    /// the placement as of which it was filled.
    /// </summary>
    public LogIndex At { get; init; }

    /// <summary>
    /// Voters of the metadata group: more would only slow it down. Further nodes follow it as learners.
    /// </summary>
    public const int MetaVotersMax = 5;

    /// <summary>The birth of the metadata group, with the founders of the cluster.</summary>
    public static GroupBirth OfMetadata(IEnumerable<NodeId> founders)
    {
        NodeId[] nodes = [.. founders.Order()];
        var voters = ReplicaTarget.VotersOf(Math.Min(nodes.Length, MetaVotersMax));
        return OfMetadata(new Configuration { Voters = nodes[..voters], Learners = nodes[voters..] });
    }

    /// <summary>The birth of a replica of a metadata group that there is already.</summary>
    public static GroupBirth OfOldMetadata() => OfMetadata(new Configuration { Voters = [] });

    /// <summary>The birth of a partition's group, with the nodes that it was placed on.</summary>
    public static GroupBirth OfPartition(KeyspaceDefinition keyspace, GroupId group, ReplicaTarget first) =>
        Of(keyspace, group, new()
        {
            Voters = [.. first.Voters.Order()],
            Learners = [.. first.Learners.Order()],
        });

    /// <summary>The birth of a replica of a partition's group that there is already.</summary>
    public static GroupBirth OfOldPartition(KeyspaceDefinition keyspace, GroupId group) =>
        Of(keyspace, group, new() { Voters = [] });

    /// <summary>The birth of what keeps a node's own hints.</summary>
    public static GroupBirth OfHints(NodeId self) => new(
        GroupId.Hints, KeyspaceId.System, "hints", default, KeyspaceSettings.QuorumMode,
        new() { Voters = [self] });

    /// <summary>What the births of a folder tell of the groups that there are.</summary>
    public static GroupDirectory DirectoryOf(IEnumerable<GroupBirth> births) => new(births
        .Where(static birth => !birth.Group.IsMetadata && !birth.Group.IsLocal)
        .GroupBy(static birth => birth.KeyspaceId)
        .Select(static keyspace => new KeyspaceGroups(
            keyspace.Key, keyspace.First().Keyspace,
            new(keyspace.First().Group.Value - keyspace.First().Partition.Value),
            1 + (int)keyspace.Max(static birth => birth.Partition.Value))));

    private static GroupBirth OfMetadata(Configuration first) => new(
        GroupId.Metadata, KeyspaceId.System, KeyspaceName.System, default, KeyspaceSettings.Strong, first);

    private static GroupBirth Of(KeyspaceDefinition keyspace, GroupId group, Configuration first) => new(
        group, keyspace.Id, keyspace.Settings.Name, keyspace.Groups.PartitionOf(group),
        keyspace.Settings.Mode, first);
}
