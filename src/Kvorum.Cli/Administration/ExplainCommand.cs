using System.CommandLine;
using System.Globalization;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.Commands;
using Kvorum.Node.Administration;
using Spectre.Console;

namespace Kvorum.Cli.Administration;

/// <summary>
/// <c>kvorum explain</c>: what a keyspace promises, or which replicas hold a key and with which version.
/// </summary>
internal static class ExplainCommand
{
    public static Command Create()
    {
        var flags = AdminCall.Flags();
        var input = KeyInput.KeyOrNone();
        var keyspace = ClientFlags.Keyspace();
        var command = new Command(
            "explain",
            "Without a key: what a keyspace promises, and which losses it survives. With one: which replicas "
            + "hold it, and with which version.");
        input.AddTo(command);
        command.Options.Add(keyspace);
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => input.IsGiven(parsed)
            ? AdminCall.Run(
                parsed, flags, new ExplainKey(parsed.GetValue(keyspace)!, input.KeyOf(parsed)),
                static (output, reply) => Show(output, reply.Holders!), cancel)
            : AdminCall.Run(
                parsed, flags, new ExplainKeyspace(parsed.GetValue(keyspace)!),
                static (output, reply) => Show(output, reply.Promise!), cancel));
        return command;
    }

    private static void Show(TextWriter output, KeyspaceExplanation promise)
    {
        var shape = promise.Mode == "quorum"
            ? $"N={promise.Replicas} W={promise.WriteQuorum} R={promise.ReadQuorum}"
                + (promise.Sloppy ? " sloppy" : "")
            : $"N={promise.Replicas} majority={promise.WriteQuorum}";
        output.WriteLine(
            $"keyspace={promise.Keyspace} mode={promise.Mode} partitions={promise.Partitions} {shape} "
            + $"durable={Word(promise.Durable)} reads_see_writes={Word(promise.ReadsSeeWrites)}");
        foreach (var sentence in promise.Promise)
            output.WriteLine($"- {sentence}");
        foreach (var sentence in promise.Now)
            output.WriteLine($"now: {sentence}");
        var table = new Table().RoundedBorder().AddColumns(
            "replicas lost at once", "writes", "reads", "acknowledged write", "write on all replicas");
        foreach (var loss in promise.Losses)
        {
            table.AddRow(
                new Text(loss.Lost.ToString(CultureInfo.InvariantCulture)),
                Cell(loss.Writes, "go on", "refused"), Cell(loss.Reads, "go on", "refused"),
                Cell(loss.Acknowledged, "kept", "may be lost"), Cell(loss.Repaired, "kept", "lost"));
        }

        Screen.Of(output).Write(table);
    }

    private static void Show(TextWriter output, KeyExplanation key)
    {
        output.WriteLine(
            $"keyspace={key.Keyspace} mode={key.Mode} slot={key.Slot} partition={key.Partition}"
            + (key.Mode == "strong" ? $" leader={(key.Leader.Length > 0 ? key.Leader : "?")}" : ""));
        output.WriteLine(key.Summary);
        var table = new Table().RoundedBorder().AddColumns(
            "replica", "state", "role", "has", "version", "newest", "applied", "why");
        foreach (var replica in key.Replicas.Concat(key.StandIns))
        {
            table.AddRow(
                new Text(replica.Place == "stays" ? replica.Name : $"{replica.Name} ({replica.Place})"),
                Cell(replica.State == "up", replica.State, replica.State), new Text(replica.Role),
                new Text(replica.Has), new Text(replica.Version),
                new Text(replica.Newest switch { true => "yes", false => "no", null => "?" }),
                new Text(replica.Applied?.ToString(CultureInfo.InvariantCulture) ?? "?"),
                new Text(replica.Reason));
        }

        Screen.Of(output).Write(table);
    }

    private static Markup Cell(bool isGood, string good, string bad) =>
        new(isGood ? $"[green]{good.EscapeMarkup()}[/]" : $"[red]{bad.EscapeMarkup()}[/]");

    private static string Word(bool value) => value ? "true" : "false";
}
