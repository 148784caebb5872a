namespace Kvorum.Protocol;

/// <summary>A range of keys in byte order.</summary>
/// <param name="From">Where it begins, inclusive; empty: no bound.</param>
/// <param name="End">Where it ends, exclusive; empty: no bound.</param>
public readonly record struct KeyRange(ReadOnlyMemory<byte> From, ReadOnlyMemory<byte> End)
{
    /// <summary>True if the end is before the beginning: such a range is a mistake.</summary>
    public bool IsReversed => !End.IsEmpty && From.Span.SequenceCompareTo(End.Span) > 0;

    /// <summary>True if no key can be in it.</summary>
    public bool IsEmpty => !End.IsEmpty && From.Span.SequenceCompareTo(End.Span) >= 0;

    /// <summary>All keys that begin with a prefix; all keys if it is empty.</summary>
    public static KeyRange OfPrefix(ReadOnlyMemory<byte> prefix)
    {
        // The end is the next key of the prefix's length or shorter: what is 0xff cannot grow.
        var kept = prefix.Span.TrimEnd((byte)0xff);
        if (kept.IsEmpty)
            return new(prefix, default);
        var end = kept.ToArray();
        end[^1]++;
        return new(prefix, end);
    }

    /// <summary>
    /// The keys of a prefix that are also in [from, end): what a caller may say in three words. Reversed only
    /// if <paramref name="from"/> and <paramref name="end"/> are.
    /// </summary>
    public static KeyRange Of(
        ReadOnlyMemory<byte> prefix, ReadOnlyMemory<byte> from, ReadOnlyMemory<byte> end)
    {
        var asked = new KeyRange(from, end);
        if (prefix.IsEmpty || asked.IsReversed)
            return asked;
        var named = OfPrefix(prefix);
        var both = new KeyRange(
            Greater(asked.From, named.From),
            named.End.IsEmpty ? asked.End : asked.End.IsEmpty ? named.End : Less(asked.End, named.End));
        return both.IsReversed ? both with { End = both.From } : both;
    }

    /// <summary>The least key that is greater than another.</summary>
    public static byte[] After(ReadOnlySpan<byte> key) => [.. key, 0];

    private static ReadOnlyMemory<byte> Greater(ReadOnlyMemory<byte> a, ReadOnlyMemory<byte> b) =>
        a.Span.SequenceCompareTo(b.Span) >= 0 ? a : b;

    private static ReadOnlyMemory<byte> Less(ReadOnlyMemory<byte> a, ReadOnlyMemory<byte> b) =>
        a.Span.SequenceCompareTo(b.Span) <= 0 ? a : b;
}
