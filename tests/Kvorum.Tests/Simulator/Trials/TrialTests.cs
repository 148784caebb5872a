using Kvorum.Simulator.Trials;
using Kvorum.Simulator.World;

namespace Kvorum.Tests.Simulator.Trials;

/// <summary>Elections and failovers by the hundred, in simulated time: the same figures everywhere.</summary>
public class TrialTests
{
    [Fact]
    public void A_thousand_elections_end_in_a_leader()
    {
        var held = Elections.Hold(1, 1000);
        TestContext.Current.SendDiagnosticMessage(held.ToString());
        Assert.Equal(1000, held.Count);
        Assert.InRange(held.LongestTimeouts, 0, Elections.TimeoutsAllowed);
        Assert.InRange(held.MostTerms, 1UL, (ulong)Elections.TimeoutsAllowed);
    }

    /// <summary>With the default settings, be the process killed or the machine silent.</summary>
    [Theory]
    [InlineData("ProcessCrash")]
    [InlineData("PowerLoss")]
    public void A_hundred_failovers_take_three_and_a_half_seconds_at_most(string way)
    {
        var made = Failovers.Make(Enum.Parse<FaultKind>(way), 1, 100);
        TestContext.Current.SendDiagnosticMessage(made.ToString());
        Assert.Equal(100, made.Ms.Count);
        Assert.InRange(made.P99Ms, 0, 3500);
    }
}
