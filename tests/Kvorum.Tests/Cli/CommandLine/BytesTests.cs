using System.Text;
using Kvorum.Cli.CommandLine;

namespace Kvorum.Tests.Cli.CommandLine;

public class BytesTests
{
    [Fact]
    public void Every_two_bytes_are_carried_through_text_and_back()
    {
        HashSet<string> texts = [];
        for (var n = 0; n < 1 << 16; n++)
        {
            byte[] bytes = [(byte)(n >> 8), (byte)n];
            var text = Bytes.Text(bytes);
            Assert.True(texts.Add(text), Convert.ToHexString(bytes));
            Assert.Equal(bytes, Bytes.Of(text));
            Assert.Equal(Bytes.TryText(bytes) is not null, Bytes.IsText(text));
        }
    }

    [Fact]
    public void Random_bytes_are_carried_through_text_and_back()
    {
        var random = new Random(1);
        byte[] pieces = [0xf0, 0x9f, 0x98, 0x80, 0xed, 0xb2, 0x80, (byte)'a', 0xe9, 0xc3, 0xa9];
        for (var n = 0; n < 20_000; n++)
        {
            byte[] bytes = [.. Enumerable.Range(0, random.Next(12)).Select(_ => pieces[random.Next(11)])];
            Assert.Equal(bytes, Bytes.Of(Bytes.Text(bytes)));
        }
    }

    [Theory]
    [InlineData("6be9", "byte 2 (0xe9) is not UTF-8 text", "k\\xe9")]
    [InlineData("c3a9f09f9880ff", "byte 7 (0xff) is not UTF-8 text", "é😀\\xff")]
    [InlineData("edb280", "byte 1 (0xed) is not UTF-8 text", "\\xed\\xb2\\x80")]
    public void The_first_byte_that_is_no_text_is_named(string hex, string why, string shown)
    {
        var text = Bytes.Text(Convert.FromHexString(hex));
        Assert.Equal((why, shown), (Bytes.WhyNoText(text), Bytes.Shown(text)));
    }

    [Fact]
    public void Half_a_character_stands_for_no_byte()
    {
        Assert.Equal("character 2 (U+d800) is half a character", Bytes.WhyNoText("a\ud800"));
        Assert.Throws<FormatException>(() => Bytes.Of("a\ud800"));
        Assert.Throws<FormatException>(() => Bytes.Of("\udc41"));
    }

    [Fact]
    public void Arguments_are_what_the_system_says()
    {
        string[] decoded = ["put", "k\ufffd", "", "v\ufffd\ufffdw", "\ufffd"];
        var system = Encoding.Latin1.GetBytes(
            "kvorum\0put\0k\u00e9\0\0v\u00ff\u00fe\u00fdw\0\u00ef\u00bf\u00bd\0");
        Assert.Equal(
            ["put", "k\udce9", "", "v\udcff\udcfe\udcfdw", "\ufffd"], RawArguments.Exact(decoded, system));
    }

    [Theory]
    [InlineData("")]
    [InlineData("kvorum\0")]
    [InlineData("kvorum\0get\0other\0")]
    [InlineData("kvorum\0del\0k\u00e9\0")]
    public void Arguments_that_the_system_does_not_tell_are_refused(string system)
    {
        var refused = Assert.Throws<FormatException>(
            () => RawArguments.Exact(["get", "k\ufffd"], Encoding.Latin1.GetBytes(system)));
        Assert.Contains("--key-base64", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_doubt_nothing_is_asked() =>
        Assert.Equal(["get", "k"], RawArguments.Read(["get", "k"]));
}
