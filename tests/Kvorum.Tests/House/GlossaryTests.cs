using System.Text.RegularExpressions;
using Kvorum.Simulator;

namespace Kvorum.Tests.House;

/// <summary>The glossary names the types of today.</summary>
public partial class GlossaryTests
{
    private const string Glossary = "docs/glossary.md";

    [Fact]
    public void Types_of_the_glossary_exist()
    {
        var types = House.Projects.Select(ArchitectureTests.Load).Append(typeof(SourceTree).Assembly)
            .SelectMany(static assembly => assembly.GetTypes())
            .Select(static type => type.Name)
            .ToHashSet();
        var rows = Rows().ToArray();
        Assert.True(rows.Length > 50);
        House.Accepts(rows.SelectMany(row => TypeName().Matches(row.Cells[^1])
            .Select(static match => match.Groups[1].Value)
            .DefaultIfEmpty("(no type)")
            .Where(name => !types.Contains(name))
            .Select(name => $"{Glossary}:{row.Line}: {row.Cells[0]}: there is no type {name}")));
    }

    [Fact]
    public void Each_term_has_one_line_with_a_meaning()
    {
        var rows = Rows().ToArray();
        House.Accepts(rows.Where(static row => row.Cells.Length != 4 || row.Cells[1].Length == 0)
            .Select(static row => $"{Glossary}:{row.Line}: not term, meaning, source, type"));
        House.Accepts(rows.GroupBy(static row => row.Cells[0]).Where(static term => term.Count() > 1)
            .Select(static term => $"{Glossary}: {term.Key}: {term.Count()} lines"));
    }

    private static IEnumerable<(int Line, string[] Cells)> Rows() => House.Read(Glossary).Split('\n').Index()
        .Where(static line => line.Item.StartsWith("| ", StringComparison.Ordinal)
            && !line.Item.StartsWith("| Term |", StringComparison.Ordinal))
        .Select(static line =>
            (line.Index + 1, line.Item.Trim('|').Split('|', StringSplitOptions.TrimEntries)));

    [GeneratedRegex(@"`(\w+)`")]
    private static partial Regex TypeName();
}
