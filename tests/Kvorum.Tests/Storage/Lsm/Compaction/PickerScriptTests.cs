using System.Runtime.CompilerServices;
using System.Text;
using Kvorum.Tests.Storage.Lsm.Harness;

namespace Kvorum.Tests.Storage.Lsm.Compaction;

/// <summary>
/// Runs every script in <c>testdata</c>: commands above a line of dashes, the levels and the choice below.
/// With KVORUM_REWRITE=1 the transcripts are written anew; read the difference before you keep it.
/// </summary>
public class PickerScriptTests
{
    private const string Separator = "----";

    public static TheoryData<string> Scripts() =>
    [
        .. Directory.GetFiles(Folder(), "*.txt").Select(path => Path.GetFileName(path)!)
            .Where(name => name != "README.txt").Order(),
    ];

    [Theory]
    [MemberData(nameof(Scripts))]
    public void Script(string name)
    {
        string path = Path.Combine(Folder(), name);
        string expected = File.ReadAllText(path).ReplaceLineEndings("\n");
        string actual = Replay(expected);
        if (Environment.GetEnvironmentVariable("KVORUM_REWRITE") == "1")
            File.WriteAllText(path, actual);
        else
            Assert.Equal(expected, actual);
    }

    // Blocks are separated by empty lines; lines that start with # are comments and stay.
    private static string Replay(string script)
    {
        var picker = new PickerScript();
        var blocks = script.TrimEnd('\n').Split("\n\n").Select(block => Block(picker, block));
        return string.Join("\n\n", blocks) + "\n";
    }

    private static string Block(PickerScript picker, string block)
    {
        string[] commands = [.. block.Split('\n').TakeWhile(line => line != Separator)];
        var printed = new StringBuilder();
        foreach (string command in commands.Where(line => !line.StartsWith('#')))
            printed.Append(picker.Run(command));
        string above = string.Join('\n', commands);
        return printed.Length == 0 ? above : $"{above}\n{Separator}\n{printed.ToString().TrimEnd('\n')}";
    }

    private static string Folder([CallerFilePath] string here = "")
    {
        string source = Path.Combine(Path.GetDirectoryName(here)!, "testdata");
        return Directory.Exists(source)
            ? source : Path.Combine(AppContext.BaseDirectory, "Storage", "Lsm", "Compaction", "testdata");
    }
}
