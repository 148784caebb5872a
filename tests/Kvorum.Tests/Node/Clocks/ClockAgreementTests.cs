using Kvorum.Node.Clocks;

namespace Kvorum.Tests.Node.Clocks;

public class ClockAgreementTests
{
    private const long Year = 365L * 24 * 3600 * 1000;

    // The own clock is 0; members, what is heard, what is agreed, how many agree.
    public static TheoryData<int, long[], long?, int> Cases => new()
    {
        { 1, [0], 0, 1 },
        { 2, [0, 300], 0, 2 },
        { 2, [0, 501], null, 1 },
        { 2, [0], null, 1 },
        { 3, [0, 100, -100], 0, 3 },
        { 3, [0, 10 * Year, 100], 0, 2 },
        { 3, [0, -10 * Year, -10 * Year + 200], -10 * Year, 2 },
        { 3, [0, Year, -Year], null, 1 },
        { 3, [0], null, 1 },
        { 3, [0, 400, 800], 0, 2 },
        { 4, [0, 0, Year, Year], null, 2 },
        { 5, [0, 3600_000, 3600_100, 3600_300, -Year], 3600_100, 3 },
        { 5, [0, 100, 200], 100, 3 },
        { 5, [0, 100], null, 2 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_majority_within_the_bound_decides(int members, long[] heard, long? agreed, int agreeing)
    {
        var verdict = ClockAgreement.Judge([.. heard], members, 500);
        Assert.Equal((agreed, agreeing, heard.Length), (verdict.AgreedMs, verdict.Agreeing, verdict.Heard));
    }

    [Fact]
    public void A_minority_of_clocks_never_moves_it_beyond_what_right_clocks_show()
    {
        var random = new Random(4);
        for (var run = 0; run < 5000; run++)
        {
            var members = random.Next(1, 10);
            var wrong = random.Next(0, ((members - 1) / 2) + 1);
            var right = Draw(random, members - wrong, 250);
            var others = Draw(random, wrong, Year);
            long[] heard = [.. right, .. others];
            var agreed = Assert.NotNull(ClockAgreement.Judge([.. heard], members, 500).AgreedMs);
            Assert.InRange(agreed, right.Min() - 500, right.Max() + 500);
        }
    }

    private static long[] Draw(Random random, int count, long most) =>
        [.. Enumerable.Range(0, count).Select(_ => random.NextInt64(-most, most))];
}
