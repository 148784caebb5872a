using System.Globalization;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Commands;

/// <summary>How outcomes are told.</summary>
internal static class Report
{
    /// <summary>Tells of one run.</summary>
    public static void Write(SimulationResult result, IRunKind kind, TextWriter output)
    {
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"seed {result.Seed}: {result.Seconds:0.0} s, {result.Events} events, "
            + $"{result.Answered} requests answered"));
        output.WriteLine($"faults: {Faults(result.Faults)}");
        if (result.Failure is not null)
            WriteFailure(result, kind, output);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"trace hash {result.TraceHash:x16}"));
    }

    /// <summary>Tells of a broken promise, and how to see it again.</summary>
    public static void WriteFailure(SimulationResult result, IRunKind kind, TextWriter output)
    {
        output.WriteLine($"BROKEN: {result.Failure}");
        output.WriteLine($"replay: {kind.Replay(result.Seed)}");
    }

    /// <summary>Kinds and counts of the faults that fired.</summary>
    public static string Faults(IReadOnlyDictionary<FaultKind, long> faults) => string.Join(
        ", ", faults.Where(fault => fault.Value > 0).Select(fault => $"{fault.Key} {fault.Value}"));
}
