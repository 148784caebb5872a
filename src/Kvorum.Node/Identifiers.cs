using System.Globalization;

namespace Kvorum.Node;

/// <summary>
/// A group of replicas: the metadata group, or that of a partition. Numbers are never used again. The log and
/// the folders of trees know groups by their bare numbers.
/// </summary>
/// <param name="Value">At most <see cref="MaxValue"/>.</param>
public readonly record struct GroupId(uint Value) : IComparable<GroupId>
{
    /// <summary>The greatest number of a group: the log keeps greater ones for what is no group's.</summary>
    public const uint MaxValue = (1u << 30) - 1;

    /// <summary>The group that holds members, keyspaces and their placement.</summary>
    public static GroupId Metadata => default;

    /// <summary>
    /// Each node's own, which it shares with no other: the hints that it keeps for nodes that are down.
    /// </summary>
    public static GroupId Hints => new(MaxValue);

    /// <summary>True for the metadata group.</summary>
    public bool IsMetadata => Value == 0;

    /// <summary>True for a group that is this node's own: nobody places it.</summary>
    public bool IsLocal => Value == MaxValue;

    /// <inheritdoc/>
    public int CompareTo(GroupId other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Order of the numbers.</summary>
    public static bool operator <(GroupId left, GroupId right) => left.Value < right.Value;

    /// <summary>Order of the numbers.</summary>
    public static bool operator >(GroupId left, GroupId right) => left.Value > right.Value;

    /// <summary>Order of the numbers.</summary>
    public static bool operator <=(GroupId left, GroupId right) => left.Value <= right.Value;

    /// <summary>Order of the numbers.</summary>
    public static bool operator >=(GroupId left, GroupId right) => left.Value >= right.Value;
}

/// <summary>The number of a partition within its keyspace, from 0 on.</summary>
/// <param name="Value">Less than the keyspace has partitions.</param>
public readonly record struct PartitionId(uint Value) : IComparable<PartitionId>
{
    /// <inheritdoc/>
    public int CompareTo(PartitionId other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Order of the numbers.</summary>
    public static bool operator <(PartitionId left, PartitionId right) => left.Value < right.Value;

    /// <summary>Order of the numbers.</summary>
    public static bool operator >(PartitionId left, PartitionId right) => left.Value > right.Value;

    /// <summary>Order of the numbers.</summary>
    public static bool operator <=(PartitionId left, PartitionId right) => left.Value <= right.Value;

    /// <summary>Order of the numbers.</summary>
    public static bool operator >=(PartitionId left, PartitionId right) => left.Value >= right.Value;
}

/// <summary>A keyspace, whatever its name. Numbers are never used again.</summary>
/// <param name="Value">0 for the keyspace of the metadata group.</param>
public readonly record struct KeyspaceId(uint Value) : IComparable<KeyspaceId>
{
    /// <summary>The keyspace of the metadata group, which clients cannot reach.</summary>
    public static KeyspaceId System => default;

    /// <inheritdoc/>
    public int CompareTo(KeyspaceId other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Order of the numbers.</summary>
    public static bool operator <(KeyspaceId left, KeyspaceId right) => left.Value < right.Value;

    /// <summary>Order of the numbers.</summary>
    public static bool operator >(KeyspaceId left, KeyspaceId right) => left.Value > right.Value;

    /// <summary>Order of the numbers.</summary>
    public static bool operator <=(KeyspaceId left, KeyspaceId right) => left.Value <= right.Value;

    /// <summary>Order of the numbers.</summary>
    public static bool operator >=(KeyspaceId left, KeyspaceId right) => left.Value >= right.Value;
}

/// <summary>The version of the placement: it grows whenever the placement changes.</summary>
/// <param name="Value">0 before there is a placement.</param>
public readonly record struct Epoch(ulong Value) : IComparable<Epoch>
{
    /// <summary>The epoch that follows.</summary>
    public Epoch Next => new(Value + 1);

    /// <inheritdoc/>
    public int CompareTo(Epoch other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Order in time.</summary>
    public static bool operator <(Epoch left, Epoch right) => left.Value < right.Value;

    /// <summary>Order in time.</summary>
    public static bool operator >(Epoch left, Epoch right) => left.Value > right.Value;

    /// <summary>Order in time.</summary>
    public static bool operator <=(Epoch left, Epoch right) => left.Value <= right.Value;

    /// <summary>Order in time.</summary>
    public static bool operator >=(Epoch left, Epoch right) => left.Value >= right.Value;
}
