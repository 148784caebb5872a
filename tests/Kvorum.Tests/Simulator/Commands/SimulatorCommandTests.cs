using System.Globalization;
using Kvorum.Simulator.Commands;

namespace Kvorum.Tests.Simulator.Commands;

public class SimulatorCommandTests
{
    [Fact]
    public void Many_seeds_are_tried_and_counted()
    {
        var (code, output) = Run("--runs", "3", "--from", "100", "--seconds", "10", "--jobs", "2");
        Assert.Equal(SimulatorCommand.Kept, code);
        Assert.Contains("3 runs", output, StringComparison.Ordinal);
    }

    [Fact]
    public void One_seed_shows_its_faults_and_ends_with_its_hash()
    {
        var (code, output) = Run("--seed", "1", "--seconds", "10");
        Assert.Equal(SimulatorCommand.Kept, code);
        Assert.Contains("ends: ", output, StringComparison.Ordinal);
        Assert.StartsWith("trace hash ", output.TrimEnd().Split('\n')[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_group_runs_by_seed_and_by_the_dozen()
    {
        var (code, output) = Run("groups", "--seed", "1", "--seconds", "3");
        Assert.Equal(SimulatorCommand.Kept, code);
        Assert.Contains("is Leader", output, StringComparison.Ordinal);
        Assert.StartsWith("trace hash ", output.TrimEnd().Split('\n')[^1], StringComparison.Ordinal);
        (code, output) = Run("groups", "--runs", "3", "--from", "100", "--seconds", "3");
        Assert.Equal(SimulatorCommand.Kept, code);
        Assert.Contains("seeds 100 to 102, one group", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--seed", "x")]
    [InlineData("--runs", "0")]
    [InlineData("--verbosity", "4")]
    [InlineData("--seed", "1", "--runs", "2")]
    [InlineData("groups", "--seed", "1", "--runs", "2")]
    [InlineData("groups", "--swarm")]
    public void A_wrong_question_is_told_so(params string[] args) =>
        Assert.Equal(SimulatorCommand.Usage, Run(args).Code);

    private static (int Code, string Output) Run(params string[] args)
    {
        using var output = new StringWriter(CultureInfo.InvariantCulture);
        return (SimulatorCommand.Run(args, output, output), output.ToString());
    }
}
