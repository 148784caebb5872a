using System.CommandLine;
using Kvorum.Cli;
using Kvorum.Cli.CommandLine;

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
    [InlineData("start --heartbeat 5x",
        "kvorum start: --heartbeat '5x': give a time such as 100ms, 1.5s, 2m, 1h30m or 7d")]
    [InlineData("get k --addr a:1,b:2,a:1", "kvorum get: --addr 'a:1': it is there more than once")]
    [InlineData("start --loops many", "kvorum start: --loops 'many': give a whole number, or auto")]
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
    [InlineData("get k --timeout 0s", "kvorum get: --timeout '0ms': give 1ms to 1d")]
    [InlineData("bench put --timeout 25h", "kvorum bench: --timeout '25h': give 1ms to 1d")]
    [InlineData("put k v --ttl 0.5ms", "kvorum put: --ttl '0.5ms': give a time such as")]
    [InlineData("put k v --ttl 1e3s", "kvorum put: --ttl '1e3s': give a time such as")]
    [InlineData("put k v --ttl",
        "kvorum put: --ttl needs a value: --ttl <time>; if '--ttl' itself is meant as a key or a value, "
        + "it goes behind --")]
    [InlineData("put k --tll=5s",
        "kvorum put: there is no flag '--tll=5s'; a key or a value that begins with -- "
        + "goes behind --, as in: kvorum put -- --tll=5s")]
    [InlineData("get --josn k", "kvorum get: there is no flag '--josn'")]
    [InlineData("wal export --jsno", "as in: kvorum wal export -- --jsno")]
    [InlineData("get", "kvorum get: give one key, as a word or with --key-base64 or --key-hex")]
    [InlineData("get k --key-hex 00", "kvorum get: give one key")]
    [InlineData("get --key-hex 00 --key-base64 AA==", "give one of --key-base64 or --key-hex, not several")]
    [InlineData("get --key-hex 0", "--key-hex '0': give an even number of hexadecimal digits")]
    [InlineData("get --key-base64 ?", "--key-base64 '?': give base64")]
    [InlineData("put k v --value-hex 00", "kvorum put: give the key and either a value or --stdin")]
    [InlineData("put --value-hex 00", "kvorum put: give the key and either a value or --stdin")]
    [InlineData("put k --stdin --value-hex 00", "kvorum put: give the key and either a value or --stdin")]
    [InlineData("scan --from a --from-hex 00",
        "give one of --from or --from-base64 or --from-hex, not several")]
    [InlineData("get k --raw --json",
        "kvorum get: --raw prints nothing but the value: leave out --json and --as")]
    [InlineData("get k --addr ::1:50051",
        "kvorum get: --addr '::1:50051': give host:port, such as 127.0.0.1:50051, or several separated by "
        + "commas; an IPv6 address goes in brackets, as in [::1]:50051")]
    [InlineData("get k --addr n1=localhost:50051", "leave the id out: write localhost:50051")]
    [InlineData("start --peers n1=localhost:60051", "write n1@localhost:60051")]
    [InlineData("start --join n1@localhost:60051", "leave the id out: write localhost:60051")]
    [InlineData("get k --addr localhost", "kvorum get: --addr 'localhost': give host:port")]
    [InlineData("get k --addr ,", "kvorum get: --addr '': give host:port")]
    [InlineData("start --addr ::1:50051", "an IPv6 address goes in brackets, as in [::1]:50051")]
    [InlineData("start --peers a@::1:60051", "an IPv6 address goes in brackets, as in [::1]:50051")]
    [InlineData("help frobnicate", "kvorum help: there is no command 'frobnicate'")]
    [InlineData("completion tcsh", "kvorum completion: shell 'tcsh': give bash or zsh or fish")]
    public async Task Wrong_usage_is_code_2_and_says_what_is_wrong(string line, string expected)
    {
        var (code, _, errors) = await Run(line);
        Assert.Contains(expected, errors, StringComparison.Ordinal);
        Assert.Equal(2, code);
    }

    [Theory]
    [InlineData("help", "--help")]
    [InlineData("help put", "put --help")]
    [InlineData("help wal export", "wal export --help")]
    [InlineData("version", "--version")]
    public async Task A_word_does_as_well_as_the_flag(string word, string flag)
    {
        var (code, output, errors) = await Run(word);
        Assert.Equal((0, ""), (code, errors));
        Assert.Equal(await Run(flag), (code, output, errors));
        Assert.NotEmpty(output);
    }

    /// <summary>
    /// Every flag of every command with every kind of nonsense ends in words, never in a trace.
    /// </summary>
    [Fact]
    public async Task No_nonsense_ends_in_a_stack_trace()
    {
        string[] nonsense =
        [
            "", " ", "-", "-1", "0", "0s", "1e400", "NaN", "99999999999999999999", "99999999d", "\0",
            "\ud800", Bytes.Text([0xff]), "/dev/null", "/", "::", ":", "@", "[", new('x', 5000),
        ];
        var leaves = All(KvorumProgram.Commands()).Where(command => command.Subcommands.Count == 0);
        foreach (var command in leaves)
        {
            var options = command.Options.Where(option => option.Name is not ("--help" or "--version"));
            foreach (var option in options)
            {
                foreach (var value in nonsense)
                {
                    string[] args = [.. WordsOf(command), option.Name, value];
                    // What would make sense must not run: no command takes this flag.
                    var (code, output, errors) = await InProcess.Run([.. args, "--no-such-flag"]);
                    Assert.True(code == 2, $"{string.Join(' ', args)}: {code}\n{output}{errors}");
                    Assert.DoesNotContain("fault of this program", errors, StringComparison.Ordinal);
                    Assert.InRange(errors.Length, 1, 3000);
                }
            }
        }
    }

    private static string[] WordsOf(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent
            ? [.. WordsOf(parent), command.Name] : [];

    private static Task<(int Code, string Output, string Errors)> Run(string line) =>
        InProcess.Run(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    private static IEnumerable<Command> All(Command command) =>
        [command, .. command.Subcommands.SelectMany(All)];
}
