using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Kvorum.Protocol;

namespace Kvorum.Tests.Protocol;

public class FrameCodecTests
{
    [Fact]
    public void Check_value_of_CRC_32C() => Assert.Equal(0xe3069283u, FrameCodec.Crc32C("123456789"u8));

    [Fact]
    public void A_frame_has_golden_bytes()
    {
        var writer = new ArrayBufferWriter<byte>();
        NativeCodec.Write(writer, NativeFrameKind.Cancel, 0x0102030405060708);
        Assert.Equal("09000000" + "eafc795d" + "09" + "0807060504030201",
            Convert.ToHexStringLower(writer.WrittenSpan));
    }

    [Fact]
    public void A_frame_is_whole_or_more_is_needed()
    {
        var frame = Frame(NativeFrameKind.Error, 7, "oh"u8);
        for (var length = 0; length < frame.Length; length++)
        {
            Assert.False(NativeCodec.TryRead(frame.AsMemory(0, length), out var known, out _));
            Assert.Equal(length < 4 ? 0 : frame.Length, known);
        }

        Assert.True(NativeCodec.TryRead((byte[])[.. frame, 1, 2], out var size, out var read));
        Assert.Equal(frame.Length, size);
        Assert.Equal((NativeFrameKind.Error, 7ul, "oh"),
            (read.Kind, read.Correlation, Encoding.UTF8.GetString(read.Body.Span)));
    }

    [Fact]
    public void Every_flipped_bit_is_noticed()
    {
        var frame = Frame(NativeFrameKind.Error, 7, "some words"u8);
        for (var bit = 32; bit < frame.Length * 8; bit++)
        {
            var broken = frame.ToArray();
            broken[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<FormatException>(() => NativeCodec.TryRead(broken, out _, out _));
        }
    }

    [Theory]
    [InlineData(0u)]
    [InlineData((uint)Limits.FrameBytesMax - 7)]
    [InlineData(uint.MaxValue)]
    public void A_wrong_length_is_refused_before_the_rest_is_here(uint length)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, length);
        Assert.Throws<FormatException>(() => NativeCodec.TryRead(bytes, out _, out _));
    }

    [Fact]
    public void The_largest_frame_is_taken()
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Limits.FrameBytesMax - 8);
        Assert.False(NativeCodec.TryRead(bytes, out var size, out _));
        Assert.Equal(Limits.FrameBytesMax, size);
    }

    [Fact]
    public void A_frame_without_room_for_its_correlation_is_refused()
    {
        var bytes = new byte[12];
        FrameCodec.Seal(bytes, 1);
        Assert.Throws<FormatException>(() => NativeCodec.TryRead(bytes, out _, out _));
    }

    [Fact]
    public void Requests_and_replies_travel_in_frames()
    {
        var writer = new ArrayBufferWriter<byte>();
        NativeCodec.WriteRequest(writer, 5, 1500, new GetRequest { Key = "k"u8.ToArray() });
        Assert.True(NativeCodec.TryRead(writer.WrittenMemory, out var size, out var frame));
        Assert.Equal(
            (writer.WrittenCount, NativeFrameKind.Request, 5ul), (size, frame.Kind, frame.Correlation));
        var (timeoutMs, request) = NativeCodec.ReadRequest(frame.Body);
        Assert.Equal(1500u, timeoutMs);
        Assert.Equal("k"u8.ToArray(), RequestCodec.DecodeRequest(request).Key.ToArray());
        Assert.Throws<FormatException>(() => NativeCodec.ReadRequest(new byte[3]));

        writer.ResetWrittenCount();
        NativeCodec.WriteReply(writer, 6, new Reply { Status = ReplyStatus.Ok, Version = 9 });
        Assert.True(NativeCodec.TryRead(writer.WrittenMemory, out _, out frame));
        Assert.Equal(9ul, RequestCodec.DecodeReply(frame.Body).Version);
    }

    [Fact]
    public void What_does_not_fit_into_a_frame_is_refused_when_written()
    {
        var writer = new ArrayBufferWriter<byte>();
        var tooLarge = new byte[Limits.FrameBytesMax];
        Assert.Throws<ArgumentException>(() => NativeCodec.WriteRequest(
            writer, 1, 1, new PutRequest { Key = "k"u8.ToArray(), Value = tooLarge }));
        Assert.Throws<ArgumentException>(() => NativeCodec.WriteReply(
            writer, 1, new Reply { Status = ReplyStatus.Ok, Value = tooLarge }));
        Assert.Equal(0, writer.WrittenCount);
    }

    [Fact]
    public void Hellos_survive()
    {
        var cluster = Guid.Parse("00112233-4455-6677-8899-aabbccddeeff");
        var writer = new ArrayBufferWriter<byte>();
        NativeCodec.WriteHello(writer, "me");
        NativeCodec.TryRead(writer.WrittenMemory, out _, out var frame);
        Assert.Equal((NativeCodec.Version, "me"), NativeCodec.ReadHello(frame.Body));

        writer.ResetWrittenCount();
        NativeCodec.WriteHelloReply(writer, cluster, "n1");
        NativeCodec.TryRead(writer.WrittenMemory, out _, out frame);
        Assert.Equal("010000112233445566778899aabbccddeeff026e31", Convert.ToHexStringLower(frame.Body.Span));
        Assert.Equal((NativeCodec.Version, cluster, "n1"), NativeCodec.ReadHelloReply(frame.Body));
        Assert.Throws<FormatException>(() => NativeCodec.ReadHello(new byte[] { 0, 0, 0 }));
        Assert.Throws<FormatException>(() => NativeCodec.ReadHelloReply(new byte[5]));
    }

    private static byte[] Frame(NativeFrameKind kind, ulong correlation, ReadOnlySpan<byte> body)
    {
        var writer = new ArrayBufferWriter<byte>();
        NativeCodec.Write(writer, kind, correlation, body);
        return writer.WrittenSpan.ToArray();
    }
}
