using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.Commands;
using Kvorum.Node;
using Kvorum.Node.Export;
using Kvorum.Node.Inspection;
using Kvorum.Server.Hosting;
using Kvorum.Storage.Files;

namespace Kvorum.Cli.Offline;

/// <summary>
/// <c>kvorum wal</c>: a plain write-ahead log out of a data folder, and a folder out of one.
/// </summary>
internal static class WalCommand
{
    private static readonly ServerOptions Defaults = new();

    public static Command Create() => new(
        "wal", "Exports a stopped node's data as a plain write-ahead log, or makes a data folder from one.")
    {
        Export(), Import(),
    };

    private static Command Export()
    {
        var data = OfflineFolder.Flag("The data folder of a stopped node. Nothing in it is changed.");
        var file = FileFlag("--out", "The file to make; it must not be there.");
        var window = Flag.Time(
            "--session-window", "The node's --session-window, if it was given one.", Defaults.SessionWindow);
        var records = Flag.Number(
            "--session-records", "The node's --session-records, if it was given any.",
            Defaults.SessionRecords);
        var unconfirmed = Flag.Switch(
            "--unconfirmed",
            "Export what the node does not know to be committed, too: the newest of its log.");
        var keyspace = ClientFlags.Keyspace();
        var json = JsonFlag();
        var command = new Command(
            "export",
            "Writes all committed keys and changes as records: op, key length, key, value length, value.")
        {
            data, file, window, records, unconfirmed, keyspace, json,
        };
        KeyFlags.AddTo(command);
        command.SetAction((parsed, _) => OfflineFolder.Run(parsed, parsed.GetValue(data)!, folder => Export(
            parsed, folder, parsed.GetValue(file)!, parsed.GetValue(json), parsed.GetValue(unconfirmed),
            into => WalExport.Run(
                folder.Files, into, (long)parsed.GetValue(window).Span.TotalMilliseconds,
                parsed.GetValue(records), parsed.GetValue(unconfirmed), parsed.GetValue(keyspace)!))));
        return command;
    }

    private static Command Import()
    {
        var data = OfflineFolder.Flag("The data folder to make; it must not be there, or be empty.");
        var file = FileFlag("--in", "The log to read; it is read to its end before anything is made.");
        var id = Flag.Text("--id", "name|uuid", "The new node's name. [default: a new one]", "");
        var json = JsonFlag();
        var command = new Command(
            "import", "Makes a new data folder, of a cluster of one, from a plain write-ahead log.")
        {
            data, file, id, json,
        };
        KeyFlags.AddTo(command);
        command.SetAction((parsed, _) => Import(
            parsed, parsed.GetValue(file)!, parsed.GetValue(data)!,
            KeyFlags.Options(parsed, parsed.GetValue(id)!),
            parsed.GetValue(json)));
        return command;
    }

    private static Option<string> FileFlag(string name, string description) =>
        new(name) { Description = description, HelpName = "file", Required = true };

    private static Option<bool> JsonFlag() => Flag.Switch("--json", "One JSON object in place of lines.");

    private static async Task<int> Export(
        ParseResult parsed, OfflineFolder folder, string file, bool isJson, bool withUnconfirmed,
        Func<IFile, WalExport> export)
    {
        if (file.Length == 0)
            return await Fail(parsed, "--out is empty: name the file to make", ExitCode.Usage)
                .ConfigureAwait(false);
        var full = Path.GetFullPath(file);
        var place = Path.GetDirectoryName(full)!;
        var part = $"{Path.GetFileName(full)}.part";
        if (Path.Exists(full) || !Directory.Exists(place) || Path.Exists(Path.Combine(place, part)))
            return await Fail(
                parsed, $"{full} or {part} is there already, or {place} is not: give --out a new file's name",
                ExitCode.Usage).ConfigureAwait(false);
        if (!FolderInspector.Inspect(folder.Files).IsSound)
            return await Fail(
                parsed, "the data folder is damaged, so nothing was exported: see kvorum doctor",
                ExitCode.NotOk).ConfigureAwait(false);
        var files = new DiskFileSystem(place);
        try
        {
            WalExport done;
            using (var into = files.Create(part))
                done = export(into);
            files.Rename(part, Path.GetFileName(full));
            files.SyncFolder("");
            await Tell(parsed, done, isJson, withUnconfirmed).ConfigureAwait(false);
            return ExitCode.Ok;
        }
        catch (Exception e) when (e is IOException or NodeStartException or FormatException)
        {
            if (files.Exists(part))
                files.Delete(part);
            return await Fail(parsed, e.Message, ExitCode.NotOk).ConfigureAwait(false);
        }
    }

    private static async Task Tell(ParseResult parsed, WalExport done, bool isJson, bool withUnconfirmed)
    {
        var output = parsed.InvocationConfiguration.Output;
        if (isJson)
        {
            await output.WriteLineAsync(KeyOutput.Json(json =>
            {
                json.WriteNumber("puts", done.Puts);
                json.WriteNumber("deletes", done.Deletes);
                json.WriteNumber("without_their_end", done.KeysWithTtl);
                json.WriteNumber("unconfirmed", done.Unconfirmed);
                json.WriteBoolean("with_unconfirmed", withUnconfirmed);
            })).ConfigureAwait(false);
            return;
        }

        await output.WriteLineAsync(
            $"exported {done.Puts} puts and {done.Deletes} deletes").ConfigureAwait(false);
        if (done.KeysWithTtl > 0)
            await output.WriteLineAsync(
                $"{done.KeysWithTtl} keys have a life span: the format has no room for it, they are in it "
                + "without an end").ConfigureAwait(false);
        if (done.Unconfirmed > 0)
            await output.WriteLineAsync(
                $"{done.Unconfirmed} entries at the end of the log are not known here to be committed; they "
                + (withUnconfirmed ? "are in it" : "are not in it: see --unconfirmed"))
                .ConfigureAwait(false);
    }

    private static async Task<int> Import(
        ParseResult parsed, string file, string folder, ServerOptions node, bool isJson)
    {
        using var end = new EndSignals();
        try
        {
            var records = await WalImport.RunAsync(file, folder, node, end.Token).ConfigureAwait(false);
            var done = isJson
                ? KeyOutput.Json(json =>
                {
                    json.WriteNumber("records", records);
                    json.WriteString("data", folder);
                })
                : $"imported {records} records; serve them with kvorum start --data {folder}";
            await parsed.InvocationConfiguration.Output.WriteLineAsync(done).ConfigureAwait(false);
            return ExitCode.Ok;
        }
        catch (ServerStartException e)
        {
            return await Fail(parsed, e.Message, ExitCode.Usage).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException
            or OperationCanceledException)
        {
            return await Fail(
                parsed, $"{e.Message.TrimEnd('.')}. Nothing was imported, and nothing was changed.",
                ExitCode.NotOk).ConfigureAwait(false);
        }
    }

    private static async Task<int> Fail(ParseResult parsed, string what, int code)
    {
        await OfflineFolder.Tell(parsed, what).ConfigureAwait(false);
        return code;
    }
}
