using Kvorum.Node;
using Kvorum.Raft;
using Kvorum.Server.Peers;

namespace Kvorum.Tests.Server.Peers;

public class PeerWireTests
{
    private static readonly PeerIntroduction Introduction = new(
        new PeerHello(new(0x0102), "n1", "h:1", "h:2", "") { FoundingId = 0x0C0D, ClusterId = 0x0A0B },
        new NodeId(0x0304), 0x1122334455667788);

    private const string Fields = "00000000000000000000000000000c0d" + "00000000000000000000000000000a0b"
        + "00000000000000000000000000000102"
        + "00000000000000000000000000000304"
        + "8877665544332211" + "02006e31" + "0300683a31" + "0300683a32" + "0000";

    /// <summary>What programs of format version 1 send: these bytes must be understood for ever.</summary>
    private const string OpeningOfVersion1 =
        "4b5650454552" + "0900" + "58000000" + "cafb2463" + "f0" + Fields;

    [Fact]
    public void Golden_bytes_of_an_opening()
    {
        var speaks = Introduction with
        {
            Node = Introduction.Node with { Formats = new(1, 2), ActiveFormat = 2 },
        };
        var bytes = PeerWire.EncodeOpening(PeerWire.Hello, PeerWire.EncodeIntroduction(speaks));
        Assert.Equal(
            "4b5650454552" + "0900" + "5e000000" + "27ecb7b3" + "f0" + Fields + "010002000200", Hex(bytes));
        var payload = bytes.AsSpan(PeerWire.PreambleBytes + PeerWire.HeaderBytes);
        Assert.Equal(speaks, PeerWire.DecodeIntroduction(payload));
    }

    [Fact]
    public void The_opening_of_version_1_is_understood()
    {
        var bytes = Convert.FromHexString(OpeningOfVersion1);
        PeerWire.CheckPreamble(bytes);
        var frame = bytes.AsSpan(PeerWire.PreambleBytes);
        Assert.Equal(
            frame.Length - PeerWire.HeaderBytes, PeerWire.ReadLength(frame, PeerWire.IntroductionBytesMax));
        PeerWire.CheckFrame(frame, frame[PeerWire.HeaderBytes..]);
        var read = PeerWire.DecodeIntroduction(frame[PeerWire.HeaderBytes..]);
        Assert.Equal(Introduction, read);
        Assert.Equal((FormatRange.OnlyFirst, 1), (read.Node.Formats, read.Node.ActiveFormat));
    }

    /// <summary>What it reads of today's opening is what it reads of its own.</summary>
    [Fact]
    public void Todays_opening_begins_with_that_of_version_1() => Assert.StartsWith(
        Fields, Hex(PeerWire.EncodeIntroduction(Introduction with
        {
            Node = Introduction.Node with { Formats = FormatRange.Own },
        })), StringComparison.Ordinal);

    /// <summary>A newer program may say more.</summary>
    [Fact]
    public void What_follows_the_format_versions_is_passed_over()
    {
        byte[] longer = [.. PeerWire.EncodeIntroduction(Introduction), 7, 7, 7];
        Assert.Equal(Introduction, PeerWire.DecodeIntroduction(longer));
    }

    [Theory]
    [InlineData("000001000100")]
    [InlineData("020001000100")]
    [InlineData("010002000000")]
    public void Format_versions_that_are_none_are_refused_with_words(string bytes)
    {
        var error = Assert.Throws<PeerWireException>(
            () => PeerWire.DecodeIntroduction(Convert.FromHexString(Fields + bytes)));
        Assert.Contains("its format versions", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Golden_bytes_of_frames()
    {
        Assert.Equal("09000000" + "e0a43b1a" + "01" + "313233343536373839",
            Hex(PeerWire.EncodeFrame((byte)PeerFrameKind.Raft, "123456789"u8)));
        Assert.Equal("00000000" + "b4ea4ca5" + "f3", Hex(PeerWire.EncodeFrame(PeerWire.Ping, [])));
        Assert.Equal("4b5650454552" + "0900" + "03000000" + "1a665d7a" + "f4" + "010203",
            Hex(PeerWire.EncodeOpening(PeerWire.Join, [1, 2, 3])));
        Assert.Equal("4b5650454552" + "0900" + "03000000" + "a2cc18a7" + "f5" + "010203",
            Hex(PeerWire.EncodeOpening(PeerWire.JoinAnswer, [1, 2, 3])));
        Assert.Equal("006e6f", Hex(PeerWire.EncodeRefusal(new("no"))));
        Assert.Equal("016e6f", Hex(PeerWire.EncodeRefusal(new("no", MayPass: true))));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_refusal_comes_back_as_it_was_and_fits_an_introduction(bool mayPass)
    {
        var refusal = new PeerRefusal("no, because", mayPass);
        Assert.Equal(refusal, PeerWire.DecodeRefusal(PeerWire.EncodeRefusal(refusal)));
        var longest = PeerWire.EncodeRefusal(new(new('x', 10_000), mayPass));
        Assert.InRange(longest.Length, 1000, PeerWire.IntroductionBytesMax);
        Assert.Equal(mayPass, PeerWire.DecodeRefusal(longest).MayPass);
        Assert.Throws<PeerWireException>(() => PeerWire.DecodeRefusal([]));
    }

    [Fact]
    public void An_introduction_comes_back_as_it_was() =>
        Assert.Equal(
            Introduction, PeerWire.DecodeIntroduction(PeerWire.EncodeIntroduction(Introduction)));

    [Fact]
    public void An_introduction_cut_anywhere_is_refused()
    {
        var bytes = PeerWire.EncodeIntroduction(Introduction);
        for (var length = 0; length < bytes.Length; length++)
        {
            // One of version 1 ends there.
            if (length != Fields.Length / 2)
                Assert.Throws<PeerWireException>(() => PeerWire.DecodeIntroduction(bytes.AsSpan(0, length)));
        }
    }

    [Fact]
    public void Every_flipped_bit_of_a_frame_is_noticed()
    {
        var frame = PeerWire.EncodeFrame((byte)PeerFrameKind.Forward, "some payload"u8);
        for (var bit = 0; bit < frame.Length * 8; bit++)
        {
            var damaged = frame.ToArray();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<PeerWireException>(() =>
            {
                var length = PeerWire.ReadLength(damaged, 1 << 20);
                var payload = new byte[length];
                damaged.AsSpan(PeerWire.HeaderBytes, Math.Min(length, damaged.Length - PeerWire.HeaderBytes))
                    .CopyTo(payload);
                PeerWire.CheckFrame(damaged, payload);
            });
        }
    }

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);
}
