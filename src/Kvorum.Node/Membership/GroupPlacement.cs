using Kvorum.Node.Placement;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Membership;

/// <summary>
/// Which nodes hold which group, from the options alone, so that all nodes agree without talking. Group 0 is
/// the metadata group, on all nodes; group 1 + p is partition p of the default keyspace, on the ring's first
/// replicas.
/// </summary>
internal static class GroupPlacement
{
    /// <summary>
    /// Voters of the metadata group: more would only slow it down. Further nodes follow it as learners.
    /// </summary>
    public const int MetaVotersMax = 5;

    /// <summary>The groups that the options name.</summary>
    public static GroupDirectory DirectoryOf(int partitionCount) =>
        new([new KeyspaceGroups(new(1), KeyspaceName.Default, new(1), partitionCount)]);

    /// <summary>Per group, its nodes in order of preference.</summary>
    public static IReadOnlyList<IReadOnlyList<NodeId>> Of(NodeOptions options)
    {
        NodeId[] members = [.. options.Members.Select(member => member.Id).Order()];
        var replicas = Math.Min(options.ReplicationFactor, members.Length);
        return [members, .. Ring.Place(members, options.PartitionCount, replicas, options.VirtualNodes)];
    }

    /// <summary>The first configuration of a group.</summary>
    public static Configuration ConfigurationOf(
        GroupId group, IReadOnlyList<NodeId> preference) => group.IsMetadata
        ? new() { Voters = [.. preference.Take(MetaVotersMax)], Learners = [.. preference.Skip(MetaVotersMax)] }
        : new() { Voters = [.. preference.Order()] };
}
