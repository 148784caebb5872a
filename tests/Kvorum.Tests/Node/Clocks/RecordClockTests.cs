using Kvorum.Node.Clocks;

namespace Kvorum.Tests.Node.Clocks;

/// <summary>The time of quorum keyspaces.</summary>
public class RecordClockTests
{
    private const long Wall = 1_700_000_000_000;
    private const long Hour = 3_600_000;

    [Fact]
    public void It_follows_the_majority_and_goes_on_without_one()
    {
        var clock = new RecordClock(leastMs: Wall + Hour);
        clock.Judge(1000, agreedMs: null, isAlone: false);
        Assert.Null(clock.At(1000));
        clock.Judge(1010, Wall, isAlone: false);
        Assert.Equal(Wall + 50, clock.At(1060));
        clock.Judge(1070, agreedMs: null, isAlone: false);
        Assert.Equal(Wall + 60_000, clock.At(61_010));
        clock.Judge(61_010, Wall + Hour, isAlone: false);
        Assert.Equal(Wall + Hour, clock.At(61_010));
        clock.Judge(61_020, Wall, isAlone: false);
        Assert.Equal(Wall, clock.At(61_020));
    }

    [Theory]
    [InlineData(Hour, 17_000)]
    [InlineData(-Hour, 15_000)]
    [InlineData(100, 16_100)]
    public void The_clock_of_a_lone_node_corrects_it_by_a_sixteenth(long wrongMs, long passedMs)
    {
        var clock = new RecordClock(leastMs: 0);
        clock.Judge(0, Wall, isAlone: true);
        for (var ms = 10; ms <= 16_000; ms += 10)
            clock.Judge(ms, Wall + ms + wrongMs, isAlone: true);
        Assert.Equal(Wall + passedMs, clock.At(16_000));
    }

    [Fact]
    public void After_a_restart_a_lone_node_is_not_behind_what_it_was()
    {
        var clock = new RecordClock(leastMs: Wall + Hour);
        clock.Judge(5000, Wall, isAlone: true);
        Assert.Equal(Wall + Hour, clock.At(5000));
        var other = new RecordClock(leastMs: Wall - Hour);
        other.Judge(5000, Wall, isAlone: true);
        Assert.Equal(Wall, other.At(5000));
    }
}
