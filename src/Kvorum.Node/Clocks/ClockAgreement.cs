namespace Kvorum.Node.Clocks;

/// <summary>What a majority of the members' wall clocks say, seen from one of them.</summary>
/// <param name="AgreedMs">
/// What the majority's clocks show, less what the own clock shows; null if no majority agrees, or is heard.
/// </param>
/// <param name="Agreeing">How many clocks agree, the own one among them if it does.</param>
/// <param name="Heard">How many are heard, the own one included.</param>
internal readonly record struct ClockVerdict(long? AgreedMs, int Agreeing, int Heard);

/// <summary>
/// Finds what a majority of clocks agree on: the largest set of clocks that differ by no more than the bound,
/// if it is a majority of all members, and the middle one of it. A pure decider: a single clock that is wrong
/// by years, in either direction, changes nothing.
/// </summary>
internal static class ClockAgreement
{
    /// <summary>
    /// Decides. <paramref name="offsetsMs"/> are the clocks that are heard, each less the own one, whose 0 is
    /// among them; they are sorted.
    /// </summary>
    public static ClockVerdict Judge(Span<long> offsetsMs, int members, long boundMs)
    {
        offsetsMs.Sort();
        var (first, count) = (0, 0);
        for (int from = 0, to = 0; to < offsetsMs.Length; to++)
        {
            while (offsetsMs[to] - offsetsMs[from] > boundMs)
                from++;
            if (to - from + 1 > count)
                (first, count) = (from, to - from + 1);
        }

        long? agreed = count > members / 2 ? offsetsMs[first + ((count - 1) / 2)] : null;
        return new(agreed, count, offsetsMs.Length);
    }
}
