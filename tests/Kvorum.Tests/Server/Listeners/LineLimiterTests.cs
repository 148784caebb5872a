using Kvorum.Server.Listeners;

namespace Kvorum.Tests.Server.Listeners;

public class LineLimiterTests
{
    private readonly LineLimiter _limiter = new(intervalMs: 60_000, sourcesMax: 3);

    [Fact]
    public void Sixty_lines_of_one_source_are_one_and_a_count()
    {
        Assert.Equal(new(true, "a", 0), _limiter.Admit("a", 1000));
        for (var n = 1; n < 60; n++)
            Assert.Equal(new(false, "a", 0), _limiter.Admit("a", 1000 + n));
        Assert.Empty(_limiter.TakeHeldBack(60_999));
        Assert.Equal([("a", 59)], _limiter.TakeHeldBack(61_000));

        // The count was a line of its own: the minute begins anew.
        Assert.False(_limiter.Admit("a", 61_001).IsWritten);
        Assert.Equal(new(true, "a", 1), _limiter.Admit("a", 121_000));
    }

    [Fact]
    public void Sources_do_not_hold_each_other_back()
    {
        Assert.True(_limiter.Admit("a", 0).IsWritten);
        Assert.True(_limiter.Admit("b", 0).IsWritten);
        Assert.False(_limiter.Admit("a", 1).IsWritten);
        Assert.False(_limiter.Admit("b", 1).IsWritten);
        Assert.Equal([("a", 1), ("b", 1)], _limiter.TakeHeldBack(60_000 + 1));
    }

    [Fact]
    public void A_thousand_sources_are_three_and_the_others()
    {
        var written = Enumerable.Range(0, 1000).Where(n => _limiter.Admit($"{n}", n).IsWritten);
        Assert.Equal([0, 1, 2, 3], written);
        Assert.Equal(4, _limiter.SourceCount);
        Assert.Equal([(LineLimiter.Others, 996)], _limiter.TakeHeldBack(60_003));
        Assert.Equal(1, _limiter.SourceCount);
        Assert.Equal("new", _limiter.Admit("new", 60_004).Source);
    }

    [Fact]
    public void A_source_that_was_quiet_for_an_interval_is_forgotten()
    {
        _limiter.Admit("a", 0);
        Assert.Empty(_limiter.TakeHeldBack(59_999));
        Assert.Equal(1, _limiter.SourceCount);
        Assert.Empty(_limiter.TakeHeldBack(60_000));
        Assert.Equal(0, _limiter.SourceCount);
    }
}
