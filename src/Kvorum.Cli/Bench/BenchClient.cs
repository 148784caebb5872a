namespace Kvorum.Cli.Bench;

/// <summary>
/// One client's counts. Written by the client's own task, one step after another on whatever thread; read by
/// others only for the display, and after the end.
/// </summary>
internal sealed class BenchClient
{
    private long _done;
    private long _failures;
    private volatile bool _isMeasuring;
    private volatile bool _isOver;

    public Random Random { get; } = new();

    public LatencyHistogram Reads { get; } = new();

    public LatencyHistogram Writes { get; } = new();

    public SortedDictionary<string, long> Errors { get; } = new(StringComparer.Ordinal);

    /// <summary>Reads that found no key, while measuring.</summary>
    public long Absent { get; private set; }

    public long Done => Volatile.Read(ref _done);

    public long Failures => Volatile.Read(ref _failures);

    /// <summary>What ends now is counted.</summary>
    public bool IsMeasuring { get => _isMeasuring; set => _isMeasuring = value; }

    /// <summary>Ask no more.</summary>
    public bool IsOver { get => _isOver; set => _isOver = value; }

    public void Count(bool isRead, TimeSpan time)
    {
        Volatile.Write(ref _done, _done + 1);
        if (IsMeasuring)
            (isRead ? Reads : Writes).Record((long)time.TotalNanoseconds);
    }

    public void CountAbsent()
    {
        if (IsMeasuring)
            Absent++;
    }

    public void CountFailure(string status)
    {
        Volatile.Write(ref _failures, _failures + 1);
        if (IsMeasuring)
            Errors[status] = Errors.GetValueOrDefault(status) + 1;
    }
}
