using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Node;
using Kvorum.Node.Survival;
using Kvorum.Storage.Files;

namespace Kvorum.Cli.Offline;

/// <summary>
/// <c>kvorum recover</c>: a cluster that has lost a majority for good goes on from what survives. First each
/// survivor's folder is described, then a plan says what may be lost, then it is applied to each.
/// </summary>
internal static class RecoverCommand
{
    public static Command Create() => new(
        "recover",
        "Lets a cluster go on that has lost a majority of its nodes for good: describe each survivor, plan, "
            + "apply. Says first what may be lost.")
    {
        Describe(), Plan(), Apply(),
    };

    private static Command Describe()
    {
        var data = OfflineFolder.Flag("The data folder of a stopped survivor. Nothing in it is changed.");
        var file = FileFlag("--out", "The description to make; it must not be there.");
        var command = new Command(
            "describe", "Writes down what a survivor's folder has, to be carried to where the plan is made.")
        {
            data, file,
        };
        KeyFlags.AddTo(command);
        command.SetAction((parsed, _) => OfflineFolder.Run(parsed, parsed.GetValue(data)!, folder => Try(
            parsed, async () =>
            {
                var described = RecoveryApplication.Describe(folder.Files);
                var path = WriteNew(parsed.GetValue(file)!, described.ToJson());
                await parsed.InvocationConfiguration.Output.WriteLineAsync(
                    $"described {described.NodeName} in {path}. Carry it to where the plan is made: kvorum "
                        + "recover plan --description FILE").ConfigureAwait(false);
            })));
        return command;
    }

    private static Command Plan()
    {
        var folders = Many("--data", "folder", "The data folder of a stopped survivor; may be repeated.");
        var files = Many(
            "--description", "file", "A survivor's description by kvorum recover describe; may be repeated.");
        var file = FileFlag("--out", "The plan to make; it must not be there.");
        var beginEmpty = Flag.Switch(
            "--begin-empty", "Let partitions of which no replica survives begin without a key.");
        var command = new Command(
            "plan",
            "Says what survives and what may be lost, and writes a plan. Give all survivors: the other "
                + "members are given up for good. Changes nothing.")
        {
            folders, files, file, beginEmpty,
        };
        KeyFlags.AddTo(command);
        command.SetAction((parsed, _) => Try(parsed, async () =>
        {
            var survivors = parsed.GetValue(folders)!.Select(path => DescribeFolder(parsed, path))
                .Concat(parsed.GetValue(files)!.Select(ReadDescription)).ToArray();
            var plan = RecoveryPlanner.Plan(
                survivors, Guid.NewGuid(), Guid.NewGuid(), parsed.GetValue(beginEmpty));
            var path = WriteNew(parsed.GetValue(file)!, plan.ToJson());
            foreach (var line in RecoverText.Lines(plan, path))
                await parsed.InvocationConfiguration.Output.WriteLineAsync(line).ConfigureAwait(false);
        }));
        return command;
    }

    private static Command Apply()
    {
        var data = OfflineFolder.Flag("The data folder of a stopped survivor.");
        var file = FileFlag("--plan", "The plan, the same for all survivors.");
        var confirm = new Option<string>("--confirm")
        {
            Description = "The nodes that are given up for good, with commas between, as in the plan.",
            HelpName = "names",
            Required = true,
        };
        var command = new Command(
            "apply",
            "Changes a survivor's folder as the plan says. After a crash, run it again. Keep a copy of the "
                + "folder: there is no way back.")
        {
            data, file, confirm,
        };
        KeyFlags.AddTo(command);
        command.SetAction((parsed, _) => OfflineFolder.Run(parsed, parsed.GetValue(data)!, folder => Try(
            parsed, () => Apply(
                parsed, folder, parsed.GetValue(file)!, parsed.GetValue(confirm)!),
            "Run it again when that is mended: until then the node does not start, or is as it was")));
        return command;
    }

    private static async Task Apply(ParseResult parsed, OfflineFolder folder, string file, string confirm)
    {
        var plan = Read(file, static bytes => RecoveryPlan.Parse(bytes));
        var lost = RecoverText.LostOf(plan);
        var given = confirm.Split(',', StringSplitOptions.TrimEntries);
        if (!given.ToHashSet(StringComparer.Ordinal).SetEquals(lost.Split(',')))
        {
            throw new CommandException(
                $"--confirm {confirm} is not {lost}: nothing was changed", ExitCode.Usage);
        }

        var isNew = RecoveryApplication.Run(folder.Files, plan);
        var others = plan.Survivors.Count == 1 ? "" : " once the plan is applied to all survivors";
        await parsed.InvocationConfiguration.Output.WriteLineAsync(
            $"{(isNew ? "applied" : "was applied before")}: this folder belongs to cluster {plan.NewCluster} "
                + $"now, which never hears {lost} again. Start the node{others}, then add new nodes with "
                + "--join.").ConfigureAwait(false);
    }

    private static Survivor DescribeFolder(ParseResult parsed, string path)
    {
        using var folder = Open(parsed, path);
        try
        {
            return RecoveryApplication.Describe(folder.Files);
        }
        catch (Exception e) when (e is IOException or NodeStartException or FormatException)
        {
            throw new RecoveryRefusedException($"--data {path}: {e.Message}");
        }
    }

    private static OfflineFolder Open(ParseResult parsed, string path)
    {
        try
        {
            return OfflineFolder.Open(parsed, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(e.Message, ExitCode.Usage);
        }
    }

    private static Survivor ReadDescription(string path) => Read(path, static bytes => Survivor.Parse(bytes));

    /// <summary>What a file means; <see cref="RecoveryRefusedException"/> if it cannot be used.</summary>
    public static T Read<T>(string path, Func<byte[], T> parse)
    {
        try
        {
            return parse(File.ReadAllBytes(path));
        }
        catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException
            or ArgumentException)
        {
            throw new RecoveryRefusedException($"{path}: {e.Message}");
        }
    }

    /// <summary>Writes a file, whole or not at all, and never in the place of another.</summary>
    public static string WriteNew(string file, byte[] content)
    {
        var full = file.Length == 0 ? "" : Path.GetFullPath(file);
        var place = Path.GetDirectoryName(full);
        if (Path.Exists(full) || !Directory.Exists(place))
            throw new CommandException(
                $"'{file}' is there already, or its folder is not: give --out a new file's name",
                ExitCode.Usage);
        WholeFile.Replace(new DiskFileSystem(place), Path.GetFileName(full), content);
        return full;
    }

    /// <summary>A file that must be named.</summary>
    public static Option<string> FileFlag(string name, string description) =>
        new(name) { Description = description, HelpName = "file", Required = true };

    private static Option<string[]> Many(string name, string help, string description) => new(name)
    {
        Description = description,
        HelpName = help,
        DefaultValueFactory = static _ => [],
        Arity = ArgumentArity.OneOrMore,
    };

    private static async Task<int> Try(
        ParseResult parsed, Func<Task> run, string ifBroken = "Nothing was changed")
    {
        try
        {
            await run().ConfigureAwait(false);
            return ExitCode.Ok;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NodeStartException
            or FormatException or RecoveryRefusedException)
        {
            var then = e is IOException ? ifBroken : "Nothing was changed";
            await OfflineFolder.Tell(parsed, $"{e.Message.TrimEnd('.')}. {then}").ConfigureAwait(false);
            return ExitCode.NotOk;
        }
    }
}
