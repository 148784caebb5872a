using Kvorum.Quorum;

namespace Kvorum.Tests.Quorum;

/// <summary>
/// The clock of versions: it never goes back, whatever the machine's clock and the disk do.
/// </summary>
public class HybridClockTests
{
    private static readonly HybridClockSettings Settings = new();

    private static HybridClock Started(long nowMs, HybridTimestamp ceiling = default)
    {
        var clock = new HybridClock(Settings, ceiling);
        if (clock.CeilingWanted(nowMs) is { } wanted) clock.CeilingIsDurable(wanted);
        return clock;
    }

    private static HybridTimestamp Next(HybridClock clock, long nowMs)
    {
        Assert.True(clock.TryNext(nowMs, out var time));
        return time;
    }

    [Fact]
    public void Follows_the_machines_clock_and_counts_within_a_millisecond()
    {
        var clock = Started(1000);
        Assert.Equal(HybridTimestamp.At(1000), Next(clock, 1000));
        Assert.Equal(HybridTimestamp.At(1000, 1), Next(clock, 1000));
        Assert.Equal(HybridTimestamp.At(1000, 2), Next(clock, 400));
        Assert.Equal(HybridTimestamp.At(1001), Next(clock, 1001));
        Assert.Equal(HybridTimestamp.At(1001, 1), clock.NextAtLeast);
    }

    [Fact]
    public void A_timestamp_from_elsewhere_is_passed_by_or_refused()
    {
        var clock = Started(1000);
        Assert.True(clock.Observe(HybridTimestamp.At(1500, 7), 1000));
        Assert.Equal(HybridTimestamp.At(1500, 8), Next(clock, 1000));
        Assert.True(clock.Observe(HybridTimestamp.At(1400), 1000));
        Assert.Equal(HybridTimestamp.At(1500, 9), Next(clock, 1000));

        Assert.True(clock.Observe(HybridTimestamp.At(1000 + Settings.OffsetMaxMs, ushort.MaxValue), 1000));
        var before = clock.NextAtLeast;
        Assert.False(clock.Observe(HybridTimestamp.At(1001 + Settings.OffsetMaxMs), 1000));
        Assert.False(clock.Observe(HybridTimestamp.Last, long.MaxValue));
        Assert.Equal(before, clock.NextAtLeast);
        Assert.Equal(2, clock.RefusedCount);
        Assert.Equal(Settings.OffsetMaxMs + 1, clock.AheadMs(1000));
        Assert.Equal(0, clock.AheadMs(100_000));
    }

    [Fact]
    public void Nothing_at_or_above_the_ceiling_is_handed_out()
    {
        var clock = new HybridClock(Settings, HybridTimestamp.Zero);
        Assert.False(clock.TryNext(1000, out _));
        var ceiling = Assert.NotNull(clock.CeilingWanted(1000));
        Assert.Equal(3000, ceiling.UnixMs);
        clock.CeilingIsDurable(ceiling);
        Assert.Null(clock.CeilingWanted(1999));
        Assert.Equal(4000, clock.CeilingWanted(2000)?.UnixMs);
        Assert.Equal(HybridTimestamp.At(3000), Next(clock, 3000));
        Assert.False(clock.TryNext(3001, out _));
        clock.CeilingIsDurable(HybridTimestamp.At(1));
        Assert.Equal(ceiling, clock.Ceiling);

        // What came from elsewhere pulls the ceiling along.
        Assert.True(clock.Observe(HybridTimestamp.At(7000), 3001));
        Assert.False(clock.TryNext(3001, out _));
        Assert.Equal(9000, clock.CeilingWanted(3001)?.UnixMs);
    }

    [Fact]
    public void After_a_restart_it_begins_at_the_ceiling_and_goes_on_logically()
    {
        var ceiling = HybridTimestamp.At(3000, ushort.MaxValue);
        Assert.False(new HybridClock(Settings, ceiling).TryNext(1000, out _));
        var clock = Started(1000, ceiling);
        Assert.Equal(ceiling, Next(clock, 1000));
        Assert.Equal(HybridTimestamp.At(3001), Next(clock, 1000));
        Assert.Equal(HybridTimestamp.At(4000), Next(clock, 4000));
    }

    [Fact]
    public void A_full_counter_carries_and_the_end_of_time_is_no_crash()
    {
        var clock = Started(1000);
        for (var i = 0; i <= ushort.MaxValue; i++) Next(clock, 1000);
        Assert.Equal(HybridTimestamp.At(1001), Next(clock, 1000));

        clock.CeilingIsDurable(HybridTimestamp.Last);
        Assert.True(clock.TryNext(HybridTimestamp.UnixMsMax, out _));
        Assert.Null(clock.CeilingWanted(HybridTimestamp.UnixMsMax));
        Assert.Equal(HybridTimestamp.At(0).Next, Next(Started(-5), -5));
    }

    /// <summary>
    /// A machine whose clock jumps, peers with other clocks, a disk that is late, and crashes at any point:
    /// what is handed out only ever grows, over all lives.
    /// </summary>
    [Fact]
    public void Never_goes_back_over_crashes_and_jumps()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var durable = HybridTimestamp.Zero;
            var clock = new HybridClock(Settings, durable);
            HybridTimestamp? underWay = null;
            var newest = HybridTimestamp.Zero;
            var nowMs = 1_000_000L;
            var handedOut = 0;
            for (var step = 0; step < 1000; step++)
            {
                nowMs += random.Next(20) == 0 ? random.Next(-8000, 8000) : random.Next(0, 30);
                switch (random.Next(10))
                {
                    case 0:
                        underWay ??= clock.CeilingWanted(nowMs);
                        break;
                    case 1 when underWay is { } ceiling:
                        durable = ceiling;
                        clock.CeilingIsDurable(ceiling);
                        underWay = null;
                        break;
                    case 2:
                        var remote = HybridTimestamp.At(nowMs + random.Next(-9000, 9000));
                        var isAccepted = clock.Observe(remote, nowMs);
                        Assert.Equal(remote.UnixMs <= nowMs + Settings.OffsetMaxMs, isAccepted);
                        Assert.True(!isAccepted || clock.NextAtLeast > remote);
                        break;
                    case 3 when random.Next(5) == 0:
                        // The write of a ceiling may have reached the disk or not.
                        if (underWay is { } lost && random.Next(2) == 0) durable = lost;
                        clock = new HybridClock(Settings, durable);
                        underWay = null;
                        break;
                    default:
                        if (!clock.TryNext(nowMs, out var time)) break;
                        Assert.True(time > newest, $"seed {seed}: {time} after {newest}");
                        Assert.True(time < durable);
                        newest = time;
                        handedOut++;
                        break;
                }
            }

            Assert.True(handedOut > 100);
        }
    }

    [Theory]
    [InlineData(0, 1, "The greatest clock offset is 0 ms")]
    [InlineData(90_000_000, 1, "The greatest clock offset is 90000000 ms")]
    [InlineData(1000, 0, "The lead of the clock's ceiling is 0 ms")]
    [InlineData(1000, 501, "the others would refuse its writes")]
    public void Settings_that_cannot_work_are_refused(long offsetMs, long leadMs, string text)
    {
        var settings = new HybridClockSettings { OffsetMaxMs = offsetMs, CeilingLeadMs = leadMs };
        Assert.Contains(text, settings.Fault());
        Assert.Throws<ArgumentException>(() => new HybridClock(settings, default));
        Assert.Null(Settings.Fault());
    }
}
