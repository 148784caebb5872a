using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.Commands;
using Kvorum.Client;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Spectre.Console;

namespace Kvorum.Cli.Administration;

/// <summary><c>kvorum watch</c>: the cluster live, and what happens in it, until Ctrl-C.</summary>
internal static class WatchCommands
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(2);

    public static Command Create() => new("watch", "Shows the cluster, or what happens in it, until Ctrl-C.")
    {
        Cluster(),
        Events(),
    };

    private static Command Cluster()
    {
        var flags = AdminCall.Flags();
        var command = new Command("cluster", "Shows the cluster live, with what has happened last.");
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => ClientCall.Run(parsed, flags, async output =>
        {
            await using var client = flags.Connect(parsed);
            var watch = new ClusterWatch(client, LookInterval, (answer, last) =>
            {
                if (flags.IsJson(parsed))
                    output.WriteLine(answer.Json);
                else
                    Show(output, answer.Reply, last);
                output.Flush();
            });
            await watch.RunAsync(cancel).ConfigureAwait(false);
            return ExitCode.Ok;
        }));
        return command;
    }

    private static void Show(TextWriter output, AdminReply reply, IEnumerable<ClusterEvent> last)
    {
        var console = Screen.Of(output);
        console.Clear();
        if (reply.Cluster is { } report)
            AdminTables.Cluster(console, report);
        else
            console.WriteLine(reply.Message);
        foreach (var one in last)
            console.WriteLine(Line(one));
    }

    private static Command Events()
    {
        var flags = AdminCall.Flags();
        var after = Flag.OptionalNumber<ulong>(
            "--after", "The position behind which to begin; each event tells its own. [default: all kept]");
        var isNew = Flag.Switch("--new", "Tell only what happens from now on.");
        var command = new Command("events", "Tells what happens in the cluster, a line each.")
        {
            after, isNew,
        };
        flags.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetValue(isNew) && result.GetValue(after) is not null)
                result.AddError("--new and --after exclude each other: give one of them");
        });
        command.SetAction((parsed, cancel) => ClientCall.Run(parsed, flags, async output =>
        {
            await using var client = flags.Connect(parsed);
            var options = new WatchOptions
            {
                After = parsed.GetValue(isNew) ? null : parsed.GetValue(after) ?? 0,
            };
            await foreach (var one in client.WatchAsync(options, cancel).ConfigureAwait(false))
            {
                await output.WriteLineAsync(flags.IsJson(parsed)
                    ? JsonSerializer.Serialize(one, EventJson.Default.ClusterEvent) : Line(one))
                    .ConfigureAwait(false);
                await output.FlushAsync(cancel).ConfigureAwait(false);
            }

            return ExitCode.Ok;
        }));
        return command;
    }

    /// <summary>An event as a line.</summary>
    public static string Line(ClusterEvent happened)
    {
        var time = DateTimeOffset.FromUnixTimeMilliseconds((long)happened.TimeMs)
            .ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);
        var what = happened.Kind switch
        {
            ClusterEventKind.NodeJoined => $"{happened.Member} has joined: {happened.Why}",
            ClusterEventKind.NodeRejoined => $"{happened.Member} is back",
            ClusterEventKind.NodeLeft => $"{happened.Member} is no member any more",
            ClusterEventKind.NodeChanged => $"{happened.Member} is {happened.Why} from now on",
            ClusterEventKind.HealthChanged => $"{happened.Member} is {happened.Why}",
            ClusterEventKind.PartitionChanged =>
                $"{happened.Keyspace}/{happened.Partition}: from {Names(happened.Before)} to "
                + $"{Names(happened.After)}, because of {happened.Why}",
            ClusterEventKind.RebalanceStarted => "replicas begin to move",
            ClusterEventKind.RebalanceEnded => "all replicas are where they should be",
            ClusterEventKind.KeyspaceChanged => $"keyspace '{happened.Keyspace}': {happened.Why}",
            ClusterEventKind.LimitsChanged => $"limits of moves: {happened.Why}",
            ClusterEventKind.RightsChanged => happened.Why,
            _ => $"{happened.Kind}, which this version does not know",
        };
        var by = happened.By.Length > 0 ? $" ({happened.By})" : "";
        return string.Create(CultureInfo.InvariantCulture, $"{happened.Position} {time} {what}{by}");
    }

    private static string Names(IReadOnlyList<string> names) =>
        names.Count == 0 ? "nowhere" : string.Join(",", names);
}
