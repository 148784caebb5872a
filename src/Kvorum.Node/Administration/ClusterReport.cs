using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Kvorum.Node.Administration;

/// <summary>The cluster as the leader of its metadata group knows it, or as one node does.</summary>
public sealed record ClusterReport
{
    /// <summary>UUID; empty while the node does not know it.</summary>
    public required Guid ClusterId { get; init; }

    /// <summary>
    /// Name of the leader of the metadata group, which has told this; empty if none could be reached.
    /// </summary>
    [Description("Leader of the metadata group, which tells this; empty if none could be reached.")]
    public required string Leader { get; init; }

    /// <summary>Why there is no leader, and what is missing then; empty if there is one.</summary>
    [Description("Why there is no leader: then this is what the asked node knows itself.")]
    public string Reason { get; init; } = "";

    /// <summary>Name of the node that tells this.</summary>
    [Description("Name of the node that tells this.")]
    public required string ToldBy { get; init; }

    /// <summary>The version of the placement.</summary>
    [Description("Version of the placement.")]
    public required ulong Epoch { get; init; }

    /// <summary>The version of all that the metadata group has decided.</summary>
    [Description("Version of all that the metadata group has decided.")]
    public required ulong Version { get; init; }

    /// <summary>The format version that the cluster has: what all its nodes write and send.</summary>
    [Description("Format version of the cluster: what all its nodes write and send.")]
    public int FormatVersion { get; init; } = FormatRange.First;

    /// <summary>The members, in the order of their names.</summary>
    public required IReadOnlyList<MemberReport> Members { get; init; }

    /// <summary>The keyspaces, in the order in which they were made.</summary>
    public required IReadOnlyList<KeyspaceReport> Keyspaces { get; init; }

    /// <summary>Moves under way; only the leader of the metadata group knows them.</summary>
    [Description("Partitions that are on their way to other nodes; the first of them if they are many.")]
    public IReadOnlyList<MoveReport> Moves { get; init; } = [];

    /// <summary>All moves under way, those that are not listed included.</summary>
    [Description("How many partitions are on their way.")]
    public int MovesUnderWay { get; init; }

    /// <summary>What should be done and cannot.</summary>
    [Description("What should be done and cannot.")]
    public IReadOnlyList<ObstacleReport> Obstacles { get; init; } = [];

    /// <summary>The limits of moves; null if only the metadata group's leader could tell.</summary>
    public MoveLimits? Limits { get; init; }
}

/// <summary>A member.</summary>
public sealed record MemberReport
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>UUID.</summary>
    public required Guid Id { get; init; }

    /// <summary>Where other nodes reach it.</summary>
    public required string PeerAddress { get; init; }

    /// <summary>Where gRPC and native clients reach it; empty while unknown.</summary>
    public required string ClientAddress { get; init; }

    /// <summary>Where HTTP clients reach it; empty while unknown.</summary>
    public required string HttpAddress { get; init; }

    /// <summary>What fails together with it.</summary>
    [Description("What fails together with it.")]
    public required string Zone { get; init; }

    /// <summary>What it carries in proportion to others.</summary>
    [Description("What it carries in proportion to others.")]
    public required int Weight { get; init; }

    /// <summary>What the cluster wants of it.</summary>
    [Description("What the cluster wants of it; a removed one is not listed. joining: it waits to be one.")]
    [AllowedValues("active", "draining", "leaving", "lost", "removed", "joining")]
    public required string Status { get; init; }

    /// <summary>How it is seen by the node that tells this.</summary>
    [AllowedValues("up", "suspect", "down")]
    public required string State { get; init; }

    /// <summary>For how long it has not been up, in milliseconds; null if it is.</summary>
    [Description("For how long it has not been up, in milliseconds.")]
    public long? ForMs { get; init; }

    /// <summary>Why it is not up, or what is wrong with it; else empty.</summary>
    [Description("Why it is not up, or what is wrong with it.")]
    public string Reason { get; init; } = "";

    /// <summary>Replicas of partitions that it holds or is to hold.</summary>
    [Description("Replicas of partitions that it holds or is to hold.")]
    public required int Replicas { get; init; }

    /// <summary>Partitions that it leads.</summary>
    [Description("Partitions that it leads, as far as is known.")]
    public required int Leaders { get; init; }

    /// <summary>The oldest format version that it speaks; null while it has not told.</summary>
    [Description("Oldest format version that it speaks.")]
    public int? FormatLowest { get; init; }

    /// <summary>The newest format version that it speaks; null while it has not told.</summary>
    [Description("Newest format version that it speaks.")]
    public int? FormatNewest { get; init; }

    /// <summary>What its disk can take beside what it has, in bytes; null while it has not told.</summary>
    [Description("What its disk can take beside what it has, in bytes.")]
    public long? RoomBytes { get; init; }
}

