using System.Globalization;
using System.Runtime.InteropServices;

namespace Kvorum.Cli.OwnProcess;

/// <summary>
/// Tells the kernel how this process's threads wake up, as <see cref="WakeModeChooser"/> decides. On Linux
/// only, and only where the kernel counts what it is decided by; elsewhere it does nothing. New threads take
/// after the ones that start them.
/// </summary>
internal sealed partial class ThreadScheduling : IDisposable
{
    private const string Threads = "/proc/self/task";
    private readonly WakeModeChooser _chooser = new();
    private readonly Timer? _timer;
    private ThreadTimes _seen;
    private WakeMode _set = WakeMode.Interrupt;

    private ThreadScheduling()
    {
        if (!OwnProgram.IsOnLinux || Read() is not { } now)
            return;
        _seen = now;
        Apply(_chooser.Mode);
        _timer = new(_ => Observe());
        Rest();
    }

    /// <summary>Begins to watch and to tell.</summary>
    public static ThreadScheduling Begin() => new();

    /// <inheritdoc/>
    public void Dispose() => _timer?.Dispose();

    private void Observe()
    {
        if (Read() is not { } now)
        {
            Rest();
            return;
        }

        _chooser.Observe(now - _seen);
        _seen = now;
        Apply(_chooser.Mode);
        Rest();
    }

    private void Rest() => _timer?.Change(WakeModeChooser.Period, Timeout.InfiniteTimeSpan);

    private void Apply(WakeMode mode)
    {
        if (mode == _set)
            return;
        _set = mode;
        foreach (var thread in ListThreads())
        {
            // A thread that has ended, or a kernel that refuses: it wakes up as before, that is all.
            var priority = 0;
            _ = SetScheduler((int)Number(Path.GetFileName(thread)), (int)mode, priority);
        }
    }

    // Null if it cannot be read now, for want of file handles say.
    private static ThreadTimes? Read()
    {
        var sum = default(ThreadTimes);
        foreach (var thread in ListThreads())
        {
            try
            {
                var counts = File.ReadAllText($"{thread}/schedstat").Split(' ');
                if (counts.Length == 3)
                    sum += new ThreadTimes(Number(counts[0]), Number(counts[1]), Number(counts[2]));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It has ended, or may not be changed.
            }
        }

        return sum.Slices > 0 ? sum : null;
    }

    private static string[] ListThreads()
    {
        try
        {
            return Directory.GetDirectories(Threads);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static long Number(string text) =>
        long.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : 0;

    // The third parameter is a structure that holds the priority alone, 0 for both modes.
    [LibraryImport("libc", EntryPoint = "sched_setscheduler")]
    private static partial int SetScheduler(int thread, int policy, in int priority);
}
