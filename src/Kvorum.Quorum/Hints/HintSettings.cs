namespace Kvorum.Quorum.Hints;

/// <summary>Bounds of the hints that a node keeps, and how it hands them over.</summary>
public sealed record HintSettings
{
    /// <summary>Bytes of hints for one node.</summary>
    public long PerNodeBytesMax { get; init; } = 256L << 20;

    /// <summary>Bytes of all hints.</summary>
    public long TotalBytesMax { get; init; } = 1L << 30;

    /// <summary>Hints for one node.</summary>
    public long PerNodeCountMax { get; init; } = 1_000_000;

    /// <summary>Hints for all nodes.</summary>
    public long TotalCountMax { get; init; } = 4_000_000;

    /// <summary>
    /// The wait after a hand-over has failed, in milliseconds; it doubles with each failure that follows.
    /// </summary>
    public long BackOffFirstMs { get; init; } = 200;

    /// <summary>The longest wait after a failure, in milliseconds.</summary>
    public long BackOffMaxMs { get; init; } = 60_000;

    /// <summary>
    /// What is wrong with the settings, as a sentence that names the remedy; null if nothing is.
    /// </summary>
    public string? Fault()
    {
        if (PerNodeBytesMax < 0 || PerNodeCountMax < 0)
        {
            return $"The hints for one node are bounded by {PerNodeBytesMax} bytes and {PerNodeCountMax} "
                + "records: use at least 0, which keeps none.";
        }

        if (TotalBytesMax < PerNodeBytesMax || TotalCountMax < PerNodeCountMax)
        {
            return $"All hints are bounded by {TotalBytesMax} bytes and {TotalCountMax} records, those for "
                + $"one node by {PerNodeBytesMax} and {PerNodeCountMax}: use at least as much for all.";
        }

        return BackOffFirstMs < 1 || BackOffMaxMs < BackOffFirstMs
            ? $"Failed hand-overs of hints wait {BackOffFirstMs} to {BackOffMaxMs} ms: use at least "
                + "1 ms, and a longest wait that is not less than the first."
            : null;
    }
}
