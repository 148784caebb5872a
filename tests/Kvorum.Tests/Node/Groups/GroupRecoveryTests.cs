using System.Globalization;
using Kvorum.Node;
using Kvorum.Node.Groups;
using Kvorum.Node.Membership;
using Kvorum.Node.State;
using Kvorum.Node.Wire;
using Kvorum.Raft;
using Kvorum.Storage.Log;

namespace Kvorum.Tests.Node.Groups;

public class GroupRecoveryTests
{
    private static readonly GroupId One = new(1);
    private static readonly Configuration Three = new() { Voters = [new(1), new(2), new(3)] };

    [Fact]
    public void Later_entries_replace_earlier_ones_and_what_lies_behind()
    {
        var recovery = Replay(null, (1, 1), (2, 1), (3, 1), (2, 2));
        var (_, log) = recovery.Recovered(One, SnapshotMetadata.Initial(Three));
        Assert.Equal((2UL, 2UL), (log.LastIndex.Value, log.TermOf(new(2))!.Value.Value));
    }

    [Fact]
    public void Entries_below_the_checkpoint_are_left_out()
    {
        var checkpoint = new SnapshotMetadata(new(2), new(1), Three);
        var (_, log) = Replay(checkpoint, (1, 1), (2, 1), (3, 1), (4, 2)).Recovered(One, checkpoint);
        Assert.Equal((3UL, 4UL), (log.FirstIndex.Value, log.LastIndex.Value));
    }

    [Fact]
    public void A_log_that_went_astray_under_an_installed_snapshot_is_void()
    {
        var checkpoint = new SnapshotMetadata(new(2), new(5), Three);
        var (_, log) = Replay(checkpoint, (1, 1), (2, 1), (3, 1)).Recovered(One, checkpoint);
        Assert.Equal((3UL, 2UL), (log.FirstIndex.Value, log.LastIndex.Value));
    }

    [Fact]
    public void A_log_that_was_not_told_of_an_installed_snapshot_lacks_it()
    {
        var checkpoint = new SnapshotMetadata(new(5), new(5), Three);
        Assert.True(Replay(checkpoint, (4, 1), (5, 1), (6, 1)).Lacks(One, checkpoint), "astray");
        Assert.True(Replay(checkpoint, (1, 1), (2, 1)).Lacks(One, checkpoint), "too short");
        Assert.False(Replay(checkpoint, (4, 1), (5, 5)).Lacks(One, checkpoint), "told");
        Assert.False(Replay(checkpoint, (6, 5)).Lacks(One, checkpoint), "goes on behind it");
        Assert.False(Replay(null, (1, 1)).Lacks(One, SnapshotMetadata.Initial(Three)), "no checkpoint");
        var marked = new LogReplayStub(checkpoint);
        marked.Entry(One, 5, 1);
        marked.Mark(5, 5);
        Assert.False(marked.Recovery.Lacks(One, checkpoint), "marked");
        var released = Replay(checkpoint);
        released.State(One, State(commit: 5));
        Assert.False(released.Lacks(One, checkpoint), "given up");
    }

