using Kvorum.Node;
using Kvorum.Raft;
using Kvorum.Server.Peers;

namespace Kvorum.Tests.Server.Peers;

public class PeerWireTests
{
    private static readonly PeerIntroduction Introduction = new(
        new PeerHello(new(0x0102), "n1", "h:1", "h:2", "") { FoundingId = 0x0C0D, ClusterId = 0x0A0B },
        new NodeId(0x0304), 0x1122334455667788);

    [Fact]
    public void Golden_bytes_of_an_opening()
    {
        var bytes = PeerWire.EncodeOpening(PeerWire.Hello, PeerWire.EncodeIntroduction(Introduction));
        Assert.Equal(
            "4b5650454552" + "0900"
            + "58000000" + "cafb2463" + "f0"
            + "00000000000000000000000000000c0d" + "00000000000000000000000000000a0b"
            + "00000000000000000000000000000102"
            + "00000000000000000000000000000304"
            + "8877665544332211" + "02006e31" + "0300683a31" + "0300683a32" + "0000",
            Hex(bytes));
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
            Assert.Throws<PeerWireException>(() => PeerWire.DecodeIntroduction(bytes.AsSpan(0, length)));
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
