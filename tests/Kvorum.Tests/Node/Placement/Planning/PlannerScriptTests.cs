using System.Runtime.CompilerServices;
using Kvorum.Tests.Node.Placement.Planning.Harness;

namespace Kvorum.Tests.Node.Placement.Planning;

/// <summary>
/// Runs every script in <c>testdata</c>: what happens to a cluster above a line of dashes, what the planner
/// makes of it below. With KVORUM_REWRITE=1 the transcripts are written anew; read the difference before you
/// keep it.
/// </summary>
public class PlannerScriptTests
{
    public static TheoryData<string> All => [.. Scripts.In(Folder())];

    [Theory]
    [MemberData(nameof(All))]
    public void Script(string name)
    {
        var cluster = new ClusterScript();
        Scripts.Check(Path.Combine(Folder(), name), cluster.Run);
    }

    private static string Folder([CallerFilePath] string here = "") =>
        Scripts.FolderBeside(here, "Node", "Placement", "Planning");
}
