namespace Kvorum.Quorum.Deletes;

/// <summary>
/// The writes that one coordinator has under way in one partition, as far as the horizon needs them: counted
/// by generations, so that a write costs an addition and a subtraction. Owned by one caller.
/// </summary>
/// <remarks>
/// A generation begins at a timestamp and takes the writes from there up to the next one's beginning. The low
/// watermark is the beginning of the oldest generation with writes. It never goes back, and a write below it
/// is not begun: a retry of an old write ends as indeterminate.
/// </remarks>
/// <param name="start">
/// <see cref="HybridClock.NextAtLeast"/> at the start of the node: nothing older will be written by it. A
/// retry of what it wrote in an earlier life is refused.
/// </param>
public sealed class WritesUnderWay(HybridTimestamp start)
{
    /// <summary>
    /// Generations at a time; while there are that many no new one begins, and the newest takes all.
    /// </summary>
    public const int GenerationsMax = 64;

    private readonly List<(HybridTimestamp Begins, int Count)> _generations = [(start, 0)];
    private long _oldest;

    /// <summary>Nothing older than this will come from this coordinator.</summary>
    public HybridTimestamp Low => _generations[0].Begins;

    /// <summary>Writes under way.</summary>
    public int Count { get; private set; }

    /// <summary>True if a write in the oldest generation holds <see cref="Low"/>.</summary>
    public bool IsHeld => _generations[0].Count > 0;

    /// <summary>
    /// A write is about to be sent. False if it is older than <see cref="Low"/>: do not send it; the client
    /// is told that the outcome of what it tried before stays unknown.
    /// </summary>
    /// <param name="version">Its version: new, or that of an earlier attempt.</param>
    /// <param name="generation">For <see cref="End"/>.</param>
    public bool TryBegin(RecordVersion version, out long generation)
    {
        generation = 0;
        if (version.Time < Low) return false;
        var at = _generations.Count - 1;
        while (_generations[at].Begins > version.Time) at--;
        _generations[at] = (_generations[at].Begins, _generations[at].Count + 1);
        generation = _oldest + at;
        Count++;
        return true;
    }

    /// <summary>
    /// All replicas have answered, or what they lack is in a durable hint: no message of this write matters
    /// any more. After a time-out it is over as well: replicas refuse a late message below the horizon.
    /// </summary>
    public void End(long generation)
    {
        var at = (int)(generation - _oldest);
        Invariant.Check(at >= 0 && at < _generations.Count && _generations[at].Count > 0);
        _generations[at] = (_generations[at].Begins, _generations[at].Count - 1);
        Count--;
    }

    /// <summary>
    /// A new generation begins; to be called every second or so, before <see cref="Low"/> is told to others.
    /// </summary>
    /// <param name="nextAtLeast"><see cref="HybridClock.NextAtLeast"/>.</param>
    public void Turn(HybridTimestamp nextAtLeast)
    {
        if (nextAtLeast > _generations[^1].Begins && _generations.Count < GenerationsMax)
            _generations.Add((nextAtLeast, 0));
        while (_generations.Count > 1 && _generations[0].Count == 0)
        {
            _generations.RemoveAt(0);
            _oldest++;
        }
    }
}
