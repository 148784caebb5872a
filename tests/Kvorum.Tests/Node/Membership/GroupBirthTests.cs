using Kvorum.Node;
using Kvorum.Node.Membership;
using Kvorum.Node.State;
using Kvorum.Node.Wire;
using Kvorum.Raft;
using Kvorum.Storage.Log;
using Kvorum.Tests.Storage;

namespace Kvorum.Tests.Node.Membership;

public class GroupBirthTests
{
    private static readonly GroupBirth Birth = new(
        new(7), new(2), "orders", new(3), KeyspaceSettings.Strong,
        new() { Voters = [new(1), new(2)], Learners = [new(9)] })
    {
        At = new(5),
    };

    private static readonly string Bytes = "02" + "02000000" + "03000000" + "06000000" + "6f7264657273"
        + "06000000" + "7374726f6e67"
        + "0500000000000000" + "01" + "0200"
        + "01" + new string('0', 30) + "02" + new string('0', 30) + "0000"
        + "0100" + "09" + new string('0', 30) + "0000";

    [Fact]
    public void A_birth_record_has_golden_bytes_and_is_read_back_from_the_log()
    {
        var batch = new LogBatch();
        BirthRecords.Add(batch, Birth, new ByteWriter());
        var disk = new CrashFileSystem();
        var jobs = new PumpedJobs();
        using (var log = SharedLog.Open(disk, "log", new() { SegmentBytes = 4096 }, jobs, new States()))
        {
            log.Append(batch, static (_, failure) => Assert.Null(failure));
            jobs.RunAll();
        }

        var found = new States();
        SharedLog.Open(disk, "log", new() { SegmentBytes = 4096 }, jobs, found).Dispose();
        Assert.Equal([(1073741824u + 7, Bytes)], found.All);
        Assert.Equal(new(7), BirthRecords.GroupOf(1073741824u + 7));
        var read = BirthRecords.Read(new(7), Convert.FromHexString(Bytes));
        Assert.Equal(Birth with { First = read.First }, read);
        Assert.Equal(Birth.First.Voters, read.First.Voters);
        Assert.Equal(Birth.First.Learners, read.First.Learners);
    }

    [Fact]
    public void What_is_not_known_is_a_format_error()
    {
        var bytes = Convert.FromHexString(Bytes);
        for (var length = 0; length < bytes.Length; length++)
            Assert.ThrowsAny<FormatException>(() => BirthRecords.Read(new(7), bytes.AsSpan(0, length)));
        Assert.Throws<FormatException>(() => BirthRecords.Read(new(7), [1, .. bytes[1..]]));
        // Another mode than strong.
        var other = Bytes.Replace("7374726f6e67", "7374726f6e68", StringComparison.Ordinal);
        Assert.Throws<FormatException>(() => BirthRecords.Read(new(7), Convert.FromHexString(other)));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(1073741823u)]
    [InlineData(NodeRecords.MembersGroup)]
    [InlineData(NodeRecords.LivesGroup)]
    public void What_else_the_log_keeps_is_no_birth_record(uint logGroup) =>
        Assert.Null(BirthRecords.GroupOf(logGroup));

    [Fact]
    public void Five_founders_vote_in_the_metadata_group_and_the_others_learn()
    {
        var birth = GroupBirth.OfMetadata(
            Enumerable.Range(1, 7).Reverse().Select(static id => new NodeId((uint)id)));
        Assert.Equal([1u, 2, 3, 4, 5], birth.First.Voters.Select(static id => (uint)id.Value));
        Assert.Equal([6u, 7], birth.First.Learners.Select(static id => (uint)id.Value));
    }

    /// <summary>A node does not hold all partitions of a keyspace.</summary>
    [Fact]
    public void The_births_of_a_folder_tell_of_its_groups()
    {
        GroupBirth[] births =
        [
            GroupBirth.OfMetadata([new(1)]), Birth with { Group = new(9), Partition = new(5) }, Birth,
        ];
        var directory = GroupBirth.DirectoryOf(births);
        Assert.Equal("partition 5 of keyspace 'orders'", directory.NameOf(new(9)));
        Assert.Equal("partition 0 of keyspace 'orders'", directory.NameOf(new(4)));
        Assert.Equal("the metadata group", directory.NameOf(GroupId.Metadata));
    }

    private sealed class States : ILogReplay
    {
        public List<(uint Group, string Bytes)> All { get; } = [];

        public void Entry(uint group, ulong index, ReadOnlySpan<byte> payload)
        {
        }

        public void State(uint group, ReadOnlySpan<byte> payload) =>
            All.Add((group, Convert.ToHexStringLower(payload)));
    }
}
