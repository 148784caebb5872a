using Kvorum.Node.Placement;
using Kvorum.Protocol;

namespace Kvorum.Tests.Node.Placement;

/// <summary>How many replicas must be up, of which the failures that are tolerated are worked out.</summary>
public class QuorumNumbersTests
{
    // Replicas, W, R (0: a majority), sloppy; then what writes and reads need, and what may fail.
    [Theory]
    [InlineData(1, 0, 0, false, 1, 0)]
    [InlineData(2, 0, 0, false, 2, 0)]
    [InlineData(3, 0, 0, false, 2, 1)]
    [InlineData(4, 0, 0, false, 3, 1)]
    [InlineData(5, 0, 0, false, 3, 2)]
    [InlineData(3, 3, 1, false, 3, 0)]
    [InlineData(3, 1, 3, false, 3, 0)]
    [InlineData(3, 1, 1, false, 1, 2)]
    [InlineData(5, 4, 2, false, 4, 1)]
    [InlineData(5, 2, 4, false, 4, 1)]
    // Others stand in for writes: reads alone need replicas.
    [InlineData(3, 3, 1, true, 1, 2)]
    [InlineData(3, 0, 0, true, 2, 1)]
    [InlineData(5, 5, 4, true, 4, 1)]
    // Fewer nodes than replicas are wanted.
    [InlineData(2, 3, 1, false, 3, -1)]
    public void The_stronger_of_both_quorums_must_be_up(
        int replicas, int write, int read, bool isSloppy, int needed, int tolerated)
    {
        var numbers = new QuorumNumbers(write, read, isSloppy);
        Assert.Equal(needed, numbers.NeededOf(replicas));
        Assert.Equal(tolerated, replicas - numbers.NeededOf(replicas));
    }

    [Fact]
    public void A_request_is_served_by_its_own_quorum()
    {
        var numbers = new QuorumNumbers(2, 2, IsSloppy: true) { AllowsClientTime = true };
        var put = new PutRequest { Key = default, Value = default, Quorum = QuorumLevel.All };
        var asked = numbers.For(put, 3);
        Assert.Equal((3, 2, true, true), (
            asked.WriteQuorum, asked.ReadQuorum, asked.IsSloppy, asked.AllowsClientTime));
        var stale = new GetRequest { Key = default, Consistency = ReadConsistency.Stale };
        Assert.Equal(1, numbers.For(stale, 3).ReadQuorum);
    }
}
