using System.CommandLine;
using Kvorum.Cli.Bench;
using Kvorum.Cli.Chaos;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.Commands;
using Kvorum.Cli.Demo;
using Kvorum.Cli.Offline;

namespace Kvorum.Cli;

/// <summary>The program as a function of its arguments: all commands, and how mistakes are told.</summary>
internal static class KvorumProgram
{
    /// <summary>All commands.</summary>
    public static RootCommand Commands() =>
        new("Kvorum: a distributed key-value store. Begin with kvorum start, kvorum put k v, kvorum get k.")
        {
            StartCommand.Create(),
            KeyCommands.Put(),
            KeyCommands.Get(),
            KeyCommands.Delete(),
            ScanCommand.Create(),
            HealthCommand.Create(),
            StatusCommand.Create(),
            BenchCommand.Create(),
            DemoCommand.Create(),
            ChaosCommand.Create(),
            DoctorCommand.Create(),
            DiscardCommand.Create(),
            WalCommand.Create(),
        };

    /// <summary>Understands a command line, in any of its spellings.</summary>
    public static ParseResult Parse(IReadOnlyList<string> args)
    {
        var root = Commands();
        return root.Parse(
            Spelling.Normalise(root, args), new ParserConfiguration { EnablePosixBundling = false });
    }

    /// <summary>Parses and runs; returns the exit code.</summary>
    public static async Task<int> Run(string[] args, TextWriter output, TextWriter errors)
    {
        var parsed = Parse(args);
        if (parsed.Errors.Count > 0)
            return await TellMistakes(parsed, args, errors).ConfigureAwait(false);
        var invocation = new InvocationConfiguration
        {
            Output = output,
            Error = errors,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        };
        return await parsed.InvokeAsync(invocation).ConfigureAwait(false);
    }

    private static async Task<int> TellMistakes(ParseResult parsed, string[] args, TextWriter errors)
    {
        var command = parsed.CommandResult.Command;
        bool lacksCommand = command.Subcommands.Count > 0;
        if (lacksCommand && parsed.UnmatchedTokens.Count == 0)
        {
            await Run([.. args, "--help"], errors, errors).ConfigureAwait(false);
            return ExitCode.Usage;
        }

        string name = NameOf(command);
        IEnumerable<string> mistakes = lacksCommand
            ? [$"there is no command '{parsed.UnmatchedTokens[0]}'"]
            : parsed.Errors.Select(static error => error.Message);
        foreach (string mistake in mistakes)
            await errors.WriteLineAsync($"{name}: {mistake}").ConfigureAwait(false);
        await errors.WriteLineAsync($"Try '{name} --help'.").ConfigureAwait(false);
        return ExitCode.Usage;
    }

    /// <summary>The words that lead to a command.</summary>
    private static string NameOf(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent
            ? $"{NameOf(parent)} {command.Name}"
            : "kvorum";
}
