using Kvorum.Node.Clocks;

namespace Kvorum.Tests.Node.Clocks;

public class LogClockTests
{
    private const long Start = 1_700_000_000_000;
    private const long Year = 365L * 24 * 3600 * 1000;

    [Theory]
    [InlineData(10 * Year)]
    [InlineData(-10 * Year)]
    [InlineData(3_600_000)]
    [InlineData(100)]
    public void A_jump_of_the_agreed_clock_changes_its_rate_by_a_sixteenth_at_most(long jumpMs)
    {
        var clock = Running(Start);
        var last = (ulong)Start;
        for (long now = 0; now <= 60_000; now += 7)
        {
            var time = clock.Read(now, Start + now + jumpMs);
            Assert.True(time >= last, "it runs backward");
            last = time;
            Assert.InRange((long)time - Start, now - (now / 16) - 1, now + (now / 16) + 1);
        }

        var stillOff = Math.Abs((long)last - Start - 59_997 - jumpMs);
        Assert.Equal(Math.Max(0, Math.Abs(jumpMs) - (59_997 / 16)), stillOff, 20.0);
    }

    [Fact]
    public void Without_agreement_it_goes_by_the_monotonic_clock()
    {
        var clock = Running(Start);
        Assert.Equal((ulong)Start + 5000, clock.Read(5000, null));
        Assert.Equal((ulong)Start + 100_000, clock.Read(100_000, null));
    }

    [Fact]
    public void A_leaders_is_not_behind_what_is_applied()
    {
        var clock = Running(Start);
        clock.Applied(Start + 9000, 10, null, isLeader: true);
        Assert.Equal((ulong)Start + 9000, clock.Read(10, null));
        clock.Applied(Start + 9005, 20, null, isLeader: true);
        Assert.Equal((ulong)Start + 9010, clock.Read(20, null));
    }

    [Fact]
    public void A_followers_is_set_to_what_is_applied()
    {
        var clock = Running(Start);
        clock.Applied(Start + 9000, 60_000, null, isLeader: false);
        Assert.Equal((ulong)Start + 9010, clock.Read(60_010, null));
    }

    [Fact]
    public void After_a_start_the_agreed_clocks_move_it_forward_once()
    {
        var clock = new LogClock(Start, 0);
        Assert.Equal((ulong)Start + 10, clock.Read(10, null));
        Assert.Equal((ulong)Start + 90_000, clock.Read(20, Start + 90_000));
        Assert.InRange(clock.Read(30, Start + Year), (ulong)Start + 90_010, (ulong)Start + 90_011);
    }

    [Fact]
    public void After_a_start_it_is_not_moved_back()
    {
        var clock = new LogClock(Start, 0);
        Assert.Equal((ulong)Start, clock.Read(0, Start - Year));
    }

    [Fact]
    public void A_write_or_an_entry_that_was_written_since_ends_the_catching_up()
    {
        var clock = new LogClock(Start, 0);
        clock.Written();
        Assert.InRange(clock.Read(16, Start + Year), (ulong)Start + 16, (ulong)Start + 17);

        clock = new LogClock(Start, 0);
        Assert.Equal((ulong)Start + 10, clock.ReadForWrite(10, null, Start + Year));
        Assert.InRange(clock.Read(26, Start + Year), (ulong)Start + 26, (ulong)Start + 27);
    }

    [Fact]
    public void A_log_without_any_time_begins_at_the_agreed_clocks_or_the_own()
    {
        Assert.Equal((ulong)Start, new LogClock(0, 0).ReadForWrite(5, Start, Start + Year));
        Assert.Equal((ulong)Start, new LogClock(0, 0).ReadForWrite(5, null, Start));
    }

    [Fact]
    public void Who_steps_down_takes_back_what_is_not_applied()
    {
        var clock = new LogClock(Start, 0);
        Assert.Equal((ulong)(Start + Year), clock.Read(10, Start + Year));
        clock.SteppedDown(20);
        Assert.Equal((ulong)Start + 30, clock.Read(30, null));
    }

    private static LogClock Running(long time)
    {
        var clock = new LogClock((ulong)time, 0);
        clock.Written();
        return clock;
    }
}
