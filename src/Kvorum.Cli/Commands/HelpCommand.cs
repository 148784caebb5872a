using System.CommandLine;
using Kvorum.Cli.CommandLine;

namespace Kvorum.Cli.Commands;

/// <summary><c>kvorum help put</c>: the same as <c>kvorum put --help</c>.</summary>
internal static class HelpCommand
{
    /// <param name="parse">Understands a command line, with all commands.</param>
    public static Command Create(Func<IReadOnlyList<string>, ParseResult> parse)
    {
        var words = new Argument<string[]>("command")
        {
            Description = "The command, such as put or wal export; all of them if none is named.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var command = new Command("help", "Tells how a command is used.") { words };
        command.SetAction((parsed, cancel) =>
        {
            var asked = parse([.. parsed.GetValue(words)!, "--help"]);
            if (asked.UnmatchedTokens is [var unknown, ..])
                throw new CommandException($"there is no command '{unknown}'", ExitCode.Usage);
            return asked.InvokeAsync(parsed.InvocationConfiguration, cancel);
        });
        return command;
    }
}
