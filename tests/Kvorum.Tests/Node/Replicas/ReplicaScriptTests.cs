using System.Runtime.CompilerServices;
using Kvorum.Tests.Node.Replicas.Harness;

namespace Kvorum.Tests.Node.Replicas;

/// <summary>
/// Runs every script in <c>testdata</c>: commands for one replica above a line of dashes, what it did below.
/// With KVORUM_REWRITE=1 the transcripts are written anew; read the difference before you keep it.
/// </summary>
public class ReplicaScriptTests
{
    public static TheoryData<string> All => [.. Scripts.In(Folder())];

    [Theory]
    [MemberData(nameof(All))]
    public void Script(string name)
    {
        using var replica = new ReplicaScript();
        Scripts.Check(Path.Combine(Folder(), name), replica.Run);
    }

    private static string Folder([CallerFilePath] string here = "") =>
        Scripts.FolderBeside(here, "Node", "Replicas");
}
