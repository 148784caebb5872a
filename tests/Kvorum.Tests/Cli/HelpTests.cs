using System.CommandLine;
using Kvorum.Cli;

namespace Kvorum.Tests.Cli;

public class HelpTests
{
    [Fact]
    public void Every_command_argument_and_flag_is_described()
    {
        foreach (var command in All(KvorumProgram.Commands()))
        {
            Assert.False(string.IsNullOrWhiteSpace(command.Description), command.Name);
            Assert.All(command.Options, option =>
                Assert.False(string.IsNullOrWhiteSpace(option.Description), $"{command.Name} {option.Name}"));
            Assert.All(command.Arguments, argument => Assert.False(
                string.IsNullOrWhiteSpace(argument.Description), $"{command.Name} {argument.Name}"));
        }
    }

    [Fact]
    public async Task Root_help_names_every_command()
    {
        var (code, output, _) = await Run("--help");
        Assert.Equal(0, code);
        Assert.All(KvorumProgram.Commands().Subcommands, command =>
            Assert.Contains($"{command.Name}", output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Start_help_has_a_default_for_every_flag()
    {
        var (code, output, _) = await Run("start --help");
        Assert.Equal(0, code);
        string[] flags = [.. output.Split('\n').Where(line => line.StartsWith(
            "  --", StringComparison.Ordinal) && !line.Contains("--until", StringComparison.Ordinal))];
        Assert.True(flags.Length >= 27, $"{flags.Length} flags");
        Assert.All(flags, line => Assert.Contains("[default: ", line, StringComparison.Ordinal));
        Assert.Contains("[default: 127.0.0.1:50051]", output, StringComparison.Ordinal);
        Assert.Contains("[default: 100ms]", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(
        "start --heartbeat 5x", "kvorum start: --heartbeat '5x': give a time such as 100ms, 1.5s or 2m")]
    [InlineData("start --loops many", "kvorum start: --loops 'many': give a whole number")]
    [InlineData("start --key-policy loose", "kvorum start: --key-policy 'loose': give binary or strict")]
    [InlineData("start --heartbeat 600ms",
        "kvorum start: --heartbeat 600ms is not under half of --election-timeout-min 1s")]
    [InlineData("put k", "kvorum put: give the key and either a value or --stdin")]
    [InlineData("get k --consistency maybe", "--consistency 'maybe': give linearizable or lease or stale")]
    [InlineData("frobnicate", "kvorum: there is no command 'frobnicate'\nTry 'kvorum --help'.")]
    [InlineData("wal frobnicate", "kvorum wal: there is no command 'frobnicate'")]
    [InlineData("wal export", "Try 'kvorum wal export --help'.")]
    [InlineData("wal", "Exports a stopped node's data")]
    [InlineData("", "Begin with kvorum start")]
    [InlineData("get k --timeout 0s", "kvorum get: --timeout '0ms': give 1ms to 24h")]
    [InlineData("bench put --timeout 25h", "kvorum bench: --timeout '25h': give 1ms to 24h")]
    public async Task Wrong_usage_is_code_2_and_says_what_is_wrong(string line, string expected)
    {
        var (code, _, errors) = await Run(line);
        Assert.Equal(2, code);
        Assert.Contains(expected, errors, StringComparison.Ordinal);
    }

    private static async Task<(int Code, string Output, string Errors)> Run(string line)
    {
        var (output, errors) = (new StringWriter(), new StringWriter());
        string[] args = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        int code = await KvorumProgram.Run(args, output, errors);
        return (code, output.ToString(), errors.ToString());
    }

    private static IEnumerable<Command> All(Command command) =>
        [command, .. command.Subcommands.SelectMany(All)];
}