/// <summary>A keyspace.</summary>
public sealed record KeyspaceReport
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>How its groups replicate.</summary>
    public required string Mode { get; init; }

    /// <summary>Mode quorum: replicas that must have a write on disk.</summary>
    [Description("Mode quorum: replicas that must have a write on disk.")]
    public int? WriteQuorum { get; init; }

    /// <summary>Mode quorum: replicas that must have answered a read.</summary>
    [Description("Mode quorum: replicas that must have answered a read.")]
    public int? ReadQuorum { get; init; }

    /// <summary>Mode quorum: true if hints on other nodes count for replicas that are down.</summary>
    [Description("Mode quorum: whether hints on other nodes count for replicas that are down.")]
    public bool? Sloppy { get; init; }

    /// <summary>Quorum: true if clients may give a write its time.</summary>
    [Description("Mode quorum: whether clients may give a write its time.")]
    public bool? ClientTimestamps { get; init; }

    /// <summary>Its partitions.</summary>
    public required int Partitions { get; init; }

    /// <summary>Replicas of each partition, where there are as many members.</summary>
    [Description("Replicas of each partition, where there are as many members.")]
    public required int ReplicationFactor { get; init; }

    /// <summary>Bound of a key in bytes.</summary>
    public required int KeyBytesMax { get; init; }

    /// <summary>binary or strict.</summary>
    public required string KeyPolicy { get; init; }

    /// <summary>
    /// Partitions whose replicas are where they should be; null if only the metadata group's leader could
    /// tell.
    /// </summary>
    [Description("Partitions whose replicas are where they should be.")]
    public int? AtTarget { get; init; }
}

/// <summary>A partition whose replicas are not where they should be.</summary>
public sealed record MoveReport
{
    /// <summary>The keyspace; "system" for the metadata group.</summary>
    public required string Keyspace { get; init; }

    /// <summary>The partition.</summary>
    public required uint Partition { get; init; }

    /// <summary>Members that get a replica, or a vote.</summary>
    [Description("Members that get a replica, or a vote.")]
    public required IReadOnlyList<string> Adds { get; init; }

    /// <summary>Members whose replica goes.</summary>
    [Description("Members whose replica goes.")]
    public required IReadOnlyList<string> Removes { get; init; }

    /// <summary>Since when the target is this one, in milliseconds ago.</summary>
    [Description("For how long it has been wanted, in milliseconds.")]
    public required long ForMs { get; init; }

    /// <summary>When there was progress last, in milliseconds ago.</summary>
    [Description("For how long there was no progress, in milliseconds.")]
    public required long SinceProgressMs { get; init; }

    /// <summary>What one replica takes on disk.</summary>
    [Description("What one replica takes on disk.")]
    public required long Bytes { get; init; }
}

/// <summary>Something that should be done and cannot.</summary>
public sealed record ObstacleReport
{
    /// <summary>The keyspace; "system" for the metadata group.</summary>
    public required string Keyspace { get; init; }

    /// <summary>The partition.</summary>
    public required uint Partition { get; init; }

    /// <summary>Why it should be done.</summary>
    [Description("Why it should be done; arrive: the partition is still on its way to its target.")]
    [AllowedValues("repair", "drain", "factor", "zones", "balance", "leaders", "arrive")]
    public required string Wanted { get; init; }

    /// <summary>What stands in the way, for people.</summary>
    [Description("For people.")]
    public required string Text { get; init; }
}

/// <summary>Where a partition is.</summary>
public sealed record PartitionReport
{
    /// <summary>The keyspace.</summary>
    public required string Keyspace { get; init; }

    /// <summary>The partition.</summary>
    public required uint Partition { get; init; }

    /// <summary>How it replicates; empty if an older node tells it.</summary>
    [Description("How it replicates: a partition of mode quorum has no leader.")]
    [AllowedValues("strong", "quorum")]
    public string Mode { get; init => field = value ?? ""; } = "";

    /// <summary>Name of the leader; empty if it is not known, and in mode quorum.</summary>
    [Description("Name of the leader; empty if it is not known, and in mode quorum, which has none.")]
    public required string Leader { get; init; }

    /// <summary>Members that should vote, the preferred leader first.</summary>
    [Description("Members that should vote, the preferred leader first; in mode quorum the replicas.")]
    public required IReadOnlyList<string> Voters { get; init; }

    /// <summary>Members that should learn.</summary>
    [Description("Members that should learn.")]
    public required IReadOnlyList<string> Learners { get; init; }

    /// <summary>True if the replicas are where they should be; null if that is not known.</summary>
    [Description("Whether the replicas are where they should be.")]
    public bool? AtTarget { get; init; }

    /// <summary>What one replica takes on disk; null if that is not known.</summary>
    [Description("What one replica takes on disk.")]
    public long? Bytes { get; init; }
}

/// <summary>Where a key is.</summary>
public sealed record KeyLocation
{
    /// <summary>The keyspace.</summary>
    public required string Keyspace { get; init; }

    /// <summary>The key's slot.</summary>
    public required int Slot { get; init; }

    /// <summary>Its partition.</summary>
    public required uint Partition { get; init; }

    /// <summary>How it replicates; empty if an older node tells it.</summary>
    [Description("How the keyspace replicates: in mode quorum there is no leader.")]
    [AllowedValues("strong", "quorum")]
    public string Mode { get; init => field = value ?? ""; } = "";

    /// <summary>Names of the members that hold it, the preferred leader first.</summary>
    [Description("Members that hold it, the preferred leader first.")]
    public required IReadOnlyList<string> Replicas { get; init; }

    /// <summary>Name of the leader; empty if it is not known, and in mode quorum.</summary>
    [Description("Name of the leader; empty if it is not known, and in mode quorum, which has none.")]
    public required string Leader { get; init; }

    /// <summary>Where clients reach the leader; empty if it is not known, and in mode quorum.</summary>
    [Description("Where clients reach the leader; empty if it is not known, and in mode quorum.")]
    public required string LeaderAddress { get; init; }
}
