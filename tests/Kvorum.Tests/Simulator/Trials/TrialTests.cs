using Kvorum.Simulator.Trials;
using Kvorum.Simulator.World;

namespace Kvorum.Tests.Simulator.Trials;

/// <summary>Elections and failovers by the hundred, in simulated time: the same figures everywhere.</summary>
public class TrialTests
{
    // The greatest election timeout and one round: it ends some silences, and not a suspicion (ADR 36).
    private const int LeftToElectionsMs = 2100;

    [Fact]
    public void A_thousand_elections_end_in_a_leader()
    {
        var held = Elections.Hold(1, 1000);
        TestContext.Current.SendDiagnosticMessage(held.ToString());
        Assert.Equal(1000, held.Count);
        Assert.InRange(held.LongestTimeouts, 0, Elections.TimeoutsAllowed);
        Assert.InRange(held.MostTerms, 1UL, (ulong)Elections.TimeoutsAllowed);
    }

    /// <summary>With the default settings, be the process killed, stopped, or the machine silent.</summary>
    [Theory]
    [InlineData("ProcessCrash", 100, 1500)]
    [InlineData("PowerLoss", 1000, 1500)]
    [InlineData("Pause", 1000, LeftToElectionsMs)]
    public void Of_a_hundred_failovers_ninety_five_are_short(string way, int p95Ms, int longestMs)
    {
        var made = Failovers.Make(Enum.Parse<FaultKind>(way), 1, 100);
        TestContext.Current.SendDiagnosticMessage(made.ToString());
        Assert.Equal(100, made.Ms.Count);
        Assert.InRange(made.P95Ms, 0, p95Ms);
        Assert.InRange(made.Ms[^1], 0, longestMs);
    }

    [Fact]
    public void A_silent_node_leaves_no_group_without_leader_for_a_second_in_ninety_five_of_a_hundred_seeds()
    {
        var made = Silences.Make(1, 100);
        TestContext.Current.SendDiagnosticMessage(made.ToString());
        Assert.True(made.Groups > 100, $"the silent nodes led {made.Groups} groups");
        Assert.InRange(made.Ms.Count(static ms => ms <= 1000), 95, 100);
        Assert.InRange(made.Ms[^1], 0, 1500);
    }

    /// <summary>At rest, and with every frame up to 300 ms late, now this link and now that.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(600)]
    public void Ten_quiet_minutes_hold_no_election(int slowness) =>
        Assert.Equal(new QuietTime(0, 0), QuietTime.Watch(7, seconds: 600, slowness));
}
