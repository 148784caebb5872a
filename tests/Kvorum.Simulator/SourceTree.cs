namespace Kvorum.Simulator;

/// <summary>The sources that this program was built from.</summary>
internal static class SourceTree
{
    /// <summary>The root folder: where the solution lies above the program.</summary>
    public static string Root { get; } = FindRoot();

    private static string FindRoot()
    {
        var start = AppContext.BaseDirectory;
        for (var folder = start; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Kvorum.slnx")))
                return folder;
        }

        throw new DirectoryNotFoundException($"no Kvorum.slnx above {start}: the sources are needed");
    }
}
