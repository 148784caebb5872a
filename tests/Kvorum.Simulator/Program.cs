namespace Kvorum.Simulator;

/// <summary>The simulator as a program.</summary>
internal static class Program
{
    /// <summary>Runs seeds; 0 all promises kept, 1 one broken, 2 wrongly asked.</summary>
    public static int Main(string[] args)
    {
        var seed = args.Length > 0 ? ulong.Parse(args[0], null) : 1;
        var count = args.Length > 1 ? int.Parse(args[1], null) : 1;
        var verbosity = args.Length > 2 ? (World.Verbosity)int.Parse(args[2], null) : World.Verbosity.Outcome;
        for (var i = 0; i < count; i++)
        {
            var started = System.Diagnostics.Stopwatch.StartNew();
            var result = Simulation.Run(new() { Seed = seed + (ulong)i, Shown = verbosity, Output = Console.Out });
            Console.WriteLine($"seed {result.Seed} {result.Seconds:0.0} s simulated in {started.Elapsed.TotalSeconds:0.00} s, {result.Events} events, {result.Answered} answered, trace hash {result.TraceHash:x16} {result.Failure}");
            if (result.Failure is not null)
                return 1;
        }

        return 0;
    }
}
