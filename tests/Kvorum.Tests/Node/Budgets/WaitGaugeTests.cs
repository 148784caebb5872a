using Kvorum.Node.Budgets;

namespace Kvorum.Tests.Node.Budgets;

public class WaitGaugeTests
{
    private readonly WaitGauge _gauge = new();

    [Fact]
    public void It_tells_what_the_slowest_twentieth_took_at_least()
    {
        for (var ms = 0; ms < 20; ms++)
            _gauge.Add(ms);
        Assert.Equal(19, _gauge.TakeSlowMs());
        _gauge.Add(30);
        for (var n = 0; n < 99; n++)
            _gauge.Add(2);
        Assert.Equal(2, _gauge.TakeSlowMs());
    }

    [Fact]
    public void What_was_read_is_gone()
    {
        Assert.Null(_gauge.TakeSlowMs());
        _gauge.Add(5);
        Assert.Equal(5, _gauge.TakeSlowMs());
        Assert.Null(_gauge.TakeSlowMs());
    }

    [Fact]
    public void It_is_exact_for_short_waits_and_right_to_an_eighth_for_long_ones()
    {
        for (var ms = 0L; ms < 32_000; ms += 1 + (ms / 100))
        {
            _gauge.Add(ms);
            var told = _gauge.TakeSlowMs();
            Assert.InRange(told ?? -1, ms < 32 ? ms : ms - (ms / 8), ms);
        }

        _gauge.Add(long.MaxValue);
        Assert.InRange(_gauge.TakeSlowMs() ?? -1, 32_000, long.MaxValue);
        _gauge.Add(-1);
        Assert.Equal(0, _gauge.TakeSlowMs());
    }
}
