using FsCheck;
using FsCheck.Fluent;
using Kvorum.Protocol;

namespace Kvorum.Tests.Protocol;

/// <summary>Text and its bytes: one to one, or an error that says where.</summary>
public class Utf8TextTests
{
    [Theory]
    [InlineData("", -1)]
    [InlineData("6B65C3A9F09F9880EFBFBD", -1)] // U+FFFD itself is text.
    [InlineData("FF", 0)]
    [InlineData("6BE9", 1)] // Latin-1.
    [InlineData("6161C0AF", 2)] // Overlong.
    [InlineData("EDA080", 0)] // A surrogate.
    [InlineData("61F09F98", 1)] // Cut.
    [InlineData("F4908080", 0)] // Beyond U+10FFFF.
    [InlineData("6180", 1)]
    public void The_first_byte_that_is_not_utf8_is_named(string hex, int at)
    {
        var bytes = Convert.FromHexString(hex);
        Assert.Equal(at, Utf8Text.FirstInvalid(bytes));
        if (at < 0)
        {
            Assert.Equal(bytes, Utf8Text.Encode("it", Utf8Text.Decode("it", bytes)));
            return;
        }

        Assert.Null(Utf8Text.DecodeOrNull(bytes));
        var refused = Assert.Throws<FormatException>(() => Utf8Text.Decode("the key", bytes));
        Assert.Equal($"the key is not UTF-8: byte 0x{bytes[at]:x2} at position {at}", refused.Message);
    }

    [Theory]
    [InlineData(new[] { 'a', '\ud83d', '\ude00', 'b' }, -1)]
    [InlineData(new[] { '\ufffd' }, -1)]
    [InlineData(new[] { 'a', '\ud800' }, 1)]
    [InlineData(new[] { '\ud800', 'a' }, 0)]
    [InlineData(new[] { 'a', 'b', '\udc00', '\ud800' }, 2)]
    [InlineData(new[] { '\ud83d', '\ude00', '\ude00' }, 2)]
    public void Half_a_surrogate_pair_is_no_text(char[] units, int at)
    {
        var text = new string(units);
        Assert.Equal(at, Utf8Text.FirstInvalid(text.AsSpan()));
        if (at < 0)
        {
            Assert.Equal(text, Utf8Text.Decode("it", Utf8Text.Encode("it", text)));
            return;
        }

        var refused = Assert.Throws<ArgumentException>(() => Utf8Text.Encode("the key", text));
        Assert.Contains($"(U+{(int)units[at]:X4}) at position {at}", refused.Message);
        Assert.ThrowsAny<ArgumentException>(() => Utf8Text.CountOf(text));
        Assert.ThrowsAny<ArgumentException>(() => Utf8Text.Write(text, new byte[100]));
    }

    [Fact]
    public void Bytes_that_differ_give_texts_that_differ() => Prop.ForAll(
        ArbMap.Default.ArbFor<byte[]>(), ArbMap.Default.ArbFor<byte[]>(), static (left, right) =>
        {
            var (one, other) = (Utf8Text.DecodeOrNull(left), Utf8Text.DecodeOrNull(right));
            return one is null || other is null || (one == other) == left.SequenceEqual(right);
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("abc", 3, "abc")]
    [InlineData("abc", 2, "ab")]
    [InlineData("aé", 2, "a")]
    [InlineData("a\U0001F600b", 4, "a")]
    [InlineData("a\U0001F600b", 5, "a\U0001F600")]
    [InlineData("a\ufffdb", 100, "a\ufffdb")]
    public void A_message_is_cut_behind_a_whole_character(string text, int bytesMax, string cut)
    {
        Assert.Equal(cut, Utf8Text.Message(text, bytesMax));
        Assert.InRange(Utf8Text.CountOf(Utf8Text.Message(text, bytesMax)), 0, bytesMax);
    }

    [Fact]
    public void A_message_always_has_bytes()
    {
        var text = new string(['\ufffd', '\ud83d', '\ude00', '\ud800', 'x', '\udc00']);
        Assert.Equal("\ufffd\U0001F600?x?", Utf8Text.Message(text, 100));
    }

    [Fact]
    public void A_message_from_elsewhere_shows_its_bytes()
    {
        Assert.Equal("é", Utf8Text.DecodeMessage("é"u8));
        Assert.Equal(@"a\xff\xe9b", Utf8Text.DecodeMessage([(byte)'a', 0xff, 0xe9, (byte)'b']));
        Assert.Equal(@"a\xf0\x9f", Utf8Text.DecodeMessage([(byte)'a', 0xf0, 0x9f]));
    }
}
