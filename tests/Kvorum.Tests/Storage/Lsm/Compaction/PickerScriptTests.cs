using System.Runtime.CompilerServices;
using Kvorum.Tests.Storage.Lsm.Harness;

namespace Kvorum.Tests.Storage.Lsm.Compaction;

/// <summary>
/// Runs every script in <c>testdata</c>: commands above a line of dashes, the levels and the choice below.
/// With KVORUM_REWRITE=1 the transcripts are written anew; read the difference before you keep it.
/// </summary>
public class PickerScriptTests
{
    public static TheoryData<string> All => [.. Scripts.In(Folder())];

    [Theory]
    [MemberData(nameof(All))]
    public void Script(string name)
    {
        var picker = new PickerScript();
        Scripts.Check(Path.Combine(Folder(), name), picker.Run);
    }

    private static string Folder([CallerFilePath] string here = "") =>
        Scripts.FolderBeside(here, "Storage", "Lsm", "Compaction");
}
