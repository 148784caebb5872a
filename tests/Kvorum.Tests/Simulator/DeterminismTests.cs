using System.Diagnostics;
using System.Globalization;
using Kvorum.Simulator;
using Kvorum.Simulator.Commands;
using Kvorum.Simulator.World;

namespace Kvorum.Tests.Simulator;

/// <summary>The same seed is the same run: in any order, on any thread, in any process.</summary>
public class DeterminismTests
{
    private static readonly RunChoice Choice = new(IsSwarm: true, Seconds: 30);

    [Fact]
    public void The_same_seed_gives_the_same_trace_in_any_order()
    {
        ulong[] seeds = [11, 12, 13];
        var forward = seeds.Select(HashOf).ToArray();
        var backward = seeds.Reverse().Select(HashOf).Reverse().ToArray();
        Assert.Equal(forward, backward);
        Assert.Equal(seeds.Length, forward.Distinct().Count());
    }

    [Fact]
    public void What_is_shown_changes_nothing()
    {
        using var output = new StringWriter(CultureInfo.InvariantCulture);
        var options = Choice.Options(14) with { Shown = Verbosity.Everything, Output = output };
        Assert.Equal(HashOf(14), Simulation.Run(options).TraceHash);
        Assert.Contains("turns loop 0", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Another_process_gives_the_same_trace()
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "Kvorum.Simulator"))
        {
            RedirectStandardOutput = true,
            ArgumentList = { "--seed", "15", "--swarm", "--seconds", "30", "--verbosity", "0" },
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        Assert.EndsWith($"trace hash {HashOf(15):x16}", output.TrimEnd(), StringComparison.Ordinal);
    }

    private static ulong HashOf(ulong seed)
    {
        var result = Simulation.Run(Choice.Options(seed));
        Assert.True(result.Failure is null, $"{result.Failure}\nreplay: {Choice.Replay(seed)}");
        return result.TraceHash;
    }
}
