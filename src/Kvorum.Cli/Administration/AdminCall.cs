using System.CommandLine;
using System.Text;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.Commands;
using Kvorum.Client;
using Kvorum.Node.Administration;
using Kvorum.Protocol;

namespace Kvorum.Cli.Administration;

/// <summary>Asks the cluster what an operator asks, through any of its nodes, and tells the answer.</summary>
internal static class AdminCall
{
    /// <summary>Flags of these commands: a change may have to wait for an election.</summary>
    public static ClientFlags Flags() => new(TimeSpan.FromSeconds(10));

    /// <summary>For changes.</summary>
    public static Option<bool> DryRun() => Flag.Switch(
        "--dry-run", "Change nothing; tell what would come of it, or what stands in the way.");

    /// <summary>For changes that may cost a promise.</summary>
    public static Option<bool> Force() => Flag.Switch(
        "--force", "Do it although too few nodes or zones remain for all replicas.");

    /// <summary>The answer, and the JSON that it came as.</summary>
    public static async Task<(AdminReply Reply, string Json)> Ask(
        KvorumClient client, AdminRequest request, CancellationToken cancel)
    {
        try
        {
            var bytes = await client.AdministerAsync(
                AdminJson.Encode(request), request.IsRead, null, cancel).ConfigureAwait(false);
            return (AdminJson.DecodeReply(bytes.Span), Encoding.UTF8.GetString(bytes.Span));
        }
        catch (KvorumException e) when (e.Status == ReplyStatus.OutcomeUnknown)
        {
            var reply = AdminReply.Of(e.Status, e.Message);
            return (reply, Encoding.UTF8.GetString(AdminJson.Encode(reply)));
        }
    }

    /// <summary>A command that asks always the same, and shows the answer.</summary>
    public static Command Question(
        string name, string description, AdminQuestion question, Action<TextWriter, AdminReply> show)
    {
        var flags = Flags();
        var command = new Command(name, description);
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => Run(parsed, flags, question, show, cancel));
        return command;
    }

    /// <summary>Asks, and shows the answer.</summary>
    public static Task<int> Run(
        ParseResult parsed, ClientFlags flags, AdminRequest request, Action<TextWriter, AdminReply> show,
        CancellationToken cancel) => ClientCall.Run(parsed, flags, async output =>
        {
            await using var client = flags.Connect(parsed);
            var (reply, json) = await Ask(client, request, cancel).ConfigureAwait(false);
            if (flags.IsJson(parsed))
                await output.WriteLineAsync(json).ConfigureAwait(false);
            ThrowUnlessOk(reply);
            if (!flags.IsJson(parsed))
                show(output, reply);
            return ExitCode.Ok;
        });

    /// <summary>Asks for a change, and tells what became of it, or would become.</summary>
    public static Task<int> Change(
        ParseResult parsed, ClientFlags flags, AdminChange change, CancellationToken cancel) =>
        Run(parsed, flags, change, Tell, cancel);

    /// <summary>Tells what became of a change, or would become.</summary>
    public static void Tell(TextWriter output, AdminReply reply)
    {
        output.WriteLine(reply.Message);
        if (reply.MovedBytes is { } bytes)
            output.WriteLine($"to be copied between nodes: {AdminTables.Size(bytes)}");
    }

    /// <summary>An answer that is no success ends the command, with its words.</summary>
    public static void ThrowUnlessOk(AdminReply reply)
    {
        if (reply.Status != ReplyStatus.Ok)
        {
            throw new CommandException(
                reply.Status == ReplyStatus.Unauthenticated
                    ? reply.Message + ClientCall.Unauthenticated : reply.Message,
                reply.Status is ReplyStatus.InvalidArgument or ReplyStatus.UnknownKeyspace
                    ? ExitCode.Usage : ExitCode.NotOk);
        }
    }
}
