using Kvorum.Node.Replicas;
using Kvorum.Node.Wire;

namespace Kvorum.Tests.Node.Replicas;

public class SnapshotCodecTests
{
    [Fact]
    public void Pieces_have_these_bytes()
    {
        var writer = new ByteWriter();
        SnapshotCodec.Encode(new SnapshotChunk(7, 2, new(5), 100, 50, "tag"u8.ToArray(), "piece"u8.ToArray()), writer);
        Assert.Equal(
            "07000000" + "0200000000000000" + "0500000000000000" + "6400000000000000" + "3200000000000000" + "03000000" + "746167" + "7069656365",
            Convert.ToHexStringLower(writer.Written));
        var chunk = SnapshotCodec.DecodeChunk(writer.ToArray());
        Assert.Equal((7u, 2UL, 100L, 50L), (chunk.Group, chunk.Transfer, chunk.Total, chunk.Offset));
        Assert.Equal("piece"u8, chunk.Bytes.Span);
    }

    [Fact]
    public void Answers_have_these_bytes()
    {
        var writer = new ByteWriter();
        SnapshotCodec.Encode(new SnapshotAck(7, 2, 50, Refused: true), writer);
        Assert.Equal("07000000" + "0200000000000000" + "3200000000000000" + "01", Convert.ToHexStringLower(writer.Written));
        Assert.Equal(new SnapshotAck(7, 2, 50, true), SnapshotCodec.DecodeAck(writer.ToArray()));
        writer.Clear();
        SnapshotCodec.Encode(new SnapshotAck(7, 2, 50, Refused: true, Damaged: true), writer);
        Assert.Equal(new SnapshotAck(7, 2, 50, true, true), SnapshotCodec.DecodeAck(writer.ToArray()));
    }
}
