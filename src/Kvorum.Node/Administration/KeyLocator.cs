using Kvorum.Node.Membership;
using Kvorum.Protocol;

namespace Kvorum.Node.Administration;

/// <summary>Where a key is, by one node's own map. Any thread.</summary>
internal static class KeyLocator
{
    public static AdminReply Locate(ClusterView cluster, LocateKey asked)
    {
        if (!cluster.IsMetaKnown)
        {
            return AdminReply.Of(
                ReplyStatus.Unavailable,
                "the metadata group has not told this node of the keyspaces yet: "
                + cluster.WhyNoLeader(GroupId.Metadata));
        }

        if (cluster.Keyspace(asked.Keyspace) is not { } keyspace)
            return Refusal.UnknownKeyspace(asked.Keyspace, cluster.KeyspaceNames).Reply;
        if (asked.Key.Length == 0 || asked.Key.Length > keyspace.Settings.KeyBytesMax)
        {
            return AdminReply.Of(
                ReplyStatus.InvalidArgument,
                $"the key has {asked.Key.Length} bytes: it has 1 to {keyspace.Settings.KeyBytesMax}");
        }

        var slot = KeySlot.Of(asked.Key);
        var partition = KeySlot.PartitionOf(slot, keyspace.Settings.PartitionCount);
        var group = keyspace.Groups.Of(new(partition));
        var leader = cluster.Leaders.Of(group);
        return AdminReply.Of(ReplyStatus.Ok, "") with
        {
            Location = new()
            {
                Keyspace = asked.Keyspace,
                Slot = slot,
                Partition = partition,
                Replicas = [.. cluster.PreferenceOf(group).Select(cluster.Members.NameOf)],
                Leader = leader is { } known ? cluster.Members.NameOf(known) : "",
                LeaderAddress = leader is { } there ? cluster.Members.ClientAddressOf(there) : "",
            },
        };
    }
}
