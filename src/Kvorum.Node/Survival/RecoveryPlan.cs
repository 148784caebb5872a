using System.Text.Json;

namespace Kvorum.Node.Survival;

/// <summary>
/// How a cluster goes on from what survives: made once, applied to each survivor (ADR 39). It holds the
/// descriptions that it was made from, so that it is applied to no folder that has changed since.
/// </summary>
public sealed record RecoveryPlan
{
    internal const int FormatVersion = 1;

    /// <summary>The format of this plan.</summary>
    public required int Version { get; init; }

    /// <summary>Drawn at random: by it a folder knows the plan again that it was given.</summary>
    public required Guid Id { get; init; }

    /// <summary>The cluster that was.</summary>
    public required Guid OldCluster { get; init; }

    /// <summary>The cluster that goes on: it hears no node of the old one.</summary>
    public required Guid NewCluster { get; init; }

    /// <summary>The nodes that go on, by name.</summary>
    public required IReadOnlyList<Survivor> Survivors { get; init; }

    /// <summary>The nodes that are given up, by name.</summary>
    public required IReadOnlyList<SurvivingMember> Lost { get; init; }

    /// <summary>What becomes of each group, by its number.</summary>
    public required IReadOnlyList<RecoveredGroup> Groups { get; init; }

    /// <summary>The plan as it is kept in a file.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, SurvivalJson.Default.RecoveryPlan);

    /// <summary>Reads a plan; a <see cref="FormatException"/> says why it is none.</summary>
    public static RecoveryPlan Parse(ReadOnlySpan<byte> json) => SurvivalJson.Parse(
        json, SurvivalJson.Default.RecoveryPlan, static found => found.Version, FormatVersion,
        "plan of a recovery", "make the plan");
}

/// <summary>What becomes of a group.</summary>
/// <param name="Group">Its number.</param>
/// <param name="Keyspace">Its keyspace.</param>
/// <param name="Partition">Its partition.</param>
/// <param name="Fate">How it goes on.</param>
public sealed record RecoveredGroup(uint Group, string Keyspace, uint Partition, GroupFate Fate)
{
    /// <summary>The number of the keyspace.</summary>
    public uint KeyspaceId { get; init; }

    /// <summary>The node whose replica counts from now on; none if the group is left as it is.</summary>
    public Guid Source { get; init; }

    /// <summary>The term of what the recovery writes: greater than any that a survivor knows.</summary>
    public ulong Term { get; init; }

    /// <summary>The term of the last entry that survives.</summary>
    public ulong LastTerm { get; init; }

    /// <summary>The index of the last entry that survives.</summary>
    public ulong LastIndex { get; init; }

    /// <summary>Up to where any survivor knows that entries are committed.</summary>
    public ulong Commit { get; init; }

    /// <summary>The log time of the entry at <see cref="Commit"/>, ms since 1970; 0: not known.</summary>
    public ulong CommittedMs { get; init; }

    /// <summary>
    /// True for a partition of a quorum keyspace: its replicas, which are its voters here, stay as they are.
    /// </summary>
    public bool IsQuorum { get; init; }

    /// <summary>How many voters the group has.</summary>
    public int Voters { get; init; }

    /// <summary>On how many of them a replica survives.</summary>
    public int VotersLeft { get; init; }

    /// <summary>
    /// True if enough voters are lost that they may have acknowledged what no survivor has.
    /// </summary>
    public bool MayLack { get; init; }
}

/// <summary>How a group goes on. Stored in plans by name.</summary>
public enum GroupFate
{
    /// <summary>
    /// A majority of its voters survives, or a replica of a quorum keyspace: nothing is changed.
    /// </summary>
    Kept,

    /// <summary>It goes on from one replica; the other ones are filled from that.</summary>
    GoesOn,

    /// <summary>No survivor has a replica: it begins anew, without a key.</summary>
    BeginsEmpty,
}
