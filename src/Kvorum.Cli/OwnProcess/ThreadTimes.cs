namespace Kvorum.Cli.OwnProcess;

/// <summary>
/// What the kernel has counted for the threads of a process (proc(5), schedstat).
/// </summary>
/// <param name="RunNs">Nanoseconds on a processor.</param>
/// <param name="WaitNs">Nanoseconds ready to run, waiting for one.</param>
/// <param name="Slices">How often a thread got one.</param>
internal readonly record struct ThreadTimes(long RunNs, long WaitNs, long Slices)
{
    public static ThreadTimes operator +(ThreadTimes a, ThreadTimes b) =>
        new(a.RunNs + b.RunNs, a.WaitNs + b.WaitNs, a.Slices + b.Slices);

    public static ThreadTimes operator -(ThreadTimes a, ThreadTimes b) =>
        new(a.RunNs - b.RunNs, a.WaitNs - b.WaitNs, a.Slices - b.Slices);
}
