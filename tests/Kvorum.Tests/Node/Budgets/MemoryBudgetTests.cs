using Kvorum.Node.Budgets;

namespace Kvorum.Tests.Node.Budgets;

public class MemoryBudgetTests
{
    private readonly MemoryBudget _budget = new(1000);

    [Fact]
    public void The_largest_that_is_not_being_flushed_goes_first()
    {
        Assert.Null(_budget.PickFlush(500, [(300, false), (200, false)]));
        Assert.Equal(1, _budget.PickFlush(501, [(100, false), (301, false), (100, false)]));
        Assert.Null(_budget.PickFlush(501, [(100, false), (301, true), (100, false)]));
        Assert.Equal(2, _budget.PickFlush(1200, [(100, false), (301, true), (799, false)]));
        Assert.Null(_budget.PickFlush(1200, [(1200, true)]));
        Assert.Null(_budget.PickFlush(1200, []));
    }

    [Fact]
    public void Values_are_refused_at_the_whole_of_it_and_entries_at_twice()
    {
        Assert.False(_budget.IsSpent(999));
        Assert.True(_budget.IsSpent(1000));
        Assert.False(_budget.IsOverrun(1999));
        Assert.True(_budget.IsOverrun(2000));
    }
}
