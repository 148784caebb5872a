using Kvorum.Simulator;

namespace Kvorum.Tests.House;

/// <summary>The source tree that the tests were built from.</summary>
public static class House
{
    private static readonly string[] NotSources =
        ["artifacts", "node_modules", "bin", "obj", "kvorum-data", ".git"];

    /// <summary>The root folder.</summary>
    public static string Root { get; } = SourceTree.Root;

    /// <summary>The projects in src, in order.</summary>
    public static IReadOnlyList<string> Projects { get; } =
        [.. Directory.GetDirectories(Path.Combine(Root, "src"))
            .Select(path => Path.GetFileName(path))
            .Order(StringComparer.Ordinal)];

    /// <summary>All files of the tree with that ending, as paths from the root with '/', in order.</summary>
    public static IReadOnlyList<string> Files(string ending) =>
        [.. Walk(Root).Select(path => Path.GetRelativePath(Root, path).Replace('\\', '/'))
            .Where(path => path.EndsWith(ending, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)];

    /// <summary>
    /// True if the folder of a namespace of src is there: Kvorum.Node.Placement is src/Kvorum.Node/Placement.
    /// </summary>
    public static bool HasFolder(string space)
    {
        var parts = space.Split('.');
        return Directory.Exists(Path.Combine([Root, "src", $"{parts[0]}.{parts[1]}", .. parts[2..]]));
    }

    /// <summary>The text of a file of the tree.</summary>
    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    /// <summary>Fails with all complaints, one a line, if there are any.</summary>
    public static void Accepts(IEnumerable<string> complaints)
    {
        if (string.Join('\n', complaints) is { Length: > 0 } all)
            Assert.Fail(all);
    }

    private static IEnumerable<string> Walk(string folder) =>
        Directory.GetFiles(folder).Concat(Directory.GetDirectories(folder)
            .Where(path => !NotSources.Contains(Path.GetFileName(path)))
            .SelectMany(Walk));
}
