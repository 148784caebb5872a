using System.Globalization;

namespace Kvorum.Simulator.Mutants;

/// <summary>
/// Proves that the searchers find what they are there to find: builds each mutant and demands that it is
/// found within so many seeds.
/// </summary>
internal sealed class MutantSearch(int seeds, int jobs, TextWriter output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    /// <summary>The mutants of the repository.</summary>
    public static IReadOnlyList<Mutant> All =>
        Mutant.ReadAll(Path.Combine(SourceTree.Root, "tests/Kvorum.Simulator/Mutants/list"));

    /// <summary>Searches for those whose names are given, or for all; true if each was found.</summary>
    public bool Run(IReadOnlyList<string> names)
    {
        var chosen = All.Where(mutant => names.Count == 0 || names.Contains(mutant.Name)).ToArray();
        var unknown = names.Except(chosen.Select(mutant => mutant.Name)).ToArray();
        if (unknown.Length > 0)
            throw new ArgumentException($"no such mutant: {string.Join(", ", unknown)}");
        using var bench = new MutantBench(SourceTree.Root);
        output.WriteLine("| mutant | what is wrong | found | first seed | what was said |");
        output.WriteLine("|---|---|---|---|---|");
        var missed = 0;
        foreach (var mutant in chosen)
        {
            var result = bench.Search(mutant, seeds, jobs, Patience);
            missed += result.Found ? 0 : 1;
            output.WriteLine(Row(result));
        }

        output.WriteLine();
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{chosen.Length - missed} of {chosen.Length} found within {seeds} seeds"));
        return missed == 0;
    }

    private static string Row(MutantResult result)
    {
        var by = result.Mutant.FoundBy switch
        {
            Searcher.Simulator => "whole clusters",
            Searcher.Quorums => "quorum keyspaces",
            Searcher.Rights => "enforced rights",
            _ => "one group",
        };
        var took = result.Took.TotalSeconds.ToString("0", CultureInfo.InvariantCulture);
        var found = result.Found ? $"{by}, {took} s" : "NO";
        var seed = result.Seed == 0 ? "" : result.Seed.ToString(CultureInfo.InvariantCulture);
        var said = Short(result.Complaint);
        return $"| {result.Mutant.Name} | {result.Mutant.What} | {found} | {seed} | {said} |";
    }

    private static string Short(string said)
    {
        var text = said.Replace('|', '/').Replace("BROKEN: ", "", StringComparison.Ordinal);
        return text.Length <= 110 ? text : string.Concat(text.AsSpan(0, 107), "...");
    }
}
