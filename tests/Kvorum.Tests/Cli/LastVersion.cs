using Kvorum.Tests.Server;

namespace Kvorum.Tests.Cli;

/// <summary>
/// The program of the last version, built from the commit that last-version.txt names, once for each commit:
/// what was built stays under artifacts.
/// </summary>
public sealed class LastVersion : IAsyncLifetime
{
    // What the program is built from.
    private const string Sources =
        "src proto build Directory.Build.props Directory.Packages.props global.json .editorconfig";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    /// <summary>Where the program is.</summary>
    public string Program { get; private set; } = "";

    /// <summary>The commit.</summary>
    public static string Commit { get; } = File.ReadLines(Path.Combine(
        ChildProcess.Root, "tests", "Kvorum.Tests", "Cli", "last-version.txt")).First().Trim();

    public async ValueTask InitializeAsync()
    {
        var folder = Path.Combine(ChildProcess.Root, "artifacts", "last-version", Commit);
        Program = Path.Combine(folder, "artifacts", "bin", "Kvorum.Cli", "release", "kvorum");
        var stamp = Path.Combine(folder, "built");
        if (File.Exists(stamp))
            return;
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);
        await Take(folder);
        await ChildProcess.RunAsync(
            "/usr/bin/env",
            [
                "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1", "dotnet", "build", "src/Kvorum.Cli",
                "-c", "Release", "-v", "quiet", "--nologo", "-nodeReuse:false",
                "-p:UseSharedCompilation=false",
                // It was found good then.
                "-p:RunAnalyzers=false", "-p:TreatWarningsAsErrors=false",
            ],
            folder, $"the last version, commit {Commit}, must build", Patience);
        await File.WriteAllTextAsync(stamp, "");
    }

    public ValueTask DisposeAsync() => default;

    // A clone may lack the history, and the commit with it.
    private static async Task Take(string folder)
    {
        const string git = "git -c safe.directory='*'";
        var script = $"{git} cat-file -e {Commit}^{{commit}} "
            + $"&& {git} archive {Commit} {Sources} | tar -x -C '{folder}'";
        await ChildProcess.RunAsync(
            "/bin/sh", ["-c", script], "",
            $"the commit of the last version, {Commit}, must be in this clone. Get it with git fetch "
            + $"--unshallow, or git fetch origin {Commit}; an archive without its history has no last "
            + "version to test with",
            Patience);
    }
}
