using Kvorum.Node.Membership;
using Kvorum.Node.State;
using Kvorum.Protocol;

namespace Kvorum.Node.Administration;

/// <summary>Where a key is, by one node's own map. Any thread.</summary>
internal static class KeyLocator
{
    /// <summary>Where a key belongs.</summary>
    /// <param name="Keyspace">Its keyspace.</param>
    /// <param name="Slot">Its slot.</param>
    /// <param name="Partition">Its partition.</param>
    /// <param name="Group">The group of the partition.</param>
    public readonly record struct Place(KeyspaceDefinition Keyspace, int Slot, uint Partition, GroupId Group);

    /// <summary>The answer to an operator.</summary>
    public static AdminReply Locate(ClusterView cluster, LocateKey asked)
    {
        if (WhyNot(cluster, asked.Keyspace, asked.Key) is { } refusal)
            return refusal;
        var place = PlaceOf(cluster, asked.Keyspace, asked.Key);
        var leader = cluster.Leaders.Of(place.Group);
        return AdminReply.Of(ReplyStatus.Ok, "") with
        {
            Location = new()
            {
                Keyspace = asked.Keyspace,
                Slot = place.Slot,
                Partition = place.Partition,
                Mode = place.Keyspace.Settings.Mode,
                Replicas = [.. cluster.PreferenceOf(place.Group).Select(cluster.Members.NameOf)],
                Leader = leader is { } known ? cluster.Members.NameOf(known) : "",
                LeaderAddress = leader is { } there ? cluster.Members.ClientAddressOf(there) : "",
            },
        };
    }

    /// <summary>Why nothing can be said of a keyspace; null if something can.</summary>
    public static AdminReply? WhyNot(ClusterView cluster, string keyspace)
    {
        if (!cluster.IsMetaKnown)
        {
            return AdminReply.Of(
                ReplyStatus.Unavailable,
                "the metadata group has not told this node of the keyspaces yet: "
                + cluster.WhyNoLeader(GroupId.Metadata));
        }

        return cluster.Keyspace(keyspace) is null
            ? Refusal.UnknownKeyspace(keyspace, cluster.KeyspaceNames).Reply : null;
    }

    /// <summary>Why nothing can be said of a key; null if something can.</summary>
    public static AdminReply? WhyNot(ClusterView cluster, string keyspace, byte[] key)
    {
        if (WhyNot(cluster, keyspace) is { } refusal)
            return refusal;
        var bytesMax = cluster.Keyspace(keyspace)!.Settings.KeyBytesMax;
        return key.Length >= 1 && key.Length <= bytesMax ? null : AdminReply.Of(
            ReplyStatus.InvalidArgument, $"the key has {key.Length} bytes: it has 1 to {bytesMax}");
    }

    /// <summary>Where a key is that something can be said of.</summary>
    public static Place PlaceOf(ClusterView cluster, string keyspace, byte[] key)
    {
        var found = cluster.Keyspace(keyspace)!;
        var slot = KeySlot.Of(key);
        var partition = KeySlot.PartitionOf(slot, found.Settings.PartitionCount);
        return new(found, slot, partition, found.Groups.Of(new(partition)));
    }
}
