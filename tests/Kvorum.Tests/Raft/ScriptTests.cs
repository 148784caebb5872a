using System.Runtime.CompilerServices;
using Kvorum.Tests.Raft.Harness;

namespace Kvorum.Tests.Raft;

/// <summary>
/// Runs every script in <c>testdata</c>: commands above a line of dashes, what they printed below. With
/// KVORUM_REWRITE=1 the transcripts are written anew; read the difference before you keep it.
/// </summary>
public class ScriptTests
{
    public static TheoryData<string> All => [.. Scripts.In(Folder())];

    [Theory]
    [MemberData(nameof(All))]
    public void Script(string name)
    {
        var cluster = new ScriptCluster();
        Scripts.Check(Path.Combine(Folder(), name), cluster.Run);
    }

    private static string Folder([CallerFilePath] string here = "") => Scripts.FolderBeside(here, "Raft");
}
