using Kvorum.Node;
using Kvorum.Node.Groups;
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

        public void Mark(ulong index, ulong term) => Recovery.Entry(One, index, [(byte)term, 0, 0, 0, 0, 0, 0, 0, GroupRecords.SnapshotMark]);
    }
}
