using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Node.Administration;

namespace Kvorum.Cli.Administration;

/// <summary><c>kvorum keyspace</c>: keyspaces are listed, made, changed and dropped.</summary>
internal static class KeyspaceCommands
{
    public static Command Create() => new(
        "keyspace", "Lists, makes, changes and drops keyspaces, and shows what became of their writes.")
    {
        List(), Make(), Alter(), Drop(), SupersededCommand.Create(),
    };

    private static Command List() => AdminCall.Question(
        "list", "Lists the keyspaces, and how many partitions are where they should be.", new ShowCluster(),
        static (output, reply) => AdminTables.Keyspaces(Screen.Of(output), reply.Cluster!));

    private static Command Make()
    {
        var flags = AdminCall.Flags();
        var (name, dryRun) = (Name(), AdminCall.DryRun());
        var partitions = Flag.OptionalNumber<int>(
            "--partitions",
            "Its partitions, 1 to 4096; they never change. [default: those of the default keyspace]");
        var replicas = Flag.OptionalNumber<int>(
            "--replicas", "Replicas of each partition, 1 to 15. [default: those of the default keyspace]");
        var mode = Flag.Word("--mode", "How it replicates.", "strong", "strong", "quorum");
        var writeQuorum = Flag.OptionalNumber<int>(
            "--write-quorum", "Mode quorum: replicas that must have a write on disk. [default: a majority]");
        var readQuorum = Flag.OptionalNumber<int>(
            "--read-quorum", "Mode quorum: replicas that must have answered a read. [default: a majority]");
        var sloppy = Flag.Switch(
            "--sloppy", "Mode quorum: hints on other nodes count for replicas that are down.");
        var clientTimestamps = Flag.Switch(
            "--client-timestamps",
            "Mode quorum: clients may give a write its time, which decides which one wins.");
        var command = new Command("create", "Makes a keyspace.")
        {
            name, partitions, replicas, mode, writeQuorum, readQuorum, sloppy, clientTimestamps, dryRun,
        };
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => AdminCall.Change(
            parsed, flags,
            new CreateKeyspace(parsed.GetValue(name)!)
            {
                Partitions = parsed.GetValue(partitions),
                Replicas = parsed.GetValue(replicas),
                Mode = parsed.GetValue(mode),
                WriteQuorum = parsed.GetValue(writeQuorum),
                ReadQuorum = parsed.GetValue(readQuorum),
                IsSloppy = parsed.GetValue(sloppy),
                ClientTimestamps = parsed.GetValue(clientTimestamps) ? true : null,
                DryRun = parsed.GetValue(dryRun),
            },
            cancel));
        return command;
    }

    private static Command Alter()
    {
        var flags = AdminCall.Flags();
        var (name, dryRun, force) = (Name(), AdminCall.DryRun(), AdminCall.Force());
        var replicas = Flag.OptionalNumber<int>("--replicas", "Replicas of each partition, 1 to 15.");
        var clientTimestamps = Flag.OptionalSwitch(
            "--client-timestamps",
            "Mode quorum: whether clients may give a write its time. [default: as it is]");
        var command = new Command(
            "alter", "Changes how many replicas a keyspace has, or whether clients may give timestamps.")
        {
            name, replicas, clientTimestamps, dryRun, force,
        };
        flags.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetResult(replicas) is not { Implicit: false }
                && result.GetResult(clientTimestamps) is not { Implicit: false })
                result.AddError("give what is to change: --replicas <number>, or --client-timestamps");
        });
        command.SetAction((parsed, cancel) => AdminCall.Change(
            parsed, flags,
            new AlterKeyspace(parsed.GetValue(name)!, parsed.GetValue(replicas))
            {
                ClientTimestamps = parsed.GetValue(clientTimestamps),
                DryRun = parsed.GetValue(dryRun),
                Force = parsed.GetValue(force),
            },
            cancel));
        return command;
    }

    private static Command Drop()
    {
        var flags = AdminCall.Flags();
        var (name, dryRun) = (Name(), AdminCall.DryRun());
        var yes = Flag.Switch("--yes", "Yes, delete all keys of the keyspace for ever.");
        var command = new Command("drop", "Deletes a keyspace with all its keys, for ever.")
        {
            name, yes, dryRun,
        };
        flags.AddTo(command);
        command.Validators.Add(result =>
        {
            if (!result.GetValue(yes) && !result.GetValue(dryRun))
            {
                result.AddError(
                    "all keys of the keyspace are deleted for ever: give --yes if that is meant, or "
                    + "--dry-run to see how much it is");
            }
        });
        command.SetAction((parsed, cancel) => AdminCall.Change(
            parsed, flags, new DropKeyspace(parsed.GetValue(name)!) { DryRun = parsed.GetValue(dryRun) },
            cancel));
        return command;
    }

    private static Argument<string> Name() => new("name") { Description = "The keyspace." };
}
