using Kvorum.Node.Budgets;

namespace Kvorum.Tests.Node.Budgets;

public class WaitGaugeTests
{
    private readonly WaitGauge _gauge = new();

    [Fact]
    public void It_tells_what_the_slowest_twentieth_took_at_least_and_the_mean()
    {
        for (var ms = 0; ms < 20; ms++)
            _gauge.Add(ms);
        Assert.Equal(new(19, 9.5), _gauge.Take());
        _gauge.Add(32);
        for (var n = 0; n < 99; n++)
            _gauge.Add(2);
        Assert.Equal(new(2, 2.3), _gauge.Take());
    }

    [Fact]
    public void What_was_read_is_gone()
    {
        Assert.Null(_gauge.Take());
        _gauge.Add(5);
        Assert.Equal(5, _gauge.Take()?.SlowMs);
        Assert.Null(_gauge.Take());
    }

    [Fact]
    public void It_is_exact_for_short_waits_and_right_to_an_eighth_for_long_ones()
    {
        for (var ms = 0L; ms < 32_000; ms += 1 + (ms / 100))
        {
            _gauge.Add(ms);
            var told = _gauge.Take()?.SlowMs;
            Assert.InRange(told ?? -1, ms < 32 ? ms : ms - (ms / 8), ms);
        }

        _gauge.Add(long.MaxValue);
        Assert.InRange(_gauge.Take()?.SlowMs ?? -1, 32_000, long.MaxValue);
        _gauge.Add(-1);
        Assert.Equal(0, _gauge.Take()?.SlowMs);
    }
}
