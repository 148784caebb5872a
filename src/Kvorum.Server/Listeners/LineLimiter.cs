namespace Kvorum.Server.Listeners;

/// <summary>What becomes of a line: written or held back.</summary>
/// <param name="IsWritten">False if it is only counted.</param>
/// <param name="Source">The source it counts for.</param>
/// <param name="HeldBack">If it is written: lines of that source held back since the last one.</param>
internal readonly record struct LineVerdict(bool IsWritten, string Source, int HeldBack);

/// <summary>
/// Decides which log lines are written of those that any remote host can cause: one for each
/// source and interval. The others are counted. A pure decider; one thread at a time.
/// </summary>
/// <param name="intervalMs">Least time between two lines of one source.</param>
/// <param name="sourcesMax">Sources told apart at once; all further ones count as one.</param>
internal sealed class LineLimiter(long intervalMs, int sourcesMax)
{
    /// <summary>What the sources beyond the bound are called.</summary>
    public const string Others = "other addresses";

    private readonly SortedDictionary<string, Entry> _sources = new(StringComparer.Ordinal);

    /// <summary>Sources that are remembered now.</summary>
    public int SourceCount => _sources.Count;

    /// <summary>A line of a source is to be written.</summary>
    public LineVerdict Admit(string source, long nowMs)
    {
        if (!_sources.ContainsKey(source) && _sources.Count >= sourcesMax)
            source = Others;
        if (!_sources.TryGetValue(source, out var entry))
            entry = new(nowMs - intervalMs, 0);
        var isWritten = nowMs - entry.SinceMs >= intervalMs;
        _sources[source] = isWritten ? new(nowMs, 0) : entry with { HeldBack = entry.HeldBack + 1 };
        return new(isWritten, source, isWritten ? entry.HeldBack : 0);
    }

    /// <summary>
    /// The sources whose interval is over, with the number of lines held back in it: writing these numbers
    /// begins a new interval. Sources that were quiet for an interval are forgotten.
    /// </summary>
    public IReadOnlyList<(string Source, int HeldBack)> TakeHeldBack(long nowMs)
    {
        List<(string Source, int HeldBack)> told = [];
        var over = _sources.Where(pair => nowMs - pair.Value.SinceMs >= intervalMs).ToList();
        foreach (var (source, entry) in over)
        {
            if (entry.HeldBack == 0)
            {
                _sources.Remove(source);
                continue;
            }

            _sources[source] = new(nowMs, 0);
            told.Add((source, entry.HeldBack));
        }

        return told;
    }

    private readonly record struct Entry(long SinceMs, int HeldBack);
}
