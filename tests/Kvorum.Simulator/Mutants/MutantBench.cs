using System.Diagnostics;
using System.Globalization;

namespace Kvorum.Simulator.Mutants;

/// <summary>
/// Builds each mutant from a copy of the sources and lets its searcher look for it. The copy is made once and
/// each mutant taken back after its turn, so only what it touches is built again.
/// </summary>
internal sealed class MutantBench : IDisposable
{
    private static readonly string[] Copied =
    [
        "src", "tests/Kvorum.Simulator", "proto", "build", "Directory.Build.props",
        "Directory.Packages.props", "global.json", ".editorconfig", "Kvorum.slnx",
    ];

    // Analyzers and documentation of the mutants' code would only cost time.
    private static readonly string[] BuildSwitches =
    [
        "-c", "Release", "-v", "q", "-nologo", "-p:RunAnalyzers=false", "-p:EnforceCodeStyleInBuild=false",
        "-p:TreatWarningsAsErrors=false", "-p:GenerateDocumentationFile=false",
    ];

    private readonly string _copy;

    /// <summary>
    /// Copies the sources of the repository at <paramref name="root"/> into a folder of its own.
    /// </summary>
    public MutantBench(string root)
    {
        _copy = Directory.CreateTempSubdirectory("kvorum-mutants-").FullName;
        foreach (var part in Copied)
            Copy(Path.Combine(root, part), Path.Combine(_copy, part));
    }

    /// <summary>Builds the mutant and searches for it with up to so many seeds, some at a time.</summary>
    public MutantResult Search(Mutant mutant, int seeds, int jobs, TimeSpan patience)
    {
        var originals = mutant.Changes.Select(change => Path.Combine(_copy, change.Path)).Distinct()
            .ToDictionary(path => path, File.ReadAllText);
        try
        {
            foreach (var change in mutant.Changes)
            {
                var path = Path.Combine(_copy, change.Path);
                File.WriteAllText(path, change.ApplyTo(File.ReadAllText(path)));
            }

            string[] kind = mutant.FoundBy switch
            {
                Searcher.Simulator => ["--swarm"],
                Searcher.Quorums => ["--quorums"],
                Searcher.Rights => ["--rights"],
                _ => ["groups"],
            };
            return Search(
                mutant, [.. kind, "--runs", Text(seeds), "--from", "1", "--jobs", Text(jobs)], patience);
        }
        finally
        {
            foreach (var (path, text) in originals)
                File.WriteAllText(path, text);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_copy, recursive: true);

    private MutantResult Search(Mutant mutant, string[] arguments, TimeSpan patience)
    {
        Build("tests/Kvorum.Simulator");
        var program = Path.Combine(_copy, "artifacts/bin/Kvorum.Simulator/release/Kvorum.Simulator");
        var run = Run(program, arguments, patience);
        var complaint = run.Lines.Select(line => line.Trim()).FirstOrDefault(IsComplaint) ?? "";
        var replay = run.Lines.FirstOrDefault(
            static line => line.Contains("replay: ", StringComparison.Ordinal)) ?? "";
        return new(mutant, run.Status is not (0 or null), SeedIn(replay), run.Took, complaint);
    }

    private static bool IsComplaint(string line) => line.StartsWith("BROKEN: ", StringComparison.Ordinal);

    private static ulong SeedIn(string line)
    {
        var digits = line.Split(' ', ':', '=')
            .FirstOrDefault(static word => word.Length > 0 && word.All(char.IsAsciiDigit));
        return ulong.TryParse(digits, CultureInfo.InvariantCulture, out var seed) ? seed : 0;
    }

    private void Build(string project)
    {
        var built = Run("dotnet", ["build", project, .. BuildSwitches], TimeSpan.FromMinutes(10));
        if (built.Status != 0)
        {
            var said = string.Join('\n', built.Lines.Take(20));
            throw new InvalidDataException($"{project} does not build:\n{said}");
        }
    }

    private sealed record Finished(int? Status, IReadOnlyList<string> Lines, TimeSpan Took);

    private Finished Run(string program, string[] arguments, TimeSpan patience)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = _copy,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var clock = Stopwatch.StartNew();
        var lines = new List<string>();
        using var process = new Process { StartInfo = start };
        void Keep(object _, DataReceivedEventArgs data)
        {
            lock (lines)
            {
                if (data.Data is { } line)
                    lines.Add(line);
            }
        }

        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var ended = process.WaitForExit(patience);
        if (ended)
            process.WaitForExit();
        else
            process.Kill(entireProcessTree: true);
        lock (lines)
            return new(ended ? process.ExitCode : null, [.. lines], clock.Elapsed);
    }

    private static void Copy(string from, string to)
    {
        if (File.Exists(from))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(from, to);
            return;
        }

        if (!Directory.Exists(from))
            return;
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        foreach (var folder in Directory.EnumerateDirectories(from))
        {
            if (Path.GetFileName(folder) is not ("node_modules" or "bin" or "obj" or "artifacts"))
                Copy(folder, Path.Combine(to, Path.GetFileName(folder)));
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
