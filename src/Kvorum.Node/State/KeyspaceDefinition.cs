using Kvorum.Node.Placement;
using Kvorum.Protocol;
using Kvorum.Quorum;

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

/// <summary>How many replicas of a quorum keyspace answer for all.</summary>
/// <param name="Write">Those that must have a write on disk; 0: a majority.</param>
/// <param name="Read">Those that must have answered a read; 0: a majority.</param>
/// <param name="IsSloppy">True if hints of other nodes count, too.</param>
internal sealed record QuorumNumbers(int Write, int Read, bool IsSloppy)
{
    /// <summary>True if clients may give a write its time.</summary>
    public bool AllowsClientTime { get; init; }

    /// <summary>Replicas of so many that must have a write on disk.</summary>
    public int WriteOf(int replicas) => Write > 0 ? Write : (replicas / 2) + 1;

    /// <summary>Replicas of so many that must have answered a read.</summary>
    public int ReadOf(int replicas) => Read > 0 ? Read : (replicas / 2) + 1;

    /// <summary>
    /// Replicas of so many that must be up for reads and writes. In a sloppy keyspace others take writes.
    /// </summary>
    public int NeededOf(int replicas) =>
        IsSloppy ? ReadOf(replicas) : Math.Max(WriteOf(replicas), ReadOf(replicas));

    /// <summary>The settings of so many replicas. They are valid only if there are as many as are asked for.
    /// </summary>
    public QuorumSettings Of(int replicas) => new()
    {
        Replicas = replicas,
        WriteQuorum = WriteOf(replicas),
        ReadQuorum = ReadOf(replicas),
        IsSloppy = IsSloppy,
        AllowsClientTime = AllowsClientTime,
    };

    /// <summary>
    /// The settings that a request is served by: the keyspace's, or what it asks for itself. They are valid
    /// only if there are so many replicas.
    /// </summary>
    public QuorumSettings For(Request request, int replicas)
    {
        var own = Of(replicas);
        return request switch
        {
            ReadRequest { Consistency: ReadConsistency.Stale } => own with { ReadQuorum = 1 },
            { Quorum: null } => own,
            { IsWrite: true, Quorum: { } write } => own with { WriteQuorum = write.Of(replicas) },
            { Quorum: { } read } => own with { ReadQuorum = read.Of(replicas) },
        };
    }
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
