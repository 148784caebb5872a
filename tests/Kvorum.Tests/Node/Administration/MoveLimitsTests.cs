using Kvorum.Node.Administration;
using Kvorum.Node.Placement.Planning;

namespace Kvorum.Tests.Node.Administration;

public class MoveLimitsTests
{
    public static TheoryData<ChangeLimits, string?> Changes => new()
    {
        { new ChangeLimits(), "no limit is named" },
        { new ChangeLimits { DryRun = true }, "no limit is named" },
        { new ChangeLimits { Paused = false }, null },
        { new ChangeLimits { MovesMax = 1 }, null },
        { new ChangeLimits { MovesMax = 0 }, "moves_max is 0: give 1 to 10000" },
        { new ChangeLimits { BatchSize = 100_001 }, "batch_size is 100001: give 1 to 100000" },
        { new ChangeLimits { BatchTimeoutMs = 999 }, "batch_timeout_ms is 999: give 1000 to 86400000" },
        { new ChangeLimits { RetryAttempts = 0 }, "retry_attempts is 0: give 1 to 1000" },
        { new ChangeLimits { GraceMs = 5 }, "grace_ms is 5: give 1000 to 604800000" },
        { new ChangeLimits { MarginPercent = 101 }, "margin_percent is 101: give 0 to 100" },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void What_is_out_of_bounds_is_told_with_the_bounds(ChangeLimits change, string? problem)
    {
        var found = MoveLimits.Problem(change);
        if (problem is null)
            Assert.Null(found);
        else
            Assert.StartsWith(problem, found, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_named_stays()
    {
        var settings = new PlannerSettings { ReplicaBytes = 77, BatchSize = 9 };
        var changed = MoveLimits.Changed(settings, new ChangeLimits { MovesMax = 3, Paused = true });
        Assert.Equal(settings with { MovesMax = 3, IsPaused = true }, changed);
        Assert.Equal(
            "moves for zones and balance are paused, moves_max is 3",
            MoveLimits.InWords(new ChangeLimits { MovesMax = 3, Paused = true }));
    }
}
