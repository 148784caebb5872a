using System.CommandLine;
using Kvorum.Simulator.Trials;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Commands;

/// <summary>Commands that repeat one kind of event, and tell how long it takes in simulated time.</summary>
internal static class TrialCommands
{
    /// <summary>Elections: each must end in a leader.</summary>
    public static Command CreateElections()
    {
        var count = Count(1000);
        var command = new Command(
            "elections", "Ends leaderships in all ways, and tells how long the others take to elect a leader")
        {
            count,
        };
        command.SetAction(parsed =>
            parsed.InvocationConfiguration.Output.WriteLine(Elections.Hold(1, parsed.GetValue(count))));
        return command;
    }

    /// <summary>Failovers: the time to the next write.</summary>
    public static Command CreateFailovers()
    {
        var count = Count(100);
        var command = new Command(
            "failovers",
            "Ends leaders of three nodes with default settings, and tells when writes are taken again")
        {
            count,
        };
        command.SetAction(parsed =>
        {
            foreach (var way in new[] { FaultKind.ProcessCrash, FaultKind.PowerLoss, FaultKind.Pause })
            {
                var made = Failovers.Make(way, 1, parsed.GetValue(count));
                parsed.InvocationConfiguration.Output.WriteLine(made);
            }
        });
        return command;
    }

    private static Option<int> Count(int usual)
    {
        var count = new Option<int>("--count")
        {
            Description = "How many",
            HelpName = "number",
            DefaultValueFactory = _ => usual,
        };
        count.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < 1)
                result.AddError("--count: give at least 1");
        });
        return count;
    }
}
