namespace Kvorum.Tests.Cli.Demo;

public sealed class ClusterDemoTests
{
    [Fact(Timeout = 240_000)]
    public async Task The_demo_of_a_cluster_that_changes_passes_and_leaves_nothing_behind()
    {
        var before = Folders();
        var (code, output, errors) = await KvorumProcess.Run(200, "demo", "cluster");
        Assert.True(code == 0, output + errors);
        string[] passed =
            [.. output.Split('\n').Where(line => line.StartsWith("PASS ", StringComparison.Ordinal))];
        Assert.Equal(9 + 1, passed.Length);
        Assert.StartsWith("PASS in ", passed[^1], StringComparison.Ordinal);
        Assert.DoesNotContain("FAIL", output, StringComparison.Ordinal);
        Assert.Contains(" 0 failed, longest pause of the client ", output, StringComparison.Ordinal);
        Assert.Empty(Folders().Except(before));
    }

    private static string[] Folders() => Directory.GetDirectories(Path.GetTempPath(), "kvorum-cluster-*");
}
