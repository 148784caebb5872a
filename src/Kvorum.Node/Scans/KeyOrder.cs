namespace Kvorum.Node.Scans;

/// <summary>The order of a scan: that of the keys' bytes, or the other way round.</summary>
internal sealed class KeyOrder : IComparer<ReadOnlyMemory<byte>>
{
    private readonly int _sign;

    private KeyOrder(int sign) => _sign = sign;

    private static KeyOrder Ascending { get; } = new(1);

    private static KeyOrder Descending { get; } = new(-1);

    public static KeyOrder Of(bool reverse) => reverse ? Descending : Ascending;

    public int Compare(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) =>
        _sign * x.Span.SequenceCompareTo(y.Span);
}
