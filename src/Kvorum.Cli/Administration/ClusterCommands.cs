using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Node.Administration;

namespace Kvorum.Cli.Administration;

/// <summary><c>kvorum cluster</c>: the whole cluster, and the limits of moves.</summary>
internal static class ClusterCommands
{
    public static Command Create() => new("cluster", "Shows the cluster, and sets the limits of moves.")
    {
        Show(),
        Pause("pause", true, "Lets moves for zones and balance rest; repairs and drains go on."),
        Pause("resume", false, "Lets moves for zones and balance go on."),
        Limits(),
    };

    private static Command Show() => AdminCall.Question(
        "show", "Shows members, keyspaces, moves under way, and what is in the way.", new ShowCluster(),
        static (output, reply) => AdminTables.Cluster(Screen.Of(output), reply.Cluster!));

    private static Command Pause(string verb, bool isPaused, string description)
    {
        var flags = AdminCall.Flags();
        var command = new Command(verb, description);
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => AdminCall.Change(
            parsed, flags, new ChangeLimits { Paused = isPaused }, cancel));
        return command;
    }

    private static Command Limits()
    {
        var flags = AdminCall.Flags();
        var moves = Number("--max-moves", "The most moves under way at a time, 1 to 10000.");
        var batch = Number("--batch-size", "The most targets that one plan changes, 1 to 100000.");
        var timeout = Time(
            "--batch-timeout", "A move without progress for so long loses an attempt, from 1s on.");
        var attempts = Number("--retries", "Attempts after which a move is given up, 1 to 1000.");
        var grace = Time("--grace", "A node that is silent for so long is replaced, from 1s on.");
        var margin = Number("--margin", "Loads that differ by fewer per cent move nothing, 0 to 100.");
        var dryRun = AdminCall.DryRun();
        var command = new Command(
            "limits", "Shows the limits of moves, or changes those that are given; the others stay.")
        {
            moves, batch, timeout, attempts, grace, margin, dryRun,
        };
        flags.AddTo(command);
        command.SetAction((parsed, cancel) =>
        {
            var change = new ChangeLimits
            {
                MovesMax = parsed.GetValue(moves),
                BatchSize = parsed.GetValue(batch),
                BatchTimeoutMs = (long?)parsed.GetValue(timeout)?.Span.TotalMilliseconds,
                RetryAttempts = parsed.GetValue(attempts),
                GraceMs = (long?)parsed.GetValue(grace)?.Span.TotalMilliseconds,
                MarginPercent = parsed.GetValue(margin),
            };
            return change == new ChangeLimits()
                ? AdminCall.Run(
                    parsed, flags, new ShowCluster(),
                    static (output, reply) => AdminTables.Limits(output, reply.Cluster!), cancel)
                : AdminCall.Change(
                    parsed, flags, change with { DryRun = parsed.GetValue(dryRun) }, cancel);
        });
        return command;
    }

    private static Option<int?> Number(string name, string description) =>
        Flag.OptionalNumber<int>(name, $"{description} [default: as it is]");

    private static Option<Duration?> Time(string name, string description) =>
        Flag.OptionalTime(name, $"{description} [default: as it is]");
}
