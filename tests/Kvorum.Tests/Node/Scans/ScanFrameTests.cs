using Kvorum.Node.Scans;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Quorum;
using Kvorum.Raft;

namespace Kvorum.Tests.Node.Scans;

public class ScanFrameTests
{
    private static readonly PartialScanRequest Ask = new(
        0x0102, 3, new(new("a"u8.ToArray(), "b"u8.ToArray()), true, true, 4, 5, ReadConsistency.Lease),
            64, [new(new(7)), new(new(9))]);

    [Fact]
    public void A_question_has_golden_bytes_and_is_read_back()
    {
        var bytes = Bytes(Ask);
        Assert.Equal(
            "0201000000000000" + "03000000" + "03" + "01" + "04000000" + "05000000"
                + "0100000061" + "0100000062"
            + "40000000" + "02000000" + "07000000" + "09000000",
            Convert.ToHexStringLower(bytes));
        Assert.Equal(bytes, Bytes(ScanCodec.DecodeAsk(bytes)));
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<FormatException>(() => ScanCodec.DecodeAsk(bytes.AsMemory(0, length)));
    }

    [Fact]
    public void A_share_has_golden_bytes_and_is_read_back()
    {
        var entries = new ByteWriter();
        ScanPageCodec.WriteEntry(entries, "k"u8, 1, "v"u8);
        var bytes = Bytes(new PartialScanResult
        {
            Id = 2,
            Groups = [new(7)],
            Refused = [new(new(9), new NodeId(3)), new(new(10), null)],
            Through = "k"u8.ToArray(),
            Count = 1,
            Entries = entries.ToArray(),
        });
        Assert.Equal(
            "0200000000000000" + "00" + "0100000007000000" + "02000000"
            + "09000000" + "03000000000000000000000000000000"
                + "0a000000" + "00000000000000000000000000000000"
            + "010000006b" + "00000000" + "01000000" + "010000006b" + "0100000000000000" + "0100000076",
            Convert.ToHexStringLower(bytes));
        Assert.Equal(bytes, Bytes(ScanCodec.DecodeShare(bytes)));
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<FormatException>(() => ScanCodec.DecodeShare(bytes.AsMemory(0, length)));
    }

    [Fact]
    public void A_question_to_replicas_has_golden_bytes_and_is_read_back()
    {
        AskedGroup[] groups = [new(new(7), new(1)), new(new(9), new(2))];
        var bytes = Bytes(Ask with { RecordTimeMs = 258, Groups = groups });
        Assert.Equal(
            "0201000000000000" + "03000000" + "07" + "01" + "04000000" + "05000000"
                + "0100000061" + "0100000062"
            + "40000000" + "02000000" + "07000000" + "09000000"
            + "0201000000000000" + "0100000000000000" + "0200000000000000",
            Convert.ToHexStringLower(bytes));
        Assert.Equal(bytes, Bytes(ScanCodec.DecodeAsk(bytes)));
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<FormatException>(() => ScanCodec.DecodeAsk(bytes.AsMemory(0, length)));
    }

    [Fact]
    public void A_share_of_a_replica_has_golden_bytes_and_is_read_back()
    {
        var entries = new ByteWriter();
        new ShareEntry("k"u8.ToArray(), new(new(1), new(2)), false, "v"u8.ToArray()).Write(entries, true);
        new ShareEntry("l"u8.ToArray(), new(new(3), new(4)), true, default).Write(entries, true);
        var bytes = Bytes(new PartialScanResult
        {
            Id = 2,
            HasRecords = true,
            Groups = [new(7)],
            Refused = [new(new(9), null, RefusalReason.Damaged)],
            Through = "l"u8.ToArray(),
            Count = 2,
            Entries = entries.ToArray(),
        });
        Assert.Equal(
            "0200000000000000" + "04" + "0100000007000000" + "01000000" + "0900000003"
            + "010000006c" + "00000000" + "02000000"
            + "010000006b" + "0000000000000001" + "0000000000000002" + "00" + "0100000076"
            + "010000006c" + "0000000000000003" + "0000000000000004" + "01" + "00000000",
            Convert.ToHexStringLower(bytes));
        Assert.Equal(bytes, Bytes(ScanCodec.DecodeShare(bytes)));
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<FormatException>(() => ScanCodec.DecodeShare(bytes.AsMemory(0, length)));
    }

    [Fact]
    public void A_share_that_cannot_be_had_says_why()
    {
        var bytes = Bytes(new PartialScanResult { Id = 2, Error = "no", IsUnavailable = true });
        Assert.Equal(
            "0200000000000000" + "02" + "00000000" + "00000000" + "00000000" + "02000000" + "6e6f"
                + "00000000",
            Convert.ToHexStringLower(bytes));
        var read = ScanCodec.DecodeShare(bytes);
        Assert.Equal((true, false, "no"), (read.IsUnavailable, read.IsComplete, read.Error));
    }

    [Theory]
    [InlineData(64, 256 << 10)]
    [InlineData(32, 128 << 10)]
    [InlineData(1, 16 << 10)]
    public void A_share_gets_its_part_of_the_page(int groups, int bytes) => Assert.Equal(
        bytes, (Ask with { Order = Ask.Order with { PageBytes = 256 << 10 } }).ShareBytes(groups));

    private static byte[] Bytes(PartialScanRequest ask)
    {
        var writer = new ByteWriter();
        ScanCodec.Encode(ask, writer);
        return writer.ToArray();
    }

    private static byte[] Bytes(PartialScanResult share)
    {
        var writer = new ByteWriter();
        ScanCodec.Encode(share, writer);
        return writer.ToArray();
    }
}
