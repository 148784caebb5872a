using Kvorum.Server.Grpc;

namespace Kvorum.Tests.Server.Grpc;

public class GrpcTextTests
{
    private static readonly TimeSpan Max = TimeSpan.FromDays(7);

    [Theory]
    [InlineData("1H", 36_000_000_000L)]
    [InlineData("2M", 1_200_000_000L)]
    [InlineData("3S", 30_000_000L)]
    [InlineData("00000004m", 40_000L)]
    [InlineData("5u", 50L)]
    [InlineData("600n", 6L)]
    [InlineData("0n", 0L)]
    public void Timeouts_are_read(string text, long ticks)
    {
        Assert.True(GrpcText.TryParseTimeout(text, Max, out var timeout));
        Assert.Equal(ticks, timeout.Ticks);
    }

    [Theory]
    [InlineData("99999999H")]
    [InlineData("99999999M")]
    [InlineData("99999999S")]
    public void Timeouts_are_capped(string text)
    {
        Assert.True(GrpcText.TryParseTimeout(text, Max, out var timeout));
        Assert.Equal(Max, timeout);
    }

    [Theory]
    [InlineData("")]
    [InlineData("S")]
    [InlineData("1")]
    [InlineData("1s")]
    [InlineData("-1S")]
    [InlineData("1.5S")]
    [InlineData("123456789S")]
    [InlineData(" 1S")]
    public void What_is_no_timeout_is_refused(string text) =>
        Assert.False(GrpcText.TryParseTimeout(text, Max, out _));

    [Theory]
    [InlineData("plain text ~", "plain text ~")]
    [InlineData("100%", "100%25")]
    [InlineData("a\nb", "a%0Ab")]
    [InlineData("é", "%C3%A9")]
    [InlineData("検", "%E6%A4%9C")]
    public void Messages_are_percent_encoded(string message, string encoded) =>
        Assert.Equal(encoded, GrpcText.EncodeMessage(message));
}
