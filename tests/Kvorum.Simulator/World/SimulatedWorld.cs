using System.Runtime.CompilerServices;

namespace Kvorum.Simulator.World;

/// <summary>
/// What all parts of one run share: time, randomness, the trace, the faults that fired, and the verdict.
/// </summary>
internal sealed class SimulatedWorld(ulong seed, Verbosity shown, TextWriter? output)
{
    private readonly long[] _fired = new long[Enum.GetValues<FaultKind>().Length];
    private Trace? _trace;

    /// <summary>Time.</summary>
    public Scheduler Scheduler { get; } = new();

    /// <summary>Microseconds since the run began.</summary>
    public long NowUs => Scheduler.NowUs;

    /// <summary>What happened.</summary>
    public Trace Trace => _trace ??= new(Scheduler, shown, output);

    /// <summary>The first broken promise; null so far.</summary>
    public string? Failure { get; private set; }

    /// <summary>
    /// True once a node runs that has lost what it acknowledged and cannot know it. From then on acknowledged
    /// writes may be lost, so nothing is compared any more, with what clients saw or between replicas; what
    /// is demanded is that the loss is told of. The run ends with that round.
    /// </summary>
    public bool HasForgotten { get; set; }

    /// <summary>Random numbers for a purpose: what one draws never moves another's.</summary>
    public RandomStream Random(string purpose, int number = 0) => new(seed, purpose, number);

    /// <summary>A promise is broken: the run ends after this event.</summary>
    public void Fail(string promise) => Failure ??= promise;

    /// <summary>Fails unless the condition holds; the promise is put into words only then.</summary>
    public void Require(
        bool condition, [InterpolatedStringHandlerArgument(nameof(condition))] ref BrokenPromise promise)
    {
        if (!condition)
            Fail(promise.ToStringAndClear());
    }

    /// <summary>Fails unless the condition holds.</summary>
    public void Require(bool condition, string promise)
    {
        if (!condition)
            Fail(promise);
    }

    /// <summary>A fault had its effect.</summary>
    public void Fired(FaultKind kind) => _fired[(int)kind]++;

    /// <summary>How often a fault had its effect.</summary>
    public long CountOf(FaultKind kind) => _fired[(int)kind];

    /// <summary>
    /// Lets time pass until the condition holds, which is looked at every 20 ms; false if it did not come
    /// true in time, or a promise was broken.
    /// </summary>
    public bool RunUntil(long untilUs, Func<bool> condition)
    {
        while (Failure is null)
        {
            var step = Math.Min(untilUs, NowUs + 20_000);
            Scheduler.At(step, static () => { });
            while (Failure is null && Scheduler.RunNext(step))
            {
            }

            if (condition())
                return true;
            if (NowUs >= untilUs)
                return false;
        }

        return false;
    }
}
