using Kvorum.Node.Budgets;

namespace Kvorum.Tests.Node.Budgets;

public class RateLimiterTests
{
    [Theory]
    [InlineData(100_000, 1000)]
    [InlineData(1_000_000, 64_000)]
    [InlineData(1L << 40, 262_144)]
    public void Over_any_time_no_more_goes_than_the_rate_allows(long rate, long piece)
    {
        var pace = new RateLimiter(rate, burstMs: 50);
        List<(long Ms, long Bytes)> taken = [];
        for (long ms = 0; ms < 5000; ms += 20)
        {
            // Nothing is asked for in the middle: what was not used does not come back as a burst.
            for (var n = 0; n < 40 && ms is < 1000 or > 3000 && pace.TryTake(piece, ms); n++)
                taken.Add((ms, piece));
        }

        var total = taken.Sum(one => one.Bytes);
        Assert.All(taken.Select(one => one.Ms).Distinct(), from => Assert.True(
            taken.Where(one => one.Ms >= from && one.Ms < from + 500).Sum(one => one.Bytes)
                <= (rate * 550 / 1000) + (2 * piece)));
        // And it is used, as far as it was asked for.
        Assert.True(total >= Math.Min(rate * 29 / 10, piece * 40 * 145));
    }

    [Fact]
    public void No_rate_is_no_bound()
    {
        var pace = new RateLimiter(0, burstMs: 50);
        Assert.All(Enumerable.Range(0, 1000), _ => Assert.True(pace.TryTake(1 << 30, 0)));
    }
}