    [Fact]
    public void A_log_that_does_not_reach_a_flushed_checkpoint_has_lost_its_end()
    {
        var checkpoint = new SnapshotMetadata(new(5), new(5), Three);
        Replay(checkpoint, (4, 1), (5, 5)).CheckReaches(One, checkpoint);
        foreach (var lost in new[] { Replay(checkpoint, (4, 1)), Replay(checkpoint) })
        {
            var told = Assert.Throws<LogDamagedException>(() => lost.CheckReaches(One, checkpoint));
            Assert.Contains("ends before index 5", told.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_checkpoint_that_is_durable_before_its_term_brings_it_without_a_vote()
    {
        var checkpoint = new SnapshotMetadata(new(2), new(5), Three);
        Assert.Equal(new(5), Replay(checkpoint).Recovered(One, checkpoint).State.Term);
        var recovery = Replay(checkpoint);
        recovery.State(One, State(commit: 0, term: 4, vote: 2));
        Assert.Equal(new(new(5), null, default), recovery.Recovered(One, checkpoint).State);
        recovery.State(One, State(commit: 0, term: 6, vote: 2));
        Assert.Equal(new(new(6), new NodeId(2), default), recovery.Recovered(One, checkpoint).State);
    }

    /// <summary>What was acknowledged behind a snapshot that the log was not told of is missed.</summary>
    [Fact]
    public void A_void_log_that_knows_more_for_committed_is_damage()
    {
        var checkpoint = new SnapshotMetadata(new(2), new(5), Three);
        var recovery = Replay(checkpoint, (1, 1), (2, 1), (3, 5));
        recovery.State(One, State(commit: 3));
        Assert.Throws<LogDamagedException>(() => recovery.Recovered(One, checkpoint));
    }

    private static byte[] State(byte commit, byte term = 5, byte vote = 0) => Convert.FromHexString(
        $"01{term:x2}00000000000000{(vote == 0 ? 0 : 1):x2}{vote:x2}" + new string('0', 30)
            + $"{commit:x2}00000000000000");

    [Fact]
    public void The_mark_of_a_snapshot_makes_the_entries_behind_it_count()
    {
        var checkpoint = new SnapshotMetadata(new(2), new(5), Three);
        var batch = new LogReplayStub(checkpoint);
        batch.Entry(One, 1, 1);
        batch.Entry(One, 2, 1);
        batch.Entry(One, 3, 1);
        batch.Mark(2, 5);
        batch.Entry(One, 3, 6);
        var (_, log) = batch.Recovery.Recovered(One, checkpoint);
        Assert.Equal((3UL, 6UL), (log.LastIndex.Value, log.TermOf(new(3))!.Value.Value));
    }

    [Fact]
    public void A_gap_is_damage() =>
        Assert.Contains("lacks entries 2 to 2", Assert.Throws<LogDamagedException>(() => Replay(null, (1, 1), (3, 1))).Message, StringComparison.Ordinal);

    [Fact]
    public void A_gap_behind_the_checkpoint_is_damage()
    {
        var checkpoint = new SnapshotMetadata(new(2), new(1), Three);
        var recovery = Replay(checkpoint, (4, 1));
        Assert.Throws<LogDamagedException>(() => recovery.Recovered(One, checkpoint));
    }

    [Fact]
    public void The_newest_state_counts()
    {
        var recovery = new GroupRecovery(new Dictionary<GroupId, SnapshotMetadata>());
        recovery.State(One, Convert.FromHexString("01" + "0300000000000000" + "01" + "02000000000000000000000000000000" + "0700000000000000"));
        var (state, _) = recovery.Recovered(One, new(new(7), new(3), Three));
        Assert.Equal(new HardState(new(3), new NodeId(2), new(7)), state);
        Assert.Throws<FormatException>(() => recovery.State(One, [9, 9]));
    }

    // The log gives up entries only when it knows them for committed: here they are in no checkpoint either.
    [Fact]
    public void What_is_committed_and_nowhere_is_damage()
    {
        var batch = new LogReplayStub(null);
        batch.Entry(One, 1, 3);
        batch.Recovery.State(One, Convert.FromHexString(
            "01" + "0300000000000000" + "00" + "00000000000000000000000000000000" + "0200000000000000"));
        Assert.Throws<LogDamagedException>(
            () => batch.Recovery.Recovered(One, SnapshotMetadata.Initial(Three)));
        batch.Entry(One, 2, 3);
        var (_, log) = batch.Recovery.Recovered(One, SnapshotMetadata.Initial(Three));
        Assert.Equal(new(2), log.LastIndex);
    }

    /// <summary>
    /// A checkpoint that cannot be read is stood for by what the log holds and knows for committed, with the
    /// configuration that the changes up to there have made of the one in the birth record.
    /// </summary>
    [Theory]
    [InlineData(0, 0, "1:1 2:+4 3:1", 0, "0 of 1 2 3")]
    [InlineData(0, 0, "1:1 2:+4 3:1", 1, "1 of 1 2 3")]
    [InlineData(0, 0, "1:1 2:+4 3:1", 2, "2 of 1 2 3 / 4")]
    [InlineData(0, 0, "1:1 2:+4 3:1", 9, "3 of 1 2 3 / 4")]
    [InlineData(0, 0, "1:1 2:+4 3:-4", 9, "3 of 1 2 3")]
    // What the birth record has, it has already: the log may hold it too.
    [InlineData(0, 5, "4:+4 5:1 6:1", 6, "6 of 1 2 3")]
    [InlineData(0, 5, "4:+4 5:1 6:+5", 6, "6 of 1 2 3 / 5")]
    [InlineData(0, 5, "6:+5 7:1", 7, "7 of 1 2 3 / 5")]
    // Nothing is known for committed, and the beginning is not there.
    [InlineData(0, 5, "6:+5 7:1", 5, "none")]
    [InlineData(0, 5, "1:1 2:1", 0, "none")]
    [InlineData(0, 0, "", 0, "none")]
    // A snapshot was installed: its mark begins the log, and its configuration is in the record.
    [InlineData(5, 5, "6:+5", 6, "6 of 1 2 3 / 5")]
    [InlineData(5, 5, "6:+5", 5, "5 of 1 2 3")]
    public void What_is_committed_in_the_log_stands_for_a_lost_checkpoint(
        ulong mark, ulong birthAt, string entries, byte commit, string found)
    {
        var stub = new LogReplayStub(null);
        if (mark > 0)
            stub.Mark(mark, 1);
        foreach (var entry in entries.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var what = entry.Split(':')[1];
            var index = ulong.Parse(entry.Split(':')[0], CultureInfo.InvariantCulture);
            if (what[0] is '+' or '-')
                stub.Change(index, what[0] == '+', new((UInt128)(what[1] - '0')));
            else
                stub.Entry(One, index, 1);
        }

        stub.Recovery.State(One, State(commit));
        var birth = new GroupBirth(One, new(1), "k", new(0), KeyspaceSettings.Strong, Three)
        {
            At = new(birthAt),
        };
        Assert.Equal(found, Told(stub.Recovery.NewestCommitted(birth)));
    }

    [Fact]
    public void A_change_that_does_not_fit_what_was_before_is_damage()
    {
        var stub = new LogReplayStub(null);
        stub.Change(1, isAdded: false, new(9));
        stub.Recovery.State(One, State(commit: 1));
        var birth = new GroupBirth(One, new(1), "k", new(0), KeyspaceSettings.Strong, Three);
        var told = Assert.Throws<LogDamagedException>(() => stub.Recovery.NewestCommitted(birth));
        Assert.Contains("at entry 1", told.Message, StringComparison.Ordinal);
    }

    /// <summary>Of a replica that was deleted, term and vote are left, and no entry.</summary>
    [Fact]
    public void What_a_deleted_replica_had_is_void_but_for_term_and_vote()
    {
        var recovery = Replay(null, (1, 1), (2, 1));
        var (term, vote) = (new Term(6), new NodeId(2));
        byte[] removed = [2, .. State(commit: 0, term: 6, vote: 2)[1..], 3];
        recovery.State(One, removed);
        Assert.Equal([(One, new HardState(term, vote, default))], recovery.Former);
        Assert.IsType<Removed>(recovery.StandingOf(One));
        var (state, log) = recovery.Recovered(One, SnapshotMetadata.Initial(Three));
        Assert.Equal((new HardState(term, vote, default), default), (state, log.LastIndex));
        // It is here again: it goes on with them, and its entries count from the first.
        recovery.State(One, State(commit: 0, term: 6, vote: 2));
        recovery.Entry(One, 7, [7, 0, 0, 0, 0, 0, 0, 0, GroupRecords.SnapshotMark]);
        recovery.Entry(One, 8, [7, 0, 0, 0, 0, 0, 0, 0, 1, 42]);
        Assert.Empty(recovery.Former);
        (state, log) = recovery.Recovered(One, new(new(7), new(7), Three));
        Assert.Equal((new(7), null, new(8)), (state.Term, state.Vote, log.LastIndex));
    }

    private static string Told(SnapshotMetadata? snapshot)
    {
        if (snapshot is null)
            return "none";
        var (index, members) = (snapshot.Index.Value, snapshot.Configuration);
        var learners = string.Concat(members.Learners.Select(static node => $" / {node.Value}"));
        return $"{index} of {string.Join(' ', members.Voters.Select(static node => node.Value))}{learners}";
    }

    private static GroupRecovery Replay(SnapshotMetadata? checkpoint, params (ulong Index, ulong Term)[] entries)
    {
        var stub = new LogReplayStub(checkpoint);
        foreach (var (index, term) in entries)
            stub.Entry(One, index, term);
        return stub.Recovery;
    }

    private sealed class LogReplayStub(SnapshotMetadata? checkpoint)
    {
        public GroupRecovery Recovery { get; } = new(
            checkpoint is null ? new Dictionary<GroupId, SnapshotMetadata>() : new() { [One] = checkpoint });

        public void Entry(GroupId group, ulong index, ulong term) => Recovery.Entry(group, index, [(byte)term, 0, 0, 0, 0, 0, 0, 0, 1, 42]);

        public void Change(ulong index, bool isAdded, NodeId node)
        {
            var bytes = new ByteWriter();
            bytes.U64(1);
            bytes.U8((byte)EntryKind.Configuration);
            var kind = isAdded ? MemberChangeKind.AddLearner : MemberChangeKind.Remove;
            ConfigurationCodec.Encode(new ConfigurationChange([new(kind, node)]), bytes);
            Recovery.Entry(One, index, bytes.Written);
        }

        public void Mark(ulong index, ulong term) => Recovery.Entry(One, index, [(byte)term, 0, 0, 0, 0, 0, 0, 0, GroupRecords.SnapshotMark]);
    }
}
