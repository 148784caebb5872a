using Kvorum.Node.Replicas;
using Kvorum.Raft;

namespace Kvorum.Tests.Node.Replicas;

/// <summary>
/// What rests on a snapshot that is not durable waits; what rests on term and vote does not.
/// </summary>
public class HeldReadiesTests
{
    private static readonly NodeId One = new(1);
    private static readonly NodeId Two = new(2);
    private readonly HeldReadies _held = new();

    private static Message Vote { get; } =
        new RequestVoteReply { From = One, To = Two, Term = new(1), PreVote = false, Granted = true };

    private static Message Acknowledgement { get; } = new AppendEntriesReply
    {
        From = One,
        To = Two,
        Term = new(1),
        Rejected = false,
        Index = new(3),
        HintIndex = default,
        HintTerm = default,
    };

    [Fact]
    public void Votes_leave_at_once_and_acknowledgements_wait()
    {
        _held.Begin();
        Assert.Equal([Vote], _held.Hold(ReadyOf(1, Vote, Acknowledgement)));
        var kept = Assert.Single(_held.End());
        Assert.Equal([Acknowledgement], kept.MessagesAfterPersist);
        Assert.False(_held.IsHolding);
    }

    [Fact]
    public void Of_Readies_with_nothing_left_to_do_the_last_one_is_kept()
    {
        _held.Begin();
        _held.Hold(ReadyOf(1, Acknowledgement));
        for (ulong sequence = 2; sequence <= 9; sequence++)
            _held.Hold(ReadyOf(sequence));
        Assert.Equal([1UL, 9], _held.End().Select(ready => ready.Sequence));
        _held.Begin();
        Assert.Empty(_held.End());
    }

    /// <summary>A late one with work to do comes behind: what was done before is said with it.</summary>
    [Fact]
    public void A_Ready_with_work_stands_for_those_before_it()
    {
        _held.Begin();
        _held.Hold(ReadyOf(1));
        _held.Hold(ReadyOf(2, Acknowledgement));
        Assert.Equal([2UL], _held.End().Select(ready => ready.Sequence));
    }

    [Fact]
    public void Messages_beyond_the_bound_are_lost()
    {
        _held.Begin();
        for (ulong sequence = 1; sequence <= (ulong)Kvorum.Node.Limits.ReadiesHeld + 10; sequence++)
            _held.Hold(ReadyOf(sequence, Acknowledgement));
        var readies = _held.End();
        Assert.Equal(Kvorum.Node.Limits.ReadiesHeld + 1, readies.Count);
        Assert.Empty(readies[^1].MessagesAfterPersist);
    }

    [Fact]
    public void Nothing_is_held_unless_a_snapshot_is_installed()
    {
        Assert.Throws<InvariantException>(() => _held.Hold(ReadyOf(1)));
        Assert.Throws<InvariantException>(() => _held.End());
    }

    private static Ready ReadyOf(ulong sequence, params Message[] after) =>
        new() { Sequence = sequence, MessagesAfterPersist = after };
}
