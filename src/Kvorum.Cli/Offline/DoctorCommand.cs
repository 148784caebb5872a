using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Node.Inspection;

namespace Kvorum.Cli.Offline;

/// <summary><c>kvorum doctor</c>: checks a data folder that no node uses, byte by byte.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var data = OfflineFolder.Flag("The data folder of a stopped node. Nothing in it is changed.");
        var json = Flag.Switch("--json", "One JSON object in place of lines.");
        var command = new Command(
            "doctor",
            "Checks a stopped node's data folder: log, manifests, tables, checksums. Exit code 1: damage, or "
                + "a replica that waits for a decision.")
        {
            data, json,
        };
        KeyFlags.AddTo(command);
        command.SetAction((parsed, _) => OfflineFolder.Run(
            parsed, parsed.GetValue(data)!, folder => Run(parsed, folder, parsed.GetValue(json))));
        return command;
    }

    private static async Task<int> Run(ParseResult parsed, OfflineFolder folder, bool isJson)
    {
        var report = FolderInspector.Inspect(folder.Files);
        var output = parsed.InvocationConfiguration.Output;
        if (isJson)
            await output.WriteLineAsync(DoctorOutput.Json(report)).ConfigureAwait(false);
        else
        {
            foreach (var line in DoctorOutput.Lines(report))
                await output.WriteLineAsync(line).ConfigureAwait(false);
        }

        return report.IsSound && report.Decisions == 0 ? ExitCode.Ok : ExitCode.NotOk;
    }
}
