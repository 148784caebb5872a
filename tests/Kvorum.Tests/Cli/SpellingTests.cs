using Kvorum.Cli;
using Kvorum.Cli.CommandLine;

namespace Kvorum.Tests.Cli;

public class SpellingTests
{
    [Theory]
    [InlineData("start -node n -raft_addr :1 -wal ./d/w -snap_every 5",
        "start --id n --peer-addr :1 --wal ./d/w --snap-every 5")]
    [InlineData("start -id 5 -addr :1 -peers p -sync-interval 5m -replication-factor 3 -virtual-nodes 10",
        "start --id 5 --addr :1 --peers p --sync-interval 5m --replication-factor 3 --virtual-nodes 10")]
    [InlineData("-addr X put k v", "put --addr X k v")]
    [InlineData("-addr X -client me -req 7 put k v", "put --addr X --client me --req 7 k v")]
    [InlineData("-json -addr=X get k", "get --json --addr=X k")]
    [InlineData("put k -value", "put k -value")]
    [InlineData("put k -- -addr", "put k -- -addr")]
    [InlineData("get -1", "get -1")]
    [InlineData("--version", "--version")]
    [InlineData("-h", "-h")]
    public void Spellings_come_to_one(string given, string expected) =>
        Assert.Equal(expected.Split(' '), Spelling.Normalise(KvorumProgram.Commands(), given.Split(' ')));

    [Theory]
    [InlineData("100ms", 100)]
    [InlineData("1.5s", 1500)]
    [InlineData("2m", 120_000)]
    [InlineData("1h", 3_600_000)]
    [InlineData("1d", 86_400_000)]
    [InlineData("1.5d", 129_600_000)]
    [InlineData("1h30m", 5_400_000)]
    [InlineData("1d2h3m4s5ms", 93_784_005)]
    [InlineData("0.001s", 1)]
    [InlineData("0ms", 0)]
    [InlineData("0", 0)]
    public void Times_are_read(string text, int ms) =>
        Assert.Equal(ms, Duration.TryParse(text)!.Value.Span.TotalMilliseconds);

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("5x")]
    [InlineData("-5s")]
    [InlineData("ms")]
    [InlineData("1e99h")]
    [InlineData("0.5ms")]
    [InlineData("0.0005s")]
    [InlineData("1.0005s")]
    [InlineData("30m1h")]
    [InlineData("1h1h")]
    [InlineData("1h30")]
    [InlineData("h1")]
    [InlineData("1.2.3s")]
    [InlineData("+5s")]
    [InlineData("5 s")]
    [InlineData("36501d")]
    [InlineData("99999999999999999999999999999999d")]
    public void Other_times_are_not(string text) => Assert.Null(Duration.TryParse(text));

    [Theory]
    [InlineData(100, "100ms")]
    [InlineData(1500, "1500ms")]
    [InlineData(2000, "2s")]
    [InlineData(900_000, "15m")]
    [InlineData(5_400_000, "90m")]
    [InlineData(86_400_000, "1d")]
    [InlineData(0, "0ms")]
    public void Times_are_written_as_they_are_read(int ms, string text)
    {
        var duration = new Duration(TimeSpan.FromMilliseconds(ms));
        Assert.Equal(text, duration.ToString());
        Assert.Equal(duration, Duration.TryParse(text));
    }

    [Theory]
    [InlineData("john_doe", "\"john_doe\"")]
    [InlineData("a \"b\" \\", "\"a \\\"b\\\" \\\\\"")]
    [InlineData("\n\t\0\u001b", "\"\\n\\t\\x00\\x1b\"")]
    [InlineData("häß 世界 😀", "\"häß 世界 😀\"")]
    [InlineData("\u00a0\u200b", "\"\\u00a0\\u200b\"")]
    [InlineData("", "\"\"")]
    public void Text_is_quoted_as_go_does(string text, string quoted) =>
        Assert.Equal(quoted, GoQuote.Of(Bytes.Of(text)));

    [Fact]
    public void Bytes_that_are_no_text_are_quoted_one_by_one() =>
        Assert.Equal("\"a\\xff\\xc3b\"", GoQuote.Of([(byte)'a', 0xff, 0xc3, (byte)'b']));
}
