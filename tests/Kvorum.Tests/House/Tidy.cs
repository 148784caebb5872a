using System.Text.RegularExpressions;

namespace Kvorum.Tests.House;

/// <summary>The rules on the text of a source file: each complaint names the line and what to do.</summary>
public static partial class Tidy
{
    /// <summary>Bound of a line, in characters.</summary>
    public const int ColumnsMax = 110;

    /// <summary>Bound of a file, in lines.</summary>
    public const int LinesMax = 500;

    // Put together, so that this file does not break its own rules.
    private static readonly (Regex Banned, string Instead)[] Words =
    [
        (new Regex("Util" + "s\\b"), "name the thing that it is about"),
        (new Regex("Help" + "er"), "name what it does"),
        (new Regex("\\b(FIX" + "ME|TO" + "DO|HA" + "CK)\\b"), "do it, or write it into the plan"),
        (new Regex("^\\s*#reg" + "ion"), "split the file instead"),
    ];

    /// <summary>What is wrong with a C# file.</summary>
    public static IEnumerable<string> Complaints(string path, string text)
    {
        var lines = text.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');
        if (lines.Length > LinesMax)
            yield return $"{path}: {lines.Length} lines, more than {LinesMax}";
        for (var i = 0; i < lines.Length; i++)
        {
            foreach (var (banned, instead) in Words)
            {
                if (banned.Match(lines[i]) is { Success: true } match)
                    yield return $"{path}:{i + 1}: \"{match.Value.Trim()}\": {instead}";
            }

            if (VagueType().Match(lines[i]) is { Success: true } vague)
                yield return $"{path}:{i + 1}: \"{vague.Value}\": a name that says nothing";
            if (lines[i].Contains("Console" + ".Write", StringComparison.Ordinal)
                && !path.StartsWith("src/Kvorum.Cli/", StringComparison.Ordinal))
                yield return $"{path}:{i + 1}: only the program writes to the console";
        }

        if (Namespace().Match(text) is { Success: true } line && line.Groups[1].Value is var named
            && named != NamespaceOf(path))
            yield return $"{path}: namespace {named}, but the folder says {NamespaceOf(path)}";
        if (BlockNamespace().IsMatch(text))
            yield return $"{path}: the namespace is not file-scoped";
    }

    /// <summary>The lines that are too long.</summary>
    public static IReadOnlyList<string> LongLines(string path, string text) =>
        [.. text.ReplaceLineEndings("\n").Split('\n').Index()
            .Where(line => line.Item.Length > ColumnsMax)
            .Select(line => $"{path}:{line.Index + 1}: {line.Item.Length} columns, more than {ColumnsMax}")];

    /// <summary>src/Kvorum.Node/Placement/Ring.cs belongs to Kvorum.Node.Placement.</summary>
    public static string NamespaceOf(string path) => string.Join('.', path.Split('/')[1..^1]);

    [GeneratedRegex(@"\b(class|struct|record|interface|enum) \w*(Manager|Common)\b")]
    private static partial Regex VagueType();

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"^namespace [\w.]+\s*$", RegexOptions.Multiline)]
    private static partial Regex BlockNamespace();
}
