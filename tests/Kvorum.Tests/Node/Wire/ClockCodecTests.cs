using Kvorum.Node.Wire;

namespace Kvorum.Tests.Node.Wire;

public class ClockCodecTests
{
    [Fact]
    public void Frames_have_these_bytes()
    {
        var writer = new ByteWriter();
        ClockCodec.EncodeQuestion(7, writer);
        Assert.Equal("010700000000000000", Convert.ToHexStringLower(writer.Written));
        Assert.Equal((7, null), ClockCodec.Decode(writer.ToArray()));

        writer.Clear();
        ClockCodec.EncodeAnswer(7, 9, writer);
        Assert.Equal("0207000000000000000900000000000000", Convert.ToHexStringLower(writer.Written));
        Assert.Equal((7, 9L), ClockCodec.Decode(writer.ToArray()));
    }

    [Fact]
    public void What_makes_no_sense_is_refused() =>
        Assert.Throws<FormatException>(() => ClockCodec.Decode(new byte[] { 3, 0, 0, 0, 0, 0, 0, 0, 0 }));
}
