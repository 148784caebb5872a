using Kvorum.Node.Groups;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage.Log;
using Kvorum.Tests.Storage;

namespace Kvorum.Tests.Node.Groups;

/// <summary>States, tags and digests come back as they were, and are these bytes.</summary>
public class GroupRecordsTests
{
    private static readonly HardState Hard = new(new(5), new NodeId(2), new(7));

    [Fact]
    public void A_state_keeps_why_its_replica_does_not_take_part()
    {
        GroupState[] states =
        [
            new(Hard, null),
            new(Hard, new Quarantined(new(9), 3, 4, false, new(6))),
            new(Hard, new Quarantined(new(9), 0xaaaa, 0xbbbb, true, new(6))),
            new(Hard, new Discarded(null)),
            new(Hard, new Discarded(new NodeId(6))),
            new(Hard, new Removed()),
        ];
        foreach (var state in states)
            Assert.Equal(state, GroupRecords.ReadState(Written(state)));
        const string head =
            "0500000000000000" + "01" + "02000000000000000000000000000000" + "0700000000000000";
        Assert.Equal("01" + head, Convert.ToHexString(Written(states[0])));
        Assert.Equal(
            "02" + head + "01" + "0900000000000000" + "01" + "AAAA000000000000" + "BBBB000000000000"
                + "06000000000000000000000000000000",
            Convert.ToHexString(Written(states[2])));
        Assert.Equal(
            "02" + head + "02" + "06000000000000000000000000000000", Convert.ToHexString(Written(states[4])));
        Assert.Equal("02" + head + "03", Convert.ToHexString(Written(states[5])));
    }

    [Fact]
    public void A_state_of_another_make_is_refused()
    {
        var plain = Written(new(Hard, null));
        var discarded = Written(new(Hard, new Discarded(null)));
        var removed = Written(new(Hard, new Removed()));
        byte[][] wrong =
        [
            plain[..^1], [.. plain, 0], discarded[..^1], [9, .. plain[1..]], removed[..^1], [.. removed, 0],
            [.. removed[..^1], 4],
        ];
        foreach (var bytes in wrong)
            Assert.Throws<FormatException>(() => GroupRecords.ReadState(bytes));
    }

    [Fact]
    public void A_tag_keeps_the_history()
    {
        var configuration = new Configuration { Voters = [new(1), new(2), new(3)] };
        HistoryMark history = new(new(9), 0x1234, [new(new(1), new(1), 0x11), new(new(4), new(6), 0x44)]);
        var tag = new CheckpointTag(new(new(9), new(4), configuration), 1000, history);
        var read = GroupRecords.ReadTag(GroupRecords.EncodeTag(tag));
        Assert.Equal(history.Starts, read.History.Starts);
        Assert.Equal((history.Index, history.Hash), (read.History.Index, read.History.Hash));
        Assert.Equal((tag.Snapshot.Index, tag.Snapshot.Term), (read.Snapshot.Index, read.Snapshot.Term));
        Assert.Equal(configuration.Voters, read.Snapshot.Configuration.Voters);
        Assert.StartsWith(
            "04" + "E803000000000000" + "0900000000000000" + "0400000000000000" + "3412000000000000" + "02"
                + "0100000000000000" + "0100000000000000" + "1100000000000000",
            Convert.ToHexString(GroupRecords.EncodeTag(tag)), StringComparison.Ordinal);
    }

    [Fact]
    public void Digests_come_as_they_were_sent()
    {
        GroupDigest[] digests =
        [
            new(new(7), true, false, null, [new(new(3), 0x33), new(new(256), 0x66)]),
            new(new(8), false, true, null, []),
            new(new(9), false, false, new Discarded(new NodeId(6)), []),
            new(new(10), false, false, new Discarded(null), []),
        ];
        var writer = new ByteWriter();
        foreach (var digest in digests)
            DigestCodec.Encode(digest, writer);
        Assert.StartsWith(
            "07000000" + "01" + "02" + "0300000000000000" + "3300000000000000" + "0001000000000000"
                + "6600000000000000" + "08000000" + "02" + "00" + "09000000" + "04"
                + "06000000000000000000000000000000" + "00",
            Convert.ToHexString(writer.Written), StringComparison.Ordinal);
        var reader = new ByteReader(writer.ToArray());
        foreach (var digest in digests)
        {
            var read = DigestCodec.Decode(ref reader);
            Assert.Equal(digest with { Points = [] }, read with { Points = [] });
            Assert.Equal(digest.Points, read.Points);
        }

        Assert.True(reader.AtEnd);
        byte[] newer = [7, 0, 0, 0, 8, 0];
        Assert.Throws<FormatException>(() =>
        {
            var from = new ByteReader(newer);
            DigestCodec.Decode(ref from);
        });
    }

    private static byte[] Written(GroupState state)
    {
        var batch = new LogBatch();
        GroupRecords.Add(batch, new(1), state);
        var disk = new CrashFileSystem();
        var jobs = new PumpedJobs();
        using (var log = SharedLog.Open(disk, "log", new() { SegmentBytes = 1 << 16 }, jobs, new States()))
        {
            log.Append(batch, static (_, failure) => Assert.Null(failure));
            jobs.RunAll();
        }

        var states = new States();
        using (SharedLog.Open(disk, "log", new() { SegmentBytes = 1 << 16 }, jobs, states))
            return states.Bytes!;
    }

    private sealed class States : ILogReplay
    {
        public byte[]? Bytes { get; private set; }

        public void Entry(uint group, ulong index, ReadOnlySpan<byte> payload)
        {
        }

        public void State(uint group, ReadOnlySpan<byte> payload) => Bytes = payload.ToArray();
    }
}
