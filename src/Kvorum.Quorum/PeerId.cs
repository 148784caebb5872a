using System.Globalization;

namespace Kvorum.Quorum;

/// <summary>
/// A node of the cluster, where a fold's small numbers do not do: the host's 128-bit id of it.
/// </summary>
/// <param name="Value">The id.</param>
public readonly record struct PeerId(UInt128 Value) : IComparable<PeerId>
{
    /// <inheritdoc/>
    public int CompareTo(PeerId other) => Value.CompareTo(other.Value);

    /// <summary>Small numbers as themselves, of all others the last eight hexadecimal digits.</summary>
    public override string ToString() => Value <= 999
        ? ((ulong)Value).ToString(CultureInfo.InvariantCulture)
        : ((uint)Value).ToString("x8", CultureInfo.InvariantCulture);

    /// <summary>Order of the numbers.</summary>
    public static bool operator <(PeerId left, PeerId right) => left.Value < right.Value;

    /// <summary>Order of the numbers.</summary>
    public static bool operator >(PeerId left, PeerId right) => left.Value > right.Value;

    /// <summary>Order of the numbers.</summary>
    public static bool operator <=(PeerId left, PeerId right) => left.Value <= right.Value;

    /// <summary>Order of the numbers.</summary>
    public static bool operator >=(PeerId left, PeerId right) => left.Value >= right.Value;
}
