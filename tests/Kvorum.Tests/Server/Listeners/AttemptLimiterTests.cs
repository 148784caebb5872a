using Kvorum.Server.Listeners;

namespace Kvorum.Tests.Server.Listeners;

/// <summary>How long a source of failed logins waits.</summary>
public class AttemptLimiterTests
{
    private readonly AttemptLimiter _limiter = new(sourcesMax: 100);

    [Fact]
    public void Each_failure_beyond_the_free_ones_doubles_the_wait_up_to_a_bound()
    {
        List<long> waits = [];
        for (var n = 1; n <= 16; n++)
        {
            Assert.Equal(n, _limiter.Failed("a", 0));
            waits.Add(_limiter.Begin("a", 0));
        }

        Assert.Equal([0, 0, 0, 0, 0, 0, 0, 50, 100, 200, 400, 800, 1000, 1000, 1000, 1000], waits);
        Assert.Equal(0, _limiter.Begin("b", 0));
    }

    [Fact]
    public void A_login_and_a_long_silence_are_a_new_start()
    {
        for (var n = 0; n < 40; n++)
            _limiter.Failed("a", 0);
        Assert.Equal(AttemptLimiter.WaitMaxMs, _limiter.Begin("a", 0));
        _limiter.LoggedIn("a", 0);
        Assert.Equal(0, _limiter.Begin("a", 0));
        for (var n = 0; n < 40; n++)
            _limiter.Failed("a", 0);
        Assert.Equal(AttemptLimiter.WaitMaxMs, _limiter.Begin("a", AttemptLimiter.MemoryMs - 1));
        Assert.Equal(0, _limiter.Begin("a", (2 * AttemptLimiter.MemoryMs) - 1));
    }

    [Fact]
    public void A_source_that_has_not_logged_in_begins_so_many_attempts_a_second()
    {
        var begun = 0;
        while (_limiter.Begin("a", 0) == 0)
            begun++;
        Assert.Equal(AttemptLimiter.BurstMax, begun);
        Assert.Equal(20, _limiter.Begin("a", 0));
        Assert.Equal(0, _limiter.Begin("a", 1000));
        for (var n = 0; n < 10_000; n++)
            Assert.InRange(_limiter.Begin("a", 1000), 0, AttemptLimiter.WaitMaxMs);
        _limiter.LoggedIn("b", 0);
        for (var n = 0; n < 10_000; n++)
            Assert.Equal(0, _limiter.Begin("b", 0));
    }

    [Fact]
    public void The_table_is_bounded_and_forgets_who_was_heard_of_longest_ago()
    {
        for (var n = 0; n < 20; n++)
            _limiter.Failed("patient", 0);
        for (var n = 0; n < 10_000; n++)
        {
            _limiter.Failed($"10.0.{n / 256}.{n % 256}", n);
            if (n % 10 == 0)
                Assert.Equal(AttemptLimiter.WaitMaxMs, _limiter.Begin("patient", n));
            Assert.InRange(_limiter.SourceCount, 1, 100);
        }
    }
}
