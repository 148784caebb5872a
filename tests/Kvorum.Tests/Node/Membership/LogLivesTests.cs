using Kvorum.Node;
using Kvorum.Node.Groups;
using Kvorum.Node.Membership;
using Kvorum.Node.Wire;
using Kvorum.Raft;
using Kvorum.Storage.Log;
using Limits = Kvorum.Node.Limits;

namespace Kvorum.Tests.Node.Membership;

public class LogLivesTests
{
    // Lives 7, 8 and 9 begin at frames 0, 10 and 30; the log ends with frame 35.
    private static readonly LogLives Lives = LogLives.None.With(new(7, 0)).With(new(8, 10)).With(new(9, 30));

    [Theory]
    [InlineData(7, 10, true)]
    [InlineData(7, 11, false)]
    [InlineData(8, 1, true)]
    [InlineData(8, 30, true)]
    [InlineData(8, 31, false)]
    [InlineData(9, 35, true)]
    [InlineData(9, 36, false)]
    [InlineData(6, 1, false)]
    public void A_log_holds_what_was_remembered_or_has_lost_it(ulong life, ulong sequence, bool holds) =>
        Assert.Equal(holds, Lives.Hold(new(life, sequence), durable: 35));

    [Fact]
    public void The_number_of_lives_is_bounded_and_what_is_older_is_not_compared()
    {
        var lives = LogLives.None;
        for (ulong n = 1; n <= (ulong)Limits.LogLivesMax + 5; n++)
            lives = lives.With(new(n, n * 10));
        Assert.Equal(Limits.LogLivesMax, lives.Count);
        // Life 6 is the oldest one that is known, and began at frame 60.
        Assert.True(lives.Hold(new(3, 40), 99_999));
        Assert.True(lives.Hold(new(12345, 60), 99_999));
        Assert.False(lives.Hold(new(12345, 61), 99_999));
        Assert.True(lives.Hold(new(6, 70), 99_999));
    }

    [Fact]
    public void Golden_bytes_of_the_records_of_a_node()
    {
        var batch = new LogBatch();
        NodeRecords.Add(batch, LogLives.None.With(new(0x0102, 0x03)), new ByteWriter());
        var members = new SortedDictionary<NodeId, RememberedMember>
        {
            [new(2)] = new(0x0a, new(0x0b, 0x0c), 0x0d),
        };
        NodeRecords.Add(batch, members, new ByteWriter());
        Assert.Equal(
            "01" + "01000000" + "0201000000000000" + "0300000000000000",
            Written.Of(batch, NodeRecords.LivesGroup));
        Assert.Equal(
            "01" + "01000000" + "02" + new string('0', 30) + "0a" + new string('0', 30)
                + "0b00000000000000" + "0c00000000000000" + "0d00000000000000",
            Written.Of(batch, NodeRecords.MembersGroup));

        var read = new NodeReplay(new GroupRecovery(new Dictionary<GroupId, SnapshotMetadata>()));
        read.State(NodeRecords.LivesGroup, Convert.FromHexString(Written.Of(batch, NodeRecords.LivesGroup)));
        var bytes = Convert.FromHexString(Written.Of(batch, NodeRecords.MembersGroup));
        read.State(NodeRecords.MembersGroup, bytes);
        Assert.Equal(new(0x0102, 3), read.Lives.Newest);
        Assert.Equal(members, read.Members);
        Assert.Throws<FormatException>(() => read.State(NodeRecords.LivesGroup, [9]));
    }

    // What a log gives back of a batch.
    private static class Written
    {
        public static string Of(LogBatch batch, uint group)
        {
            var disk = new CrashFileSystem();
            var jobs = new Kvorum.Tests.Storage.PumpedJobs();
            var states = new States();
            using (var log = SharedLog.Open(disk, "log", new() { SegmentBytes = 4096 }, jobs, states))
            {
                log.Append(batch, static (_, _) => { });
                jobs.RunAll();
            }

            SharedLog.Open(disk, "log", new() { SegmentBytes = 4096 }, jobs, states).Dispose();
            return states.ByGroup[group];
        }
    }

    private sealed class States : ILogReplay
    {
        public SortedDictionary<uint, string> ByGroup { get; } = [];

        public void Entry(uint group, ulong index, ReadOnlySpan<byte> payload)
        {
        }

        public void State(uint group, ReadOnlySpan<byte> payload) =>
            ByGroup[group] = Convert.ToHexStringLower(payload);
    }
}
