using Kvorum.Node.Membership;
using Kvorum.Node.Placement;
using Kvorum.Node.Wire;

namespace Kvorum.Tests.Node.Membership;

/// <summary>Introductions and their answers are these bytes.</summary>
public class IncarnationHelloTests
{
    private static readonly string Zeros = new('0', 28);

    private static readonly IncarnationHello Hello = new(
        0x0A0B, 0x0C0D, LogLives.None.With(new(3, 4)).With(new(5, 6)), 9, 2)
    {
        Zone = "rack",
        Weight = 300,
    };

    private static readonly string HelloBytes = "0b0a" + Zeros + "0d0c" + Zeros + "0900000000000000"
        + "0200000000000000" + "040000007261636b" + "2c010000" + "02000000"
        + "0300000000000000" + "0400000000000000" + "0500000000000000" + "0600000000000000";

    [Fact]
    public void A_hello_tells_zone_and_weight()
    {
        var writer = new ByteWriter();
        IncarnationHelloCodec.Encode(Hello, writer);
        Assert.Equal(HelloBytes, Convert.ToHexStringLower(writer.Written));
        var read = IncarnationHelloCodec.DecodeHello(writer.ToArray());
        Assert.Equal(Hello with { Lives = read.Lives }, read);
        Assert.Equal((2, new LogLife(5, 6)), (read.Lives.Count, read.Lives.Newest));
        var plain = new IncarnationHello(1, 1, LogLives.None, 0);
        Assert.Equal(("", RingMember.Ordinary), (plain.Zone, plain.Weight));
    }

    [Fact]
    public void An_answer_is_read_back()
    {
        var answer = new AdmissionAnswer(0x0A0B, 3, 0x0C0D, RefusalKind.LostLog, "no");
        var writer = new ByteWriter();
        IncarnationHelloCodec.Encode(answer, writer);
        Assert.Equal(
            "0b0a" + Zeros + "0300000000000000" + "0d0c" + Zeros + "02" + "020000006e6f",
            Convert.ToHexStringLower(writer.Written));
        Assert.Equal(answer, IncarnationHelloCodec.DecodeAnswer(writer.ToArray()));
    }

    [Fact]
    public void What_is_cut_short_is_a_format_error()
    {
        var hello = Convert.FromHexString(HelloBytes);
        for (var length = 0; length < hello.Length; length++)
        {
            Assert.ThrowsAny<FormatException>(
                () => IncarnationHelloCodec.DecodeHello(hello.AsMemory(0, length)));
        }
    }
}
