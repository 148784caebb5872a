using Kvorum.Node.Events;
using Kvorum.Node.Leaderless;

namespace Kvorum.Tests.Node.Leaderless;

/// <summary>Timestamps that are refused are told, and not too often.</summary>
public class ClockAlarmTests
{
    private readonly List<NodeEvent> _told = [];

    [Fact]
    public void It_tells_once_a_minute_at_most_and_shows_an_issue_for_a_minute()
    {
        var alarm = new ClockAlarm(5000, _told.Add);
        alarm.Judge(0, 0);
        Assert.Null(alarm.HealthIssue(0));
        alarm.Judge(100, 2);
        Assert.Equal([new TimestampsRefused(2, 5000)], _told);
        Assert.Contains("2 timestamps", alarm.HealthIssue(200), StringComparison.Ordinal);
        alarm.Judge(30_000, 5);
        Assert.Single(_told);
        Assert.Contains("5 timestamps", alarm.HealthIssue(30_000), StringComparison.Ordinal);
        alarm.Judge(60_100, 5);
        Assert.Equal(new TimestampsRefused(5, 5000), _told[^1]);
        alarm.Judge(200_000, 5);
        Assert.Equal(2, _told.Count);
        Assert.Null(alarm.HealthIssue(200_000));
    }
}
