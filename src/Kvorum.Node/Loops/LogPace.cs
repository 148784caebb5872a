using System.Globalization;

namespace Kvorum.Node.Loops;

/// <summary>
/// Decides whether this node's log has become too slow to lead with: judged once a second by the median time
/// from append to durable, or by the age of a batch that does not come back. Some seconds in a row must
/// agree, more of them on the way back, and between the two bounds nothing changes; a second without a write
/// says nothing. A pure decider, owned by its loop; all times in the node's milliseconds.
/// </summary>
internal sealed class LogPace
{
    private const int SecondMs = 1000;

    /// <summary>Times of one second that are looked at: the median of more says no more.</summary>
    private const int SamplesMax = 1024;

    private readonly Queue<long> _pending = new();
    private readonly List<long> _tookMs = [];
    private long _judgeAtMs;
    private int _secondsAgainst;

    /// <summary>True while the node should lead nothing.</summary>
    public bool IsSlow { get; private set; }

    /// <summary>The median of the last second in which anything was written.</summary>
    public long MedianMs { get; private set; }

    /// <summary>What one write in twenty took at least in the last second; null if none came.</summary>
    public long? SlowMs { get; private set; }

    /// <summary>What an operator should know; null if all is well.</summary>
    public string? HealthIssue => IsSlow
        ? string.Create(CultureInfo.InvariantCulture, $"writes to this node's log take {MedianMs} ms: ")
            + $"other nodes lead until they take less than {Limits.FastLogMs} ms; look at its disk"
        : null;

    /// <summary>A batch was handed to the log. Batches come back in this order.</summary>
    public void Appended(long nowMs) => _pending.Enqueue(nowMs);

    /// <summary>The oldest batch became durable at that time.</summary>
    public void Completed(long atMs)
    {
        var took = atMs - _pending.Dequeue();
        if (_tookMs.Count < SamplesMax)
            _tookMs.Add(took);
    }

    /// <summary>Looks at the last second, if one has passed. True if the verdict has changed.</summary>
    public bool Judge(long nowMs)
    {
        if (nowMs < _judgeAtMs)
            return false;
        _judgeAtMs = nowMs + SecondMs;
        SlowMs = null;
        if (Typical(nowMs) is not { } typical)
            return false;
        MedianMs = typical;
        var isAgainst = IsSlow ? typical < Limits.FastLogMs : typical >= Limits.SlowLogMs;
        _secondsAgainst = isAgainst ? _secondsAgainst + 1 : 0;
        if (_secondsAgainst < (IsSlow ? Limits.FastLogSeconds : Limits.SlowLogSeconds))
            return false;
        _secondsAgainst = 0;
        IsSlow = !IsSlow;
        return true;
    }

    private long? Typical(long nowMs)
    {
        // What is still under way counts once it is late: a disk that hangs completes nothing.
        if (_pending.TryPeek(out var oldest) && nowMs - oldest >= Limits.SlowLogMs)
            _tookMs.Add(nowMs - oldest);
        if (_tookMs.Count == 0)
            return null;
        _tookMs.Sort();
        var median = _tookMs[_tookMs.Count / 2];
        SlowMs = _tookMs[_tookMs.Count * 19 / 20];
        _tookMs.Clear();
        return median;
    }
}
