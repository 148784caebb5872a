using Kvorum.Simulator.Clocks;
using Kvorum.Simulator.World;

namespace Kvorum.Tests.Simulator.World;

public class SchedulerTests
{
    [Fact]
    public void Events_happen_by_time_and_those_of_one_moment_in_the_order_of_planning()
    {
        var scheduler = new Scheduler();
        var random = new RandomStream(1, "test");
        var expected = new List<(long Time, int Number)>();
        var happened = new List<(long Time, int Number)>();
        for (var number = 0; number < 2000; number++)
        {
            var event1 = (Time: random.Between(0, 50), Number: number);
            expected.Add(event1);
            scheduler.At(event1.Time, () => happened.Add((scheduler.NowUs, event1.Number)));
        }

        while (scheduler.RunNext(1000))
        {
        }

        Assert.Equal(expected.Order(), happened);
    }

    [Fact]
    public void Time_stands_between_events_and_never_falls()
    {
        var scheduler = new Scheduler();
        scheduler.At(10, () => scheduler.At(5, () => Assert.Equal(10, scheduler.NowUs)));
        Assert.False(scheduler.RunNext(9));
        Assert.True(scheduler.RunNext(10));
        Assert.True(scheduler.RunNext(10));
        Assert.False(scheduler.RunNext(1000));
        Assert.Equal(2, scheduler.Happened);
    }

    [Fact]
    public void Purposes_do_not_move_each_other()
    {
        var alone = new RandomStream(7, "network");
        Assert.Equal(new RandomStream(7, "network").Next(), alone.Next());
        Assert.NotEqual(new RandomStream(7, "disk").Next(), new RandomStream(7, "network").Next());
        Assert.NotEqual(new RandomStream(7, "network", 1).Next(), new RandomStream(7, "network").Next());
        Assert.NotEqual(new RandomStream(8, "network").Next(), new RandomStream(7, "network").Next());
    }

    [Fact]
    public void A_clock_drifts_and_jumps_and_its_monotonic_time_never_falls()
    {
        var scheduler = new Scheduler();
        var clock = new SimulatedClock(scheduler, startUs: 500, wallOffsetUs: 0);
        var wall = clock.GetUtcNow();
        clock.Drift(100_000);
        scheduler.At(1000, static () => { });
        scheduler.RunNext(1000);
        Assert.Equal(1600, clock.GetTimestamp());
        clock.Drift(-500_000);
        scheduler.At(2000, static () => { });
        scheduler.RunNext(2000);
        Assert.Equal(2100, clock.GetTimestamp());
        Assert.Equal(200, clock.WorldTimeFor(100));
        clock.Jump(-1_000_000);
        Assert.Equal(2100, clock.GetTimestamp());
        Assert.Equal(wall.AddMicroseconds(1600 - 1_000_000), clock.GetUtcNow());
    }
}
