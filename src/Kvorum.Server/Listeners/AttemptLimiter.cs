namespace Kvorum.Server.Listeners;

/// <summary>
/// Decides how long each source of connections waits before it may try to log in. A source whose attempts
/// fail waits twice as long each time, from the ninth on; one that has not logged in lately may begin so many
/// attempts in a second. A pure decider; one thread at a time.
/// </summary>
/// <param name="sourcesMax">Sources told apart; beyond, the one that was heard of longest ago is forgotten.
/// </param>
internal sealed class AttemptLimiter(int sourcesMax)
{
    /// <summary>Failures in a row that cost nothing: people mistype, and files are half replaced.</summary>
    public const int FreeFailures = 8;

    /// <summary>The first wait.</summary>
    public const long FirstWaitMs = 50;

    /// <summary>The longest wait: shorter than the patience of a node that dials.</summary>
    public const long WaitMaxMs = 1_000;

    /// <summary>A source that was quiet for so long begins anew.</summary>
    public const long MemoryMs = 600_000;

    /// <summary>Time between two attempts of a source that has not logged in, on average.</summary>
    public const long AttemptMs = 10;

    /// <summary>Attempts that such a source may begin at once.</summary>
    public const int BurstMax = 200;

    private readonly Dictionary<string, Entry> _sources = new(StringComparer.Ordinal);

    /// <summary>Sources that are remembered now.</summary>
    public int SourceCount => _sources.Count;

    /// <summary>An attempt begins; how long it waits.</summary>
    public long Begin(string source, long nowMs)
    {
        var entry = Find(source, nowMs);
        var isKnown = entry.LoggedInMs is { } at && nowMs - at < MemoryMs;
        var due = isKnown ? nowMs : Math.Max(entry.DueMs, nowMs - (BurstMax * AttemptMs)) + AttemptMs;
        Keep(source, entry with { SeenMs = nowMs, DueMs = due }, nowMs);
        var over = entry.Failures - FreeFailures;
        var penalty = over < 0 ? 0 : over > 10 ? WaitMaxMs : FirstWaitMs << over;
        return Math.Min(Math.Max(penalty, due - nowMs), WaitMaxMs);
    }

    /// <summary>An attempt has failed; how many in a row now.</summary>
    public int Failed(string source, long nowMs)
    {
        var entry = Find(source, nowMs);
        var failures = Math.Min(entry.Failures + 1, int.MaxValue - 1);
        Keep(source, entry with { SeenMs = nowMs, Failures = failures }, nowMs);
        return failures;
    }

    /// <summary>Somebody has logged in from there.</summary>
    public void LoggedIn(string source, long nowMs) =>
        Keep(source, Find(source, nowMs) with { SeenMs = nowMs, Failures = 0, LoggedInMs = nowMs }, nowMs);

    private Entry Find(string source, long nowMs) =>
        _sources.TryGetValue(source, out var entry) && nowMs - entry.SeenMs < MemoryMs
            ? entry : new(nowMs, 0, nowMs - (BurstMax * AttemptMs), null);

    private void Keep(string source, Entry entry, long nowMs)
    {
        if (!_sources.ContainsKey(source) && _sources.Count >= sourcesMax)
            Forget(nowMs);
        _sources[source] = entry;
    }

    // All that are stale, or else the stalest quarter: it is not looked for at each attempt.
    private void Forget(long nowMs)
    {
        var oldest = _sources.OrderBy(static pair => pair.Value.SeenMs).ToList();
        var stale = oldest.TakeWhile(pair => nowMs - pair.Value.SeenMs >= MemoryMs).Count();
        foreach (var (source, _) in oldest.Take(Math.Max(stale, Math.Max(1, sourcesMax / 4))))
            _sources.Remove(source);
    }

    private readonly record struct Entry(long SeenMs, int Failures, long DueMs, long? LoggedInMs);
}
