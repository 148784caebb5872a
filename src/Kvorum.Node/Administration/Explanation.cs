using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Kvorum.Node.Administration;

/// <summary>What a keyspace promises, worked out by the code that keeps the promise.</summary>
public sealed record KeyspaceExplanation
{
    /// <summary>Its name.</summary>
    public required string Keyspace { get; init; }

    /// <summary>How its groups replicate.</summary>
    [AllowedValues("strong", "quorum")]
    public required string Mode { get; init; }

    /// <summary>Its partitions.</summary>
    public required int Partitions { get; init; }

    /// <summary>N: replicas of each record, where there are as many members.</summary>
    [Description("N: replicas of each record, where there are as many members.")]
    public required int Replicas { get; init; }

    /// <summary>W: replicas that must have a write on disk.</summary>
    [Description(
        "W: replicas that must have a write on disk; in a strong keyspace a majority of the voters.")]
    public required int WriteQuorum { get; init; }

    /// <summary>R: replicas that must have answered a read.</summary>
    [Description(
        "R: replicas that must have answered a read; in a strong keyspace voters that confirm the leader.")]
    public required int ReadQuorum { get; init; }

    /// <summary>True if hints on other nodes count for replicas that are down.</summary>
    [Description("Whether hints on other nodes count for replicas that are down.")]
    public required bool Sloppy { get; init; }

    /// <summary>True if clients may give a write its time.</summary>
    [Description("Whether clients may give a write its time.")]
    public bool ClientTimestamps { get; init; }

    /// <summary>True if a read sees every write that was acknowledged before it began.</summary>
    [Description("Whether a read sees every write that was acknowledged before it began.")]
    public required bool ReadsSeeWrites { get; init; }

    /// <summary>True if both sides of a network split can take writes for one key.</summary>
    [Description("Whether both sides of a network split can take writes for one key.")]
    public required bool BothSidesWritable { get; init; }

    /// <summary>True if what is acknowledged is on disk.</summary>
    [Description("Whether what is acknowledged is on disk.")]
    public required bool Durable { get; init; }

    /// <summary>How old what a read misses may be, in milliseconds; null: that is not promised.</summary>
    [Description("How old what a read misses may be, in milliseconds; absent: that is not promised.")]
    public ulong? StalenessMs { get; init; }

    /// <summary>Quorum: how often each two replicas compare what they hold, in milliseconds.</summary>
    [Description("Mode quorum: how often each two replicas compare what they hold, in milliseconds.")]
    public long? SyncIntervalMs { get; init; }

    /// <summary>Quorum: how long a tombstone is kept at least, in milliseconds.</summary>
    [Description("Mode quorum: how long a deleted key's tombstone is kept at least, in milliseconds.")]
    public long? TombstoneMinMs { get; init; }

    /// <summary>What goes on when none, one, to all replicas are lost at once.</summary>
    [Description("What goes on when none, one, two, to all of a record's replicas are lost at once.")]
    public required IReadOnlyList<LossExplanation> Losses { get; init; }

    /// <summary>The same and the rest in words, a sentence each.</summary>
    [Description("The promise in words, a sentence each.")]
    public required IReadOnlyList<string> Promise { get; init; }

    /// <summary>Where it is otherwise now, a sentence each.</summary>
    [Description("Where it is otherwise now, a sentence each.")]
    public required IReadOnlyList<string> Now { get; init; }
}

/// <summary>What goes on when so many of a record's replicas are lost at once.</summary>
public sealed record LossExplanation
{
    /// <summary>How many.</summary>
    [Description("How many replicas are away or, for what is kept, lose their disks.")]
    public required int Lost { get; init; }

    /// <summary>True if writes are taken.</summary>
    [Description("Whether writes are taken.")]
    public required bool Writes { get; init; }

    /// <summary>True if reads are answered.</summary>
    [Description("Whether reads are answered.")]
    public required bool Reads { get; init; }

    /// <summary>True if a write that was just acknowledged is not lost.</summary>
    [Description("Whether a write that was just acknowledged is kept.")]
    public required bool Acknowledged { get; init; }

    /// <summary>True if a write that is on all replicas is not lost.</summary>
    [Description("Whether a write that has reached all replicas is kept.")]
    public required bool Repaired { get; init; }
}

/// <summary>Which replicas hold a key, and with which version.</summary>
public sealed record KeyExplanation
{
    /// <summary>The keyspace.</summary>
    public required string Keyspace { get; init; }

    /// <summary>How it replicates.</summary>
    [AllowedValues("strong", "quorum")]
    public required string Mode { get; init; }

    /// <summary>The key's slot.</summary>
    public required int Slot { get; init; }

    /// <summary>Its partition.</summary>
    public required uint Partition { get; init; }

    /// <summary>Name of the leader; empty if it is not known or there is none.</summary>
    [Description("Name of the leader; empty if it is not known, and in mode quorum, which has none.")]
    public required string Leader { get; init; }

    /// <summary>In words: whether the replicas agree, and what that means.</summary>
    [Description("For people: whether the replicas agree.")]
    public required string Summary { get; init; }

    /// <summary>The replicas, the preferred leader first.</summary>
    [Description("The replicas, the preferred leader first.")]
    public required IReadOnlyList<ReplicaOfKey> Replicas { get; init; }

    /// <summary>Nodes that keep a hint for a replica that was down.</summary>
    [Description(
        "Mode quorum: nodes that keep a hint for a replica that was down, and have not handed it over yet.")]
    public IReadOnlyList<ReplicaOfKey> StandIns { get; init; } = [];
}
