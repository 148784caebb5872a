using Kvorum.Raft;
using Kvorum.Simulator.Groups;

namespace Kvorum.Tests.Raft;

/// <summary>What a replica keeps over a restart, and what it refuses to start from.</summary>
public class RestartTests
{
    private static readonly Configuration Three = new() { Voters = [new(1), new(2), new(3)] };

    [Fact]
    public void A_vote_that_was_answered_is_never_given_twice()
    {
        var disk = new MemoryLog(Three);
        var node = Start(disk);
        node.Step(Ask(from: 2, term: 5));
        var ready = node.TakeReady();
        Assert.Empty(ready.Messages);
        Assert.Equal(new HardState(new(5), new NodeId(2), default), ready.HardState);
        Assert.True(((RequestVoteReply)Assert.Single(ready.MessagesAfterPersist)).Granted);
        disk.Write(ready);

        var again = Start(disk);
        Assert.Equal(new Term(5), again.Term);
        again.Step(Ask(from: 3, term: 5));
        Assert.False(Replies(again).OfType<RequestVoteReply>().Single().Granted);
    }

    [Fact]
    public void Acknowledged_entries_and_their_configuration_are_there_again()
    {
        var disk = new MemoryLog(Three);
        var node = Start(disk);
        var change = new System.Buffers.ArrayBufferWriter<byte>();
        var learner = new MemberChange(MemberChangeKind.AddLearner, new(4));
        ConfigurationCodec.Encode(new ConfigurationChange([learner]), change);
        Entry[] entries =
        [
            new(new(1), new(2), EntryKind.Noop, default),
            new(new(2), new(2), EntryKind.Configuration, change.WrittenMemory),
            new(new(3), new(2), EntryKind.Command, "x"u8.ToArray()),
        ];
        node.Step(Append(term: 2, previous: 0, entries, commit: 2));
        disk.Write(node.TakeReady());

        var again = Start(disk);
        Assert.Equal(new LogIndex(3), again.LastIndex);
        Assert.Equal([new NodeId(4)], again.Configuration.Learners);
        Assert.Empty(again.ConfigurationAt(new(1))!.Learners);
        Assert.Equal([new NodeId(4)], again.ConfigurationAt(new(2))!.Learners);
    }

    [Fact]
    public void A_follower_acknowledges_what_it_was_sent_and_not_its_stale_tail()
    {
        var disk = new MemoryLog(Three);
        var tail = Enumerable.Range(1, 5)
            .Select(i => new Entry(new((ulong)i), new(1), EntryKind.Command, default)).ToArray();
        var state = new HardState(new(1), null, default);
        disk.Write(new Ready { Sequence = 1, HardState = state, Entries = tail });
        var node = Start(disk);
        node.Step(Append(term: 2, previous: 2, [], commit: 4, previousTerm: 1));
        Assert.Equal(new LogIndex(2), Replies(node).OfType<AppendEntriesReply>().Single().Index);
        Assert.Equal(new LogIndex(2), node.CommitIndex);
        Entry[] noop = [new(new(3), new(2), EntryKind.Noop, default)];
        node.Step(Append(term: 2, previous: 2, noop, commit: 9, previousTerm: 1));
        Assert.Equal(new LogIndex(3), Replies(node).OfType<AppendEntriesReply>().Single().Index);
        Assert.Equal(new LogIndex(3), node.LastIndex);
        Assert.Equal(new LogIndex(3), node.CommitIndex);
    }

    [Fact]
    public void A_new_leadership_starts_its_indices_anew()
    {
        var disk = new MemoryLog(Three);
        var node = Start(disk, new RaftOptions { Id = new(1), PreVote = false, CheckQuorum = false });
        Lead(node, disk);
        Replies(node, disk);
        node.Step(new AppendEntriesReply
        {
            From = new(2),
            To = new(1),
            Term = node.Term,
            Rejected = false,
            Index = node.LastIndex,
            HintIndex = default,
            HintTerm = default,
        });
        Assert.Equal(node.LastIndex, node.ProgressOf(new(2))!.Value.Match);
        node.Step(new HeartbeatReply { From = new(3), To = new(1), Term = new(9), ReadRound = 0 });
        Assert.Equal(Role.Follower, node.Role);
        Assert.Null(node.ProgressOf(new(2)));
        Lead(node, disk);
        Assert.Equal(default, node.ProgressOf(new(2))!.Value.Match);
        Assert.Equal(node.LastIndex, node.ProgressOf(new(2))!.Value.Next);
    }

    [Fact]
    public void State_that_contradicts_itself_is_refused_and_named()
    {
        var disk = new MemoryLog(Three);
        disk.Write(new Ready { Sequence = 1, Entries = [new(new(1), new(3), EntryKind.Noop, default)] });
        Refused(disk, new HardState(new(3), null, new(2)), default, "2 is committed, but the log ends at 1");
        Refused(disk, new HardState(new(3), null, default), new(2), "applied 2, but the log ends at 1");
        var older = new HardState(new(2), null, default);
        Refused(disk, older, default, "ends in term 3, but the hard state knows only term 2");
        disk.Compact(new(1), Three);
        var good = new HardState(new(3), null, default);
        Refused(disk, good, default, "applied 0, less than the snapshot at 1");
    }

    private static void Refused(MemoryLog disk, HardState state, LogIndex applied, string naming)
    {
        var problem = Assert.Throws<ArgumentException>(
            () => new RaftNode(new RaftOptions { Id = new(1) }, disk, state, applied, new Random(1)));
        Assert.Contains(naming, problem.Message, StringComparison.Ordinal);
    }

    private static void Lead(RaftNode node, MemoryLog disk)
    {
        node.Campaign();
        Replies(node, disk);
        node.Step(new RequestVoteReply
        {
            From = new(2),
            To = new(1),
            Term = node.Term,
            PreVote = false,
            Granted = true,
        });
        Assert.Equal(Role.Leader, node.Role);
    }

    private static RaftNode Start(MemoryLog disk, RaftOptions? options = null) =>
        new(options ?? new RaftOptions { Id = new(1) }, disk, disk.HardState, disk.Snapshot.Index, new(1));

    private static List<Message> Replies(RaftNode node, MemoryLog? disk = null)
    {
        var ready = node.TakeReady();
        disk?.Write(ready);
        if (disk is not null) node.Persisted(ready);
        return [.. ready.Messages, .. ready.MessagesAfterPersist];
    }

    private static RequestVote Ask(ulong from, ulong term) => new()
    {
        From = new(from),
        To = new(1),
        Term = new(term),
        PreVote = false,
        LastIndex = default,
        LastTerm = default,
        Transfer = true,
    };

    private static AppendEntries Append(
        ulong term, ulong previous, Entry[] entries, ulong commit, ulong previousTerm = 0) => new()
        {
            From = new(2),
            To = new(1),
            Term = new(term),
            PreviousIndex = new(previous),
            PreviousTerm = new(previousTerm),
            Entries = entries,
            Commit = new(commit),
        };
}
