using System.CommandLine;
using System.CommandLine.Parsing;

namespace Kvorum.Cli.CommandLine;

/// <summary>What is wrong with a command line, in sentences; the parser's own come last.</summary>
internal static class Mistakes
{
    /// <summary>All of it; nothing if it can be run.</summary>
    public static IReadOnlyList<string> Of(ParseResult parsed)
    {
        var command = parsed.CommandResult;
        if (command.Command.Subcommands.Count > 0 && parsed.UnmatchedTokens.Count > 0)
            return [$"there is no command '{parsed.UnmatchedTokens[0]}'"];
        string[] own = [.. NoText(command), .. NoFlags(parsed), .. NoValues(command)];
        return own.Length > 0 ? own : [.. parsed.Errors.Select(static error => error.Message).Distinct()];
    }

    /// <summary>The words that lead to a command.</summary>
    public static string NameOf(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent
            ? $"{NameOf(parent)} {command.Name}"
            : "kvorum";

    // Bytes go where bytes are meant, and nowhere else.
    private static IEnumerable<string> NoText(CommandResult command)
    {
        foreach (var result in command.Children)
        {
            var (name, type) = result switch
            {
                OptionResult option => (option.Option.Name, option.Option.ValueType),
                ArgumentResult argument => (argument.Argument.Name, argument.Argument.ValueType),
                _ => ("", typeof(byte[])),
            };
            foreach (var token in result.Tokens.Where(_ => type != typeof(byte[])))
            {
                if (Bytes.WhyNoText(token.Value) is { } why)
                    yield return $"{name} '{token.Value}': {why}";
            }
        }
    }

    // What looks like a flag and is none was hardly meant as a key: behind -- it is.
    private static IEnumerable<string> NoFlags(ParseResult parsed)
    {
        var behind = parsed.Tokens.Reverse()
            .TakeWhile(static token => token.Type != TokenType.DoubleDash).Count();
        var isMarked = behind < parsed.Tokens.Count;
        string[] words =
        [
            .. parsed.CommandResult.Children.OfType<ArgumentResult>()
                .SelectMany(static argument => argument.Tokens).Select(static token => token.Value),
            .. parsed.UnmatchedTokens,
        ];
        foreach (var word in words.SkipLast(isMarked ? behind : 0))
        {
            if (word.StartsWith("--", StringComparison.Ordinal) && word.Length > 2)
                yield return $"there is no flag '{word}'; a key or a value that begins with -- goes behind "
                    + $"--, as in: {NameOf(parsed.CommandResult.Command)} -- {word}";
        }
    }

    private static IEnumerable<string> NoValues(CommandResult command)
    {
        foreach (var result in command.Children.OfType<OptionResult>())
        {
            var option = result.Option;
            if (!result.Implicit && result.Tokens.Count == 0
                && option.ValueType != typeof(bool) && option.ValueType != typeof(bool?)
                && option.Arity.MaximumNumberOfValues > 0)
                yield return $"{option.Name} needs a value: {option.Name} <{option.HelpName}>; if "
                    + $"'{option.Name}' itself is meant as a key or a value, it goes behind --";
        }
    }
}
