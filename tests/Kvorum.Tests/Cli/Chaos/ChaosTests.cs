using System.Text.Json;

namespace Kvorum.Tests.Cli.Chaos;

public class ChaosTests
{
    /// <summary>Real processes under every kind of fault, for some seconds.</summary>
    [Fact]
    public async Task A_short_run_keeps_every_promise_and_fires_every_fault()
    {
        await using var chaos = KvorumProcess.Start(
            "chaos", "--duration", "4s", "--seed", "5", "--overlap", "60", "--json");
        var code = await chaos.Exit(seconds: 120);
        Assert.True(code == 0, $"{chaos.Output}{chaos.Errors}");
        var report = JsonDocument.Parse(chaos.Output).RootElement;
        Assert.True(report.GetProperty("passed").GetBoolean());
        foreach (var kind in new[] { "kill", "pause", "split" })
            Assert.True(report.GetProperty("faults").GetProperty(kind).GetInt32() > 0, kind);
        Assert.True(report.GetProperty("overlaps").GetInt32() > 0, chaos.Output);
        Assert.True(report.GetProperty("operations").GetProperty("ok").GetInt32() > 100, chaos.Output);
        Assert.Empty(report.GetProperty("problems").EnumerateArray());
        Assert.Equal("", report.GetProperty("folder").GetString());
    }

    [Theory]
    [InlineData("--duration 0s", "--duration '0ms': give 1s to 10m")]
    [InlineData("--duration 1h", "--duration '1h': give 1s to 10m")]
    [InlineData("--clients 0", "--clients '0': give 1 to 64")]
    [InlineData("--keys 0", "--keys '0': give 1 to 1000")]
    [InlineData("--nodes 2", "--nodes '2': give 3 to 9")]
    [InlineData("--seed -1", "--seed '-1': give a whole number from 0")]
    [InlineData("--faults kill,fire", "--faults 'fire': give some of kill,pause,split")]
    [InlineData("--faults ,", "--faults '': give some of kill,pause,split")]
    [InlineData("--overlap 101", "--overlap '101': give 0 to 100")]
    [InlineData("--overlap -1", "--overlap '-1': give 0 to 100")]
    [InlineData("--seed x", "--seed 'x': give a whole number")]
    public async Task Wrong_flags_are_told_with_the_remedy(string flags, string expected)
    {
        var (code, _, errors) = await InProcess.Run(["chaos", .. flags.Split(' ')]);
        Assert.Equal(2, code);
        Assert.Contains($"kvorum chaos: {expected}", errors, StringComparison.Ordinal);
    }
}
