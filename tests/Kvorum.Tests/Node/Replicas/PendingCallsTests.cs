using Kvorum.Node;
using Kvorum.Node.Replicas;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Replicas;

/// <summary>Writes wait for their index, calls without a leader for a change.</summary>
public class PendingCallsTests
{
    private readonly PendingCalls _pending = new();

    [Fact]
    public void Calls_that_wait_for_a_leader_are_taken_all_at_once()
    {
        var (a, b) = (CallOf(), CallOf());
        _pending.Wait(a);
        _pending.Wait(b);
        Assert.Equal(2, _pending.Count);
        Assert.True(_pending.TryTakeWaiting(out var calls));
        Assert.Equal([a, b], calls);
        Assert.False(_pending.TryTakeWaiting(out _));
        // What waits again while they are asked for is not lost among them.
        _pending.Wait(a);
        Assert.Equal([a, b], calls);
        Assert.Equal(1, _pending.Count);
    }

    /// <summary>
    /// The entry at its index decides what becomes of a write, also when its caller is answered.
    /// </summary>
    [Fact]
    public void A_sweep_keeps_proposals_and_drops_what_waited()
    {
        var (waiting, proposed) = (CallOf(), CallOf());
        _pending.Wait(waiting);
        _pending.Propose(new(4), new(1), proposed);
        var looked = new List<Call>();
        _pending.Sweep(call =>
        {
            looked.Add(call);
            call.IsDone = true;
        });
        Assert.Equal([waiting, proposed], looked);
        Assert.False(_pending.TryTakeWaiting(out _));
        Assert.Equal(1, _pending.Proposed);
        Assert.True(_pending.TryTakeProposal(new(4), out var proposal));
        Assert.Same(proposed, proposal.Call);
        Assert.Equal(0, _pending.Count);
    }

    private static TestCall CallOf() =>
        new(new DeleteRequest { Key = "k"u8.ToArray() }, TimeSpan.FromSeconds(1));
}
