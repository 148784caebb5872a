using Kvorum.Node;
using Kvorum.Node.Replicas;
using Kvorum.Node.Wire;

namespace Kvorum.Tests.Node.Replicas;

public class SnapshotCodecTests
{
    [Fact]
    public void Pieces_have_these_bytes()
    {
        var writer = new ByteWriter();
        SnapshotCodec.Encode(new SnapshotChunk(new(7), 2, new(5), 9, 100, 50, "tag"u8.ToArray(), "piece"u8.ToArray()), writer);
        Assert.Equal(
            "07000000" + "0200000000000000" + "0500000000000000" + "0900000000000000"
                + "6400000000000000" + "3200000000000000" + "03000000" + "746167" + "7069656365",
            Convert.ToHexStringLower(writer.Written));
        var chunk = SnapshotCodec.DecodeChunk(writer.ToArray());
        Assert.Equal(
            (new GroupId(7), 2UL, 9UL, 100L, 50L),
            (chunk.Group, chunk.Transfer, chunk.Identity, chunk.Total, chunk.Offset));
        Assert.Equal("piece"u8, chunk.Bytes.Span);
    }

    [Fact]
    public void Answers_have_these_bytes()
    {
        var writer = new ByteWriter();
        foreach (var answer in Enum.GetValues<SnapshotAnswer>())
        {
            writer.Clear();
            SnapshotCodec.Encode(new SnapshotAck(new(7), 2, 50, answer), writer);
            Assert.Equal(
                "07000000" + "0200000000000000" + "3200000000000000" + $"0{(byte)answer}",
                Convert.ToHexStringLower(writer.Written));
            Assert.Equal(new SnapshotAck(new(7), 2, 50, answer), SnapshotCodec.DecodeAck(writer.ToArray()));
        }

        Assert.Equal((byte)3, (byte)SnapshotAnswer.Busy);
    }
}
