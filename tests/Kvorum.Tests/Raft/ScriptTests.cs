using System.Runtime.CompilerServices;
using System.Text;
using Kvorum.Tests.Raft.Harness;

namespace Kvorum.Tests.Raft;

/// <summary>
/// Runs every script in <c>testdata</c>: commands above a line of dashes, what they printed below. With KVORUM_REWRITE=1
/// the transcripts are written anew; read the difference before you keep it.
/// </summary>
public class ScriptTests
{
    private const string Separator = "----";

    public static TheoryData<string> Scripts() =>
        [.. Directory.GetFiles(Folder(), "*.txt").Select(f => Path.GetFileName(f)!).Where(f => f != "README.txt").Order()];

    [Theory]
    [MemberData(nameof(Scripts))]
    public void Script(string name)
    {
        var path = Path.Combine(Folder(), name);
        var expected = File.ReadAllText(path).ReplaceLineEndings("\n");
        var actual = Replay(expected);
        if (Environment.GetEnvironmentVariable("KVORUM_REWRITE") == "1") File.WriteAllText(path, actual);
        else Assert.Equal(expected, actual);
    }

    /// <summary>Blocks are separated by empty lines; lines that start with # are comments and stay.</summary>
    private static string Replay(string script)
    {
        var cluster = new ScriptCluster();
        var written = new StringBuilder();
        var inOutput = false;
        var pending = new StringBuilder();
        foreach (var line in script.TrimEnd('\n').Split('\n').Append(""))
        {
            if (inOutput && line != "") continue;
            if (line == Separator)
            {
                inOutput = true;
                continue;
            }
            if (line != "")
            {
                written.Append(line).Append('\n');
                if (!line.StartsWith('#')) pending.Append(cluster.Run(line));
                continue;
            }
            if (pending.Length > 0) written.Append(Separator).Append('\n').Append(pending);
            pending.Clear();
            if (inOutput || written.Length > 0) written.Append('\n');
            inOutput = false;
        }
        return written.ToString().TrimEnd('\n') + "\n";
    }

    /// <summary>The scripts beside this source file, or their copies beside the program.</summary>
    private static string Folder([CallerFilePath] string here = "")
    {
        var source = Path.Combine(Path.GetDirectoryName(here)!, "testdata");
        return Directory.Exists(source) ? source : Path.Combine(AppContext.BaseDirectory, "Raft", "testdata");
    }
}
