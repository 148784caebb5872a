using System.Text;

namespace Kvorum.Tests;

/// <summary>
/// Scripts: commands above a line of dashes, what they printed below. Blocks are separated by empty lines;
/// lines that start with # are comments and stay. With KVORUM_REWRITE=1 what was printed is written anew.
/// </summary>
internal static class Scripts
{
    private const string Separator = "----";

    /// <summary>The names of the scripts in a folder.</summary>
    public static IEnumerable<string> In(string folder) =>
        Directory.GetFiles(folder, "*.txt").Select(path => Path.GetFileName(path)!)
            .Where(name => name != "README.txt").Order();

    /// <summary>
    /// The testdata folder beside a test's source file, or its copy beside the program.
    /// </summary>
    public static string FolderBeside(string sourceFile, params string[] copy)
    {
        var source = Path.Combine(Path.GetDirectoryName(sourceFile)!, "testdata");
        return Directory.Exists(source)
            ? source
            : Path.Combine([AppContext.BaseDirectory, .. copy, "testdata"]);
    }

    /// <summary>
    /// Runs a script's commands in order and demands that they print what is written there.
    /// </summary>
    public static void Check(string path, Func<string, string> run)
    {
        var expected = File.ReadAllText(path).ReplaceLineEndings("\n");
        var blocks = expected.TrimEnd('\n').Split("\n\n").Select(block => Block(block, run));
        var actual = string.Join("\n\n", blocks) + "\n";
        if (Environment.GetEnvironmentVariable("KVORUM_REWRITE") == "1")
            File.WriteAllText(path, actual);
        else
            Assert.Equal(expected, actual);
    }

    private static string Block(string block, Func<string, string> run)
    {
        string[] commands = [.. block.Split('\n').TakeWhile(line => line != Separator)];
        var printed = new StringBuilder();
        foreach (var command in commands.Where(line => !line.StartsWith('#')))
            printed.Append(run(command));
        var above = string.Join('\n', commands);
        return printed.Length == 0 ? above : $"{above}\n{Separator}\n{printed.ToString().TrimEnd('\n')}";
    }
}
