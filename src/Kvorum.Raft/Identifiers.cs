using System.Globalization;

namespace Kvorum.Raft;

/// <summary>The identity of one node: a full 128-bit UUID, so that two nodes never share one by accident.</summary>
public readonly record struct NodeId(UInt128 Value) : IComparable<NodeId>
{
    /// <inheritdoc/>
    public int CompareTo(NodeId other) => Value.CompareTo(other.Value);

    /// <summary>Short form for traces: the last eight hexadecimal digits (small numbers read as themselves).</summary>
    public override string ToString() => Value <= 999
        ? ((ulong)Value).ToString(CultureInfo.InvariantCulture)
        : ((uint)Value).ToString("x8", CultureInfo.InvariantCulture);

    /// <summary>Order of the 128-bit values.</summary>
    public static bool operator <(NodeId left, NodeId right) => left.Value < right.Value;

    /// <summary>Order of the 128-bit values.</summary>
    public static bool operator >(NodeId left, NodeId right) => left.Value > right.Value;

    /// <summary>Order of the 128-bit values.</summary>
    public static bool operator <=(NodeId left, NodeId right) => left.Value <= right.Value;

    /// <summary>Order of the 128-bit values.</summary>
    public static bool operator >=(NodeId left, NodeId right) => left.Value >= right.Value;
}

/// <summary>A Raft term: Raft's logical clock (Raft section 5.1). Zero before the first election.</summary>
public readonly record struct Term(ulong Value) : IComparable<Term>
{
    /// <summary>The term that follows.</summary>
    public Term Next => new(Value + 1);

    /// <inheritdoc/>
    public int CompareTo(Term other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Order in time.</summary>
    public static bool operator <(Term left, Term right) => left.Value < right.Value;

    /// <summary>Order in time.</summary>
    public static bool operator >(Term left, Term right) => left.Value > right.Value;

    /// <summary>Order in time.</summary>
    public static bool operator <=(Term left, Term right) => left.Value <= right.Value;

    /// <summary>Order in time.</summary>
    public static bool operator >=(Term left, Term right) => left.Value >= right.Value;
}

/// <summary>The position of an entry in a group's log. The first entry has index 1; zero means "before the log".</summary>
public readonly record struct LogIndex(ulong Value) : IComparable<LogIndex>
{
    /// <summary>The index that follows.</summary>
    public LogIndex Next => new(Value + 1);

    /// <summary>The index before; zero has none.</summary>
    public LogIndex Previous => new(checked(Value - 1));

    /// <inheritdoc/>
    public int CompareTo(LogIndex other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Order in the log.</summary>
    public static bool operator <(LogIndex left, LogIndex right) => left.Value < right.Value;

    /// <summary>Order in the log.</summary>
    public static bool operator >(LogIndex left, LogIndex right) => left.Value > right.Value;

    /// <summary>Order in the log.</summary>
    public static bool operator <=(LogIndex left, LogIndex right) => left.Value <= right.Value;

    /// <summary>Order in the log.</summary>
    public static bool operator >=(LogIndex left, LogIndex right) => left.Value >= right.Value;
}
