namespace Kvorum.Node.Placement;

/// <summary>
/// The part of all partitions that a node should hold, as an exact fraction of at most one.
/// </summary>
internal readonly record struct Share(long Numerator, long Denominator)
{
    /// <summary>A replica of every partition.</summary>
    public static Share Whole => new(1, 1);

    /// <summary>The share as a number, for estimates.</summary>
    public double Value => (double)Numerator / Denominator;

    /// <summary>A quarter above the share of these partitions, rounded up, and at most all of them.</summary>
    public int BoundOf(int partitions) =>
        (int)Math.Min(partitions, Ring.DivideUp(partitions * 5 * Numerator, 4 * Denominator));
}
