using System.Text;
using Kvorum.Node.Groups;
using Kvorum.Node.Membership;
using Kvorum.Node.Replicas;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage.Lsm.Trees;
using Kvorum.Tests.Node.Replicas.Harness;

namespace Kvorum.Tests.Node.Replicas;

/// <summary>
/// Nothing comes back before the log batch that it waits for is durable, and all of it in order.
/// </summary>
public sealed class DurableQueueTests : IDisposable
{
    private static readonly NodeId One = new(1);
    private static readonly NodeId Two = new(2);
    private readonly ScriptHost _host = new(One, [One, Two], new StringBuilder());
    private readonly TreeShare _share;
    private readonly Tree _tree;
    private readonly DurableQueue _queue;
    private ulong _sequence;

    public DurableQueueTests()
    {
        _share = new(_host.Files, 1 << 20);
        _tree = Tree.Open(_share, "tree", new());
        var snapshot = SnapshotMetadata.Initial(new() { Voters = [One, Two] });
        var log = new GroupLog(snapshot);
        var raft = new RaftNode(
            new()
            {
                Id = One,
                HeartbeatTicks = 5,
                ElectionTimeoutMinTicks = 50,
                ElectionTimeoutMaxTicks = 60,
            },
            log, default, default, new(1));
        // The queue only hands its owner to the host.
        _queue = new(_host, null!, new(
            new(new(1), KeyspaceName.Default, default), _tree,
            new KeyValueMachine(_tree, 0, 1000, 10), log, raft)
        {
            State = default,
            History = HistoryMark.Empty,
            Birth = GroupBirth.OfMetadata([One, Two]),
        });
    }

    public void Dispose()
    {
        _tree.Dispose();
        _share.Dispose();
    }

    [Fact]
    public void A_Ready_with_nothing_to_write_is_done_at_once_unless_others_are_before_it()
    {
        Assert.True(_queue.Add(ReadyOf()));
        Assert.False(_queue.Add(ReadyOf(new HardState(new(1), One, default))));
        Assert.False(_queue.Add(ReadyOf()));
        Assert.Equal([], Taken());
        _queue.Durable(_host.CurrentBatch);
        Assert.Equal([2UL, 3], Taken());
        Assert.True(_queue.Add(ReadyOf()));
    }

    /// <summary>A commit index alone is only a hint for restarts: it rides along.</summary>
    [Fact]
    public void A_commit_index_alone_is_not_written()
    {
        Assert.True(_queue.Add(ReadyOf(new HardState(default, null, new(5)))));
        Assert.Equal(default, _queue.State);
        Assert.Equal(0UL, _host.CurrentBatch);
    }

    [Fact]
    public void Answers_and_releases_wait_for_what_was_written_before_them()
    {
        _queue.PersistTermAndVote(new(new(3), Two, new(9)));
        Assert.Equal(new HardState(new(3), Two, default), _queue.State);
        Message vote = new RequestVoteReply
        {
            From = One,
            To = Two,
            Term = new(3),
            PreVote = false,
            Granted = true,
        };
        _queue.AddAnswers([vote]);
        _host.Turn();
        _queue.Release(new(4));
        Assert.Equal(new(4), _queue.State.Commit);
        Assert.False(_queue.TryTakeAnswers(out _));
        _queue.Durable(1);
        Assert.True(_queue.TryTakeAnswers(out var messages));
        Assert.Equal([vote], messages);
        Assert.False(_queue.TryTakeRelease(out _));
        _queue.Durable(2);
        Assert.True(_queue.TryTakeRelease(out var upTo));
        Assert.Equal(new(4), upTo);
    }

    /// <summary>Of what was held, term and vote are durable, and perhaps newer ones.</summary>
    [Fact]
    public void A_held_Ready_does_not_bring_back_an_older_term()
    {
        _queue.PersistTermAndVote(new(new(5), Two, default));
        Assert.False(_queue.Add(ReadyOf(new HardState(new(4), One, new(7)))));
        Assert.Equal(new HardState(new(5), Two, new(7)), _queue.State);
    }

    [Fact]
    public void A_vote_does_not_change_within_its_term()
    {
        _queue.PersistTermAndVote(new(new(5), Two, default));
        Assert.Throws<InvariantException>(
            () => _queue.PersistTermAndVote(new(new(5), One, default)));
        Assert.Throws<InvariantException>(() => _queue.PersistTermAndVote(new(new(4), One, default)));
    }

    [Fact]
    public void Batches_become_durable_in_order()
    {
        _queue.WriteStanding(new Discarded(null));
        _host.Turn();
        _queue.WriteStanding(null);
        _queue.Durable(2);
        Assert.Throws<InvariantException>(() => _queue.Durable(1));
        Assert.Throws<InvariantException>(() => _queue.Durable(3));
    }

    private Ready ReadyOf(HardState? state = null) => new() { Sequence = ++_sequence, HardState = state };

    private ulong[] Taken()
    {
        var taken = new List<ulong>();
        while (_queue.TryTakeReady(out var ready))
            taken.Add(ready.Sequence);
        return [.. taken];
    }
}
