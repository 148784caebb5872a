using System.CommandLine;
using System.Security.Cryptography;
using Kvorum.Cli.CommandLine;
using Kvorum.Node;
using Kvorum.Node.Inspection;

namespace Kvorum.Cli.Offline;

/// <summary>
/// <c>kvorum accept-loss</c>: lets a node take part whose log lacks what other members know of it.
/// </summary>
internal static class AcceptCommand
{
    public static Command Create()
    {
        var data = OfflineFolder.Flag("The data folder of a stopped node.");
        var confirm = new Option<string>("--confirm")
        {
            Description = "The node's name: what its log lacks is given up for good.",
            HelpName = "name",
            Required = true,
        };
        var command = new Command(
            "accept-loss",
            "Lets a stopped node take part again whose log the other members refuse, because it lacks what "
                + "it had acknowledged. For when there is no newer copy of its folder: see kvorum doctor.")
        {
            data, confirm,
        };
        KeyFlags.AddTo(command);
        command.SetAction((parsed, _) => OfflineFolder.Run(
            parsed, parsed.GetValue(data)!, folder => Run(parsed, folder, parsed.GetValue(confirm)!)));
        return command;
    }

    private static async Task<int> Run(ParseResult parsed, OfflineFolder folder, string confirm)
    {
        try
        {
            var decision = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
            var what = LossAcceptance.Run(folder.Files, confirm, decision);
            await parsed.InvocationConfiguration.Output.WriteLineAsync(
                $"accepted: {what}. Start the node: it takes part with what it has.")
                .ConfigureAwait(false);
            return ExitCode.Ok;
        }
        catch (Exception e) when (e is IOException or NodeStartException)
        {
            await OfflineFolder.Tell(parsed, $"{e.Message}. Nothing was changed").ConfigureAwait(false);
            return ExitCode.NotOk;
        }
    }
}
