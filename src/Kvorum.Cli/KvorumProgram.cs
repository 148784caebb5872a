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
        {
            string command = parsed.CommandResult.Command is RootCommand
                ? "kvorum" : $"kvorum {parsed.CommandResult.Command.Name}";
            foreach (var error in parsed.Errors)
                await errors.WriteLineAsync($"{command}: {error.Message}").ConfigureAwait(false);
            await errors.WriteLineAsync($"Try '{command} --help'.").ConfigureAwait(false);
            return ExitCode.Usage;
        }

        var invocation = new InvocationConfiguration
        {
            Output = output,
            Error = errors,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        };
        return await parsed.InvokeAsync(invocation).ConfigureAwait(false);
    }
}
