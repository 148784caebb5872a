namespace Kvorum.Verification.Search;

/// <summary>
/// The configurations that were tried. Of two that differ only in how many repeatable steps of unknown
/// outcome are done, the one with fewer can do all that the other can: when it has failed, the other fails
/// too.
/// </summary>
internal sealed class TriedConfigurations
{
    private readonly Dictionary<UInt128, ulong> _counts = [];

    /// <summary>Number of configurations.</summary>
    public int Count => _counts.Count;

    /// <summary>
    /// False if this configuration, or one that can do all that it can, was tried before.
    /// <paramref name="fingerprint"/> is of all but the repeatable steps.
    /// </summary>
    public bool TryAdd(UInt128 fingerprint, ulong repeats)
    {
        // Counts that cannot be compared lie under the numbers that follow.
        while (_counts.TryGetValue(fingerprint, out var tried))
        {
            if (RepeatCounts.IsAtMost(tried, repeats))
                return false;
            fingerprint++;
        }

        _counts.Add(fingerprint, repeats);
        return true;
    }
}
