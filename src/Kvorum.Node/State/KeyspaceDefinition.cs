using Kvorum.Node.Placement;

namespace Kvorum.Node.State;

/// <summary>What a keyspace is made with.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Mode">How its groups replicate.</param>
/// <param name="PartitionCount">Its partitions.</param>
/// <param name="ReplicationFactor">Replicas of each partition.</param>
/// <param name="KeyBytesMax">Bound of a key in bytes.</param>
/// <param name="ValueBytesMax">Bound of a value in bytes.</param>
/// <param name="KeyPolicy">binary or strict.</param>
internal sealed record KeyspaceSettings(
    string Name, string Mode, int PartitionCount, int ReplicationFactor, int KeyBytesMax, int ValueBytesMax,
    string KeyPolicy)
{
    /// <summary>One Raft group for each partition.</summary>
    public const string Strong = "strong";

    /// <summary>Replicas without a leader: the last write wins.</summary>
    public const string QuorumMode = "quorum";

    /// <summary>How many replicas answer for all; null in a strong keyspace.</summary>
    public QuorumNumbers? Quorum { get; init; }
}

/// <summary>A keyspace as the metadata group has made it.</summary>
/// <param name="Id">Its number, which no other keyspace ever has.</param>
/// <param name="FirstGroup">The group of its partition 0; those of the others follow.</param>
/// <param name="Made">The epoch of the placement that began with it.</param>
/// <param name="Settings">What it was made with, and its replication factor as it is now.</param>
internal sealed record KeyspaceDefinition(
    KeyspaceId Id, GroupId FirstGroup, Epoch Made, KeyspaceSettings Settings)
{
    /// <summary>True if its groups have no leaders.</summary>
    public bool IsQuorum => Settings.Quorum is not null;

    /// <summary>Its groups.</summary>
    public KeyspaceGroups Groups { get; } = new(Id, Settings.Name, FirstGroup, Settings.PartitionCount);
}
