using Kvorum.Node;
using Kvorum.Node.Replicas;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Replicas;

/// <summary>Reads of one turn share a question; each is served once its index is applied.</summary>
public class PendingReadsTests
{
    private readonly PendingReads _reads = new();

    [Fact]
    public void Reads_of_a_turn_are_asked_for_together_and_by_their_kind()
    {
        var (a, b, c) = (CallOf(), CallOf(), CallOf());
        _reads.Add(a, byLease: false);
        _reads.Add(b, byLease: true);
        _reads.Add(c, byLease: false);
        Assert.True(_reads.TryAsk(out var first, out var mode));
        Assert.Equal(ReadMode.Confirmed, mode);
        Assert.True(_reads.TryAsk(out var second, out mode));
        Assert.Equal(ReadMode.Lease, mode);
        Assert.False(_reads.TryAsk(out _, out _));
        Assert.NotEqual(first, second);
        Assert.True(_reads.TryTakeAnswered(first, out var calls));
        Assert.Equal([a, c], calls);
        Assert.False(_reads.TryTakeAnswered(first, out _));
        Assert.True(_reads.TryTakeAnswered(second, out calls));
        Assert.Equal([b], calls);
        Assert.Equal(0, _reads.Count);
    }

    [Fact]
    public void Confirmed_reads_wait_until_their_index_is_applied()
    {
        var (early, late) = (CallOf(), CallOf());
        _reads.Await(new(9), [late]);
        _reads.Await(new(5), [early]);
        Assert.False(_reads.TryTakeApplied(4, out _));
        Assert.True(_reads.TryTakeApplied(5, out var calls));
        Assert.Equal([early], calls);
        Assert.False(_reads.TryTakeApplied(8, out _));
        Assert.Equal(1, _reads.Count);
        Assert.True(_reads.TryTakeApplied(9, out calls));
        Assert.Equal([late], calls);
    }

    [Fact]
    public void A_sweep_looks_at_all_that_were_asked_for_and_keeps_those_that_are_not_done()
    {
        var (over, asked, confirmed) = (CallOf(), CallOf(), CallOf());
        _reads.Add(over, byLease: false);
        _reads.Add(asked, byLease: false);
        Assert.True(_reads.TryAsk(out var id, out _));
        _reads.Await(new(3), [confirmed]);
        var looked = new List<Call>();
        _reads.Sweep(call =>
        {
            looked.Add(call);
            call.IsDone = call == over;
        });
        Assert.Equal([confirmed, over, asked], looked);
        Assert.True(_reads.TryTakeAnswered(id, out var calls));
        Assert.Equal([asked], calls);
    }

    private static TestCall CallOf() =>
        new(new GetRequest { Key = "k"u8.ToArray() }, TimeSpan.FromSeconds(1));
}
