using System.CommandLine;
using System.CommandLine.Help;
using Kvorum.Cli.Administration;
using Kvorum.Cli.Bench;
using Kvorum.Cli.Certificates;
using Kvorum.Cli.Chaos;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.Commands;
using Kvorum.Cli.Demo;
using Kvorum.Cli.Offline;
using Kvorum.Cli.OwnProcess;

namespace Kvorum.Cli;

/// <summary>The program as a function of its arguments: all commands, and how mistakes are told.</summary>
internal static class KvorumProgram
{
    // Hundreds of flags: they are made once, however many command lines a process understands.
    private static readonly Lazy<RootCommand> Root = new(Create);

    /// <summary>All commands.</summary>
    public static RootCommand Commands() => Root.Value;

    /// <summary>Understands a command line, in any of its spellings.</summary>
    public static ParseResult Parse(IReadOnlyList<string> args)
    {
        var root = Root.Value;
        // A key that begins with @ is a key, not the name of a file with arguments.
        var rules = new ParserConfiguration { EnablePosixBundling = false, ResponseFileTokenReplacer = null };
        return root.Parse(Spelling.Normalise(root, args), rules);
    }

    /// <summary>
    /// Parses and runs; returns the exit code. Arguments are as <see cref="Bytes.Text"/> carries them.
    /// </summary>
    public static async Task<int> Run(string[] args, CommandOutput output, CommandOutput errors)
    {
        var name = "kvorum";
        int code;
        try
        {
            var parsed = Parse(args);
            name = Mistakes.NameOf(parsed.CommandResult.Command);
            code = await Run(parsed, args, output, errors).ConfigureAwait(false);
        }
        catch (CommandException e)
        {
            await errors.WriteLineAsync($"{name}: {e.Message}").ConfigureAwait(false);
            code = e.Code;
        }
        catch (Exception e)
        {
            // A command tells its failures itself; this one has been forgotten.
            await errors.WriteLineAsync(
                $"{name}: a fault of this program, please report it: {e.GetType().Name} in "
                + $"{e.TargetSite?.DeclaringType}.{e.TargetSite?.Name}: {e.Message}").ConfigureAwait(false);
            code = ExitCode.NotOk;
        }

        if (output.Failure is not { } failure)
            return code;
        await errors.WriteLineAsync(
            $"{name}: standard output: {failure}: not all was printed; "
            + (code == ExitCode.Ok ? "the command itself is done" : "the command itself failed"))
            .ConfigureAwait(false);
        return code == ExitCode.Ok ? ExitCode.NotPrinted : code;
    }

    private static async Task<int> Run(
        ParseResult parsed, string[] args, CommandOutput output, CommandOutput errors)
    {
        if (!CompletionCommand.IsAsked(args) && Mistakes.Of(parsed) is { Count: > 0 } mistakes)
            return await Tell(parsed, args, mistakes, errors).ConfigureAwait(false);
        var invocation = new InvocationConfiguration
        {
            Output = output,
            Error = errors,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        };
        return await parsed.InvokeAsync(invocation).ConfigureAwait(false);
    }

    private static async Task<int> Tell(
        ParseResult parsed, string[] args, IReadOnlyList<string> mistakes, CommandOutput errors)
    {
        var command = parsed.CommandResult.Command;
        var lacksCommand = command.Subcommands.Count > 0;
        if (lacksCommand && parsed.UnmatchedTokens.Count == 0)
        {
            await Run([.. args, "--help"], errors, errors).ConfigureAwait(false);
            return ExitCode.Usage;
        }

        var name = Mistakes.NameOf(command);
        foreach (var mistake in mistakes)
            await errors.WriteLineAsync($"{name}: {Bytes.Shown(mistake)}").ConfigureAwait(false);
        await errors.WriteLineAsync($"Try '{name} --help'.").ConfigureAwait(false);
        return ExitCode.Usage;
    }

    private static RootCommand Create()
    {
        RootCommand root = new(
            "Kvorum: a distributed key-value store. Begin with kvorum start, kvorum put k v, kvorum get k.")
        {
            StartCommand.Create(),
            KeyCommands.Put(),
            KeyCommands.Get(),
            KeyCommands.Delete(),
            ScanCommand.Create(),
            HealthCommand.Create(),
            StatusCommand.Create(),
            ClusterCommands.Create(),
            NodeCommands.Create(),
            KeyspaceCommands.Create(),
            PartitionCommands.Create(),
            PartitionCommands.Locate(),
            ExplainCommand.Create(),
            WatchCommands.Create(),
            BenchCommand.Create(),
            DemoCommand.Create(),
            ChaosCommand.Create(),
            DoctorCommand.Create(),
            DiscardCommand.Create(),
            AcceptCommand.Create(),
            RecoverCommand.Create(),
            WalCommand.Create(),
            UserCommands.Create(),
            RoleCommands.Create(),
            RoleCommands.Rights(),
            CertCommand.Create(),
            JoinTokenCommands.Create(),
            CompletionCommand.Create(),
            VersionCommand.Create(),
            HelpCommand.Create(Parse),
        };
        // On Windows / begins a flag; here it begins many a key.
        foreach (var alias in (string[])["/h", "/?"])
            root.Options.OfType<HelpOption>().Single().Aliases.Remove(alias);
        return root;
    }
}
