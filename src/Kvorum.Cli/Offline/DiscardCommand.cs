using System.CommandLine;
using System.Globalization;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.Commands;
using Kvorum.Node;
using Kvorum.Node.Inspection;
using Kvorum.Raft;

namespace Kvorum.Cli.Offline;

/// <summary>
/// <c>kvorum discard</c>: gives up what a stopped node's replica of one partition has, where replicas
/// contradict each other.
/// </summary>
internal static class DiscardCommand
{
    private const string Metadata = "metadata";
    private const string All = "all";

    public static Command Create()
    {
        var data = OfflineFolder.Flag("The data folder of a stopped node.");
        var partition = Named(
            "--partition", "number|metadata|all",
            "The partition whose replica is given up; all for every replica of the node.");
        var keyspace = ClientFlags.Keyspace();
        var confirm = Named(
            "--confirm", "number|metadata|all", "The same again: what these replicas have is lost for good.");
        var keep = Flag.Text(
            "--keep", "id|address",
            "The node whose replica counts instead, as --peers names it. Name it where too few other "
                + "replicas are left to elect a leader: until this one is filled again, it votes for that "
                + "node alone. [default: it votes for none]",
            "");
        var command = new Command(
            "discard",
            "Gives up a stopped node's replica of a partition, for good. For replicas that contradict each "
                + "other: see kvorum doctor. When the node runs again, the leader fills it.")
        {
            data, keyspace, partition, confirm, keep,
        };
        KeyFlags.AddTo(command);
        command.SetAction((parsed, _) => OfflineFolder.Run(
            parsed, parsed.GetValue(data)!,
            folder => Run(
                parsed, folder, parsed.GetValue(keyspace)!, parsed.GetValue(partition)!,
                parsed.GetValue(confirm)!, parsed.GetValue(keep)!)));
        return command;
    }

    private static Option<string> Named(string name, string help, string description) => new(name)
    {
        Description = description,
        HelpName = help,
        Required = true,
    };

    private static async Task<int> Run(
        ParseResult parsed, OfflineFolder folder, string keyspace, string partition, string confirm,
        string keep)
    {
        if (ChoiceOf(keyspace, partition) is not { } choice)
        {
            return await Fail(
                parsed, $"--partition {partition}: give a partition's number, {Metadata} or {All}")
                .ConfigureAwait(false);
        }

        if (confirm != partition)
        {
            return await Fail(
                parsed,
                $"--confirm {confirm} is not --partition {partition}. Nothing was changed")
                .ConfigureAwait(false);
        }

        try
        {
            foreach (var (name, was) in ReplicaDiscard.Run(folder.Files, choice, NodeOf(keep)))
            {
                await parsed.InvocationConfiguration.Output.WriteLineAsync(
                    $"discarded this node's replica of {name}; {was}. Start the node: the leader fills it.")
                    .ConfigureAwait(false);
            }

            return ExitCode.Ok;
        }
        catch (Exception e) when (e is IOException or NodeStartException or FormatException)
        {
            await OfflineFolder.Tell(parsed, $"{e.Message}. Nothing was changed").ConfigureAwait(false);
            return ExitCode.NotOk;
        }
    }

    private static ReplicaChoice? ChoiceOf(string keyspace, string partition) => partition switch
    {
        Metadata => ReplicaChoice.Metadata,
        All => ReplicaChoice.All,
        _ => uint.TryParse(partition, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? new(keyspace, new(number)) : null,
    };

    // As --peers: a name or a UUID, or the address that an id was made of.
    private static NodeId? NodeOf(string keep) => keep.Length == 0 ? null
        : keep.Contains(':', StringComparison.Ordinal) ? ClusterIdentity.NodeFromAddress(keep)
        : ClusterIdentity.NodeFromName(keep);

    private static async Task<int> Fail(ParseResult parsed, string what)
    {
        await OfflineFolder.Tell(parsed, what).ConfigureAwait(false);
        return ExitCode.Usage;
    }
}
