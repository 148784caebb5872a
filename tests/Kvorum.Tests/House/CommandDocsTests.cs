using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Kvorum.Cli;

namespace Kvorum.Tests.House;

/// <summary>What the pages tell people to type is held against the program's own command line.</summary>
public partial class CommandDocsTests
{
    private const string FlagsPage = "docs/operating.md";

    private static IEnumerable<Option> Flags =>
        KvorumProgram.Commands().Subcommands.Single(command => command.Name == "start").Options
            .Where(option => !option.Hidden && option.Name is not ("--help" or "--version"));

    private static string? FaultOf(string command)
    {
        // What the shell does with the output is no word of the command.
        string[] words =
        [
            .. CommandLineParser.SplitCommandLine(command).TakeWhile(static word => word is not (">" or "|")),
        ];
        if (words[0] != "./kvorum")
            return File.Exists(Path.Combine(House.Root, words[0])) ? null : $"{words[0]} is not there";
        var parsed = KvorumProgram.Parse(words[1..]);
        return parsed.Errors is [var error, ..] ? error.Message : null;
    }

    [Fact]
    public void Every_command_in_the_pages_exists()
    {
        var commands = House.Files(".md")
            .SelectMany(path => new Markdown(House.Read(path)).Commands().Select(text => (Page: path, Text: text)))
            .ToArray();
        Assert.True(commands.Length > 15);
        House.Accepts(commands
            .Select(command => (command.Page, command.Text, Fault: FaultOf(command.Text)))
            .Where(command => command.Fault is not null)
            .Select(command => $"{command.Page}: {command.Text}: {command.Fault}"));
    }

    [Fact]
    public void A_wrong_command_is_found()
    {
        Assert.NotNull(FaultOf("./kvorum start --no-such-flag 1"));
        Assert.NotNull(FaultOf("./kvorum no-such-command"));
        Assert.NotNull(FaultOf("./no-such-script"));
        Assert.Null(FaultOf("./kvorum start --id node-1"));
        Assert.Null(FaultOf("./test"));
    }

    [Fact]
    public void The_page_of_flags_has_every_flag_with_its_default()
    {
        var rows = FlagRow().Matches(House.Read(FlagsPage))
            .ToDictionary(row => row.Groups[1].Value, row => row.Groups[2].Value.Trim('`', ' '));
        Assert.Equal(Flags.Select(flag => flag.Name).Order(StringComparer.Ordinal), rows.Keys.Order(StringComparer.Ordinal));
        House.Accepts(Flags
            .Select(flag => (flag.Name, Default: Shown(flag.GetDefaultValue())))
            // An empty default is told in words.
            .Where(flag => flag.Default.Length > 0 && flag.Default != rows[flag.Name])
            .Select(flag => $"{flag.Name}: the default is {flag.Default}, {FlagsPage} says {rows[flag.Name]}"));
    }

    private static string Shown(object? value) => value is false ? "off" : value?.ToString() ?? "";

    [GeneratedRegex(@"^\| `(--[\w-]+)` \| ([^|]*) \|", RegexOptions.Multiline)]
    private static partial Regex FlagRow();
}
