namespace Kvorum.Tests.Cli.Demo;

public sealed class QuorumDemoTests
{
    /// <summary>
    /// Without the flag it is the same story with a step less, as the demo of a cluster is run here.
    /// </summary>
    [Fact(Timeout = 240_000)]
    public async Task The_demo_of_quorum_keyspaces_passes_with_TLS_and_rights_and_leaves_nothing_behind()
    {
        var before = Folders();
        var (code, output, errors) = await KvorumProcess.Run(200, ["demo", "quorum", "--secure"]);
        Assert.True(code == 0, output + errors);
        string[] passed =
            [.. output.Split('\n').Where(line => line.StartsWith("PASS ", StringComparison.Ordinal))];
        Assert.Equal(11, passed.Length);
        Assert.StartsWith("PASS in ", passed[^1], StringComparison.Ordinal);
        Assert.DoesNotContain("FAIL", output, StringComparison.Ordinal);
        Assert.Contains(" 0 failed, the longest took ", output, StringComparison.Ordinal);
        Assert.Empty(Folders().Except(before));
    }

    private static string[] Folders() => Directory.GetDirectories(Path.GetTempPath(), "kvorum-quorum-*");
}
