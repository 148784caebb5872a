using Kvorum.Node.Membership;
using Kvorum.Raft;

namespace Kvorum.Tests.Node.Membership;

public class LeaderTableTests
{
    [Fact]
    public void Each_group_has_its_own_leader_and_term_and_the_table_grows()
    {
        var leaders = new LeaderTable();
        Assert.Equal((null, default(Term)), leaders.At(new(1)));
        leaders.Set(new(1), new(7), new(4));
        leaders.Set(new(2), null, new(5));
        Assert.Equal(
            [null, new NodeId(7), null],
            Enumerable.Range(0, 3).Select(group => leaders.Of(new((uint)group))));
        Assert.Equal((new NodeId(7), new Term(4)), leaders.At(new(1)));
        Assert.Equal(new Term(5), leaders.At(new(2)).Term);
        leaders.Set(new(1), null, new(6));
        Assert.Equal((null, new Term(6)), leaders.At(new(1)));
        leaders.Set(new(500), new(9), new(8));
        Assert.Equal((new NodeId(9), new Term(8)), leaders.At(new(500)));
        Assert.Equal((null, new Term(6)), leaders.At(new(1)));
        Assert.Equal((null, default(Term)), leaders.At(new(1_000_000)));
    }
}
