using Kvorum.Node.Groups;

namespace Kvorum.Tests.Node.Groups;

/// <summary>
/// The side with a majority goes on; a side that cannot have one any more, or not in time, stands still.
/// </summary>
public class DisputeJudgeTests
{
    [Theory]
    // voters, agreeing, differing, is it over
    [InlineData(3, 1, 1, false, "Wait")]
    [InlineData(3, 2, 1, false, "GoOn")]
    [InlineData(3, 1, 2, false, "Quarantine")]
    [InlineData(3, 1, 1, true, "Quarantine")]
    [InlineData(3, 2, 1, true, "GoOn")]
    // Two voters: none has a majority alone.
    [InlineData(2, 1, 1, false, "Quarantine")]
    [InlineData(2, 2, 0, false, "GoOn")]
    // Half of an even number is no majority.
    [InlineData(4, 2, 1, false, "Wait")]
    [InlineData(4, 2, 2, false, "Quarantine")]
    [InlineData(4, 3, 1, false, "GoOn")]
    [InlineData(5, 2, 2, false, "Wait")]
    [InlineData(5, 3, 2, false, "GoOn")]
    [InlineData(5, 2, 3, false, "Quarantine")]
    [InlineData(5, 2, 2, true, "Quarantine")]
    // A learner counts nothing itself.
    [InlineData(3, 0, 1, false, "Wait")]
    [InlineData(3, 0, 2, false, "Quarantine")]
    [InlineData(3, 2, 0, false, "GoOn")]
    public void A_majority_of_the_voters_decides(
        int voters, int agreeing, int differing, bool isOver, string verdict) =>
        Assert.Equal(verdict, DisputeJudge.Decide(voters, agreeing, differing, isOver).ToString());

    // Whatever was heard so far, never two sides of one dispute go on.
    [Fact]
    public void Two_sides_never_go_on()
    {
        for (var voters = 1; voters <= 7; voters++)
        {
            for (var one = 0; one <= voters; one++)
            {
                var other = voters - one;
                var both = DisputeJudge.Decide(voters, one, other, true) == DisputeVerdict.GoOn
                    && DisputeJudge.Decide(voters, other, one, true) == DisputeVerdict.GoOn;
                Assert.False(both, $"{voters} voters, {one} and {other}");
            }
        }
    }
}
