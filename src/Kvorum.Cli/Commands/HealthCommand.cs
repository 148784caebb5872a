using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Node;

namespace Kvorum.Cli.Commands;

/// <summary><c>kvorum health</c>: one line about one node and the metadata group.</summary>
internal static class HealthCommand
{
    public static Command Create()
    {
        var flags = new ClientFlags();
        var command = new Command(
            "health", "Prints node_id=... is_leader=... term=... of the node at --addr.");
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => ClientCall.Run(parsed, flags, async output =>
        {
            await using var client = flags.Connect(parsed);
            var (status, json) =
                await StatusCall.Ask(client, flags.Addresses(parsed)[0], cancel).ConfigureAwait(false);
            await output.WriteLineAsync(flags.IsJson(parsed) ? json : Line(status)).ConfigureAwait(false);
            return ExitCode.Ok;
        }));
        return command;
    }

    /// <summary>The line.</summary>
    public static string Line(NodeStatus status) =>
        $"node_id={status.Name} is_leader={(status.IsMetaLeader ? "true" : "false")} term={status.MetaTerm}";
}
