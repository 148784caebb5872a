using Kvorum.Node.Budgets;
using Kvorum.Storage.Files;

namespace Kvorum.Tests.Node.Budgets;

public class DiskGaugeTests
{
    private const long Segment = 64 << 20;
    private const long Total = 1L << 40;
    private const long Reserve = Total / 100;

    [Fact]
    public void It_waits_for_half_as_much_again_on_the_way_back()
    {
        var gauge = new DiskGauge(Segment);
        Assert.Equal(DiskLevel.Ample, gauge.Level);
        Assert.Null(gauge.HealthIssue);
        (long Free, DiskLevel Expected, bool Changes)[] steps =
        [
            (Reserve, DiskLevel.Ample, false),
            (Reserve - 1, DiskLevel.Low, true),
            (Reserve * 5 / 4, DiskLevel.Low, false),
            (Reserve / 4, DiskLevel.Low, false),
            ((Reserve / 4) - 1, DiskLevel.Critical, true),
            (Reserve / 3, DiskLevel.Critical, false),
            (Reserve / 2, DiskLevel.Low, true),
            (Reserve * 3 / 2, DiskLevel.Ample, true),
        ];
        foreach (var (free, expected, changes) in steps)
        {
            Assert.Equal(changes, gauge.Judge(new(free, Total)));
            Assert.Equal(expected, gauge.Level);
            Assert.Equal(expected == DiskLevel.Ample, gauge.HealthIssue is null);
        }
    }

    [Fact]
    public void A_log_that_waits_makes_it_critical_and_is_told_for_what_it_waits()
    {
        var gauge = new DiskGauge(Segment);
        Assert.True(gauge.Judge(new(Total, Total), new NoResourcesException("log/7: Too many open files")));
        Assert.Equal(DiskLevel.Critical, gauge.Level);
        Assert.Contains("log/7: Too many open files", gauge.HealthIssue, StringComparison.Ordinal);
        Assert.False(gauge.Judge(new(Total, Total), new DiskFullException("log/7: No space left")));
        Assert.StartsWith(
            "the disk of the data folder is almost full", gauge.HealthIssue, StringComparison.Ordinal);
        Assert.True(gauge.Judge(new(Total, Total)));
        Assert.Null(gauge.HealthIssue);
    }

    [Theory]
    [InlineData(10L << 30, 4 * Segment)] // few segments are more than a hundredth
    [InlineData(300L << 20, 100 << 20)] // but never more than a third
    public void Small_disks_keep_less(long total, long reserve)
    {
        var gauge = new DiskGauge(Segment);
        Assert.False(gauge.Judge(new(reserve, total)));
        Assert.True(gauge.Judge(new(reserve - 1, total)));
        Assert.True(gauge.HasRoomFor(reserve / 2));
        Assert.False(gauge.HasRoomFor(reserve));
    }
}
