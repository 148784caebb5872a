namespace Kvorum.Cli.OwnProcess;

/// <summary>
/// Decides how the threads of a node wake up. Queueing is best among threads that all pause soon, as a
/// node's do. Beside others that compute without a pause, a thread that queues waits for milliseconds each
/// time: that shows in how long the threads wait for what they run, and then they had better interrupt. A
/// pure decider; told once in each <see cref="Period"/>.
/// </summary>
internal sealed class WakeModeChooser
{
    /// <summary>Time between two observations.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromMilliseconds(500);

    // Measured on two processors: a saturated cluster of three nodes waits 3 times as long as it runs; one
    // with little to do beside two processes that never pause, 20 times and more.
    private const int WaitPerRunMax = 8;

    // Fewer say nothing.
    private const int SlicesMin = 20;
    private const int PatienceMin = 20;
    private const int PatienceMax = 1200;
    private const int GoodForReset = 1200;

    private int _patience = PatienceMin;
    private int _left;
    private int _good;

    /// <summary>How to wake up now.</summary>
    public WakeMode Mode { get; private set; } = WakeMode.Queue;

    /// <summary>
    /// Takes what was counted in the last period. After a bad one the threads interrupt, for ten seconds
    /// first and twice as long each time queueing turns out bad again, up to ten minutes.
    /// </summary>
    public void Observe(in ThreadTimes period)
    {
        if (Mode == WakeMode.Interrupt)
        {
            if (--_left == 0)
                Mode = WakeMode.Queue;
            return;
        }

        if (period.Slices < SlicesMin || period.WaitNs <= WaitPerRunMax * period.RunNs)
        {
            if (++_good >= GoodForReset)
                _patience = PatienceMin;
            return;
        }

        _good = 0;
        _left = _patience;
        _patience = Math.Min(_patience * 2, PatienceMax);
        Mode = WakeMode.Interrupt;
    }
}
