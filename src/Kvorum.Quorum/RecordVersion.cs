using System.Buffers.Binary;
using System.Globalization;

namespace Kvorum.Quorum;

/// <summary>
/// Who gave a record its version: the short id of a node's data folder. A wiped folder has another one, so
/// that it can never give a version twice.
/// </summary>
/// <param name="Value">Zero is no writer.</param>
public readonly record struct WriterId(ulong Value) : IComparable<WriterId>
{
    /// <inheritdoc/>
    public int CompareTo(WriterId other) => Value.CompareTo(other.Value);

    /// <summary>Small numbers as themselves, all others as sixteen hexadecimal digits.</summary>
    public override string ToString() =>
        Value.ToString(Value <= 999 ? "d" : "x16", CultureInfo.InvariantCulture);

    /// <summary>Order of the numbers.</summary>
    public static bool operator <(WriterId left, WriterId right) => left.Value < right.Value;

    /// <summary>Order of the numbers.</summary>
    public static bool operator >(WriterId left, WriterId right) => left.Value > right.Value;

    /// <summary>Order of the numbers.</summary>
    public static bool operator <=(WriterId left, WriterId right) => left.Value <= right.Value;

    /// <summary>Order of the numbers.</summary>
    public static bool operator >=(WriterId left, WriterId right) => left.Value >= right.Value;
}

/// <summary>
/// The version of a record in a quorum keyspace: the last write wins by it. A total order, the same on all
/// nodes: time first, then writer (Lamport, 1978). Two different writes never share a version.
/// </summary>
/// <remarks>Grammar of the bytes, in which their order is the order of the versions:
/// <code>version = time:u64 writer:u64     big-endian</code></remarks>
/// <param name="Time">When the coordinator accepted the write.</param>
/// <param name="Writer">The coordinator.</param>
public readonly record struct RecordVersion(HybridTimestamp Time, WriterId Writer)
    : IComparable<RecordVersion>
{
    /// <summary>Bytes of a version.</summary>
    public const int Size = 16;

    /// <summary>The least version: of a key that was never written.</summary>
    public static RecordVersion None => default;

    /// <summary>True if this is <see cref="None"/>.</summary>
    public bool IsNone => this == default;

    /// <inheritdoc/>
    public int CompareTo(RecordVersion other) =>
        Time == other.Time ? Writer.CompareTo(other.Writer) : Time.CompareTo(other.Time);

    /// <summary>Writes the first <see cref="Size"/> bytes of <paramref name="into"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is less room.</exception>
    public void Write(Span<byte> into)
    {
        BinaryPrimitives.WriteUInt64BigEndian(into[8..], Writer.Value);
        BinaryPrimitives.WriteUInt64BigEndian(into, Time.Value);
    }

    /// <summary>Reads the first <see cref="Size"/> bytes of <paramref name="from"/>; all are valid.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer.</exception>
    public static RecordVersion Read(ReadOnlySpan<byte> from) => new(
        new HybridTimestamp(BinaryPrimitives.ReadUInt64BigEndian(from)),
        new WriterId(BinaryPrimitives.ReadUInt64BigEndian(from[8..])));

    /// <summary>Time and writer, as in <c>1764500000000.3@00c0ffee00c0ffee</c>; or <c>none</c>.</summary>
    public override string ToString() => IsNone ? "none" : $"{Time}@{Writer}";

    /// <summary>Reads what <see cref="ToString"/> writes; null if it is something else.</summary>
    public static RecordVersion? ParseOrNull(ReadOnlySpan<char> text)
    {
        if (text is "none") return None;
        var at = text.IndexOf('@');
        if (at < 0 || HybridTimestamp.ParseOrNull(text[..at]) is not { } time) return null;
        var writer = text[(at + 1)..];
        var style = writer.Length == 16 ? NumberStyles.AllowHexSpecifier : NumberStyles.None;
        return ulong.TryParse(writer, style, CultureInfo.InvariantCulture, out var value)
            ? new RecordVersion(time, new WriterId(value))
            : null;
    }

    /// <summary>True if <paramref name="left"/> loses to <paramref name="right"/>.</summary>
    public static bool operator <(RecordVersion left, RecordVersion right) => left.CompareTo(right) < 0;

    /// <summary>True if <paramref name="left"/> wins over <paramref name="right"/>.</summary>
    public static bool operator >(RecordVersion left, RecordVersion right) => left.CompareTo(right) > 0;

    /// <summary>True if <paramref name="left"/> does not win.</summary>
    public static bool operator <=(RecordVersion left, RecordVersion right) => left.CompareTo(right) <= 0;

    /// <summary>True if <paramref name="left"/> does not lose.</summary>
    public static bool operator >=(RecordVersion left, RecordVersion right) => left.CompareTo(right) >= 0;
}
