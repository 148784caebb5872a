using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.Commands;
using Kvorum.Node.Administration;

namespace Kvorum.Cli.Administration;

/// <summary><c>kvorum partition</c> and <c>kvorum locate</c>: where partitions and keys are.</summary>
internal static class PartitionCommands
{
    public static Command Create() => new(
        "partition", "Lists partitions, finds a key's, and moves leaderships.")
    {
        List(), Locate(), Transfer(),
    };

    public static Command Locate()
    {
        var flags = AdminCall.Flags();
        var input = KeyInput.Key();
        var keyspace = ClientFlags.Keyspace();
        var command = new Command(
            "locate", "Tells where a key is: its slot, partition, replicas and leader.");
        input.AddTo(command);
        command.Options.Add(keyspace);
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => AdminCall.Run(
            parsed, flags, new LocateKey(parsed.GetValue(keyspace)!, input.KeyOf(parsed)),
            static (output, reply) => AdminTables.Location(output, reply.Location!), cancel));
        return command;
    }

    private static Command List()
    {
        var flags = AdminCall.Flags();
        var keyspace = Flag.Text(
            "--keyspace", "name", "Of this keyspace only. [default: all]", "");
        var command = new Command("list", "Lists all partitions: which members lead, vote and learn.")
        {
            keyspace,
        };
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => AdminCall.Run(
            parsed, flags, new ShowPartitions(parsed.GetValue(keyspace)!),
            static (output, reply) => AdminTables.Partitions(Screen.Of(output), reply), cancel));
        return command;
    }

    private static Command Transfer()
    {
        var flags = AdminCall.Flags();
        var keyspace = new Argument<string>("keyspace")
        {
            Description = "The keyspace; system for the metadata group.",
        };
        var partition = new Argument<uint>("partition") { Description = "The partition, from 0 on." };
        var to = Flag.Text(
            "--to", "name", "The member that is to lead. [default: any other that votes]", "");
        var dryRun = AdminCall.DryRun();
        var command = new Command("transfer", "Makes another member the leader of a partition.")
        {
            keyspace, partition, to, dryRun,
        };
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => AdminCall.Change(
            parsed, flags,
            new TransferLeadership(
                parsed.GetValue(keyspace)!, parsed.GetValue(partition), parsed.GetValue(to)!)
            {
                DryRun = parsed.GetValue(dryRun),
            },
            cancel));
        return command;
    }
}
