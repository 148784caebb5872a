using Kvorum.Simulator;
using Kvorum.Simulator.Mutants;

namespace Kvorum.Tests.Simulator.Mutants;

/// <summary>
/// The mutants must fit the sources of today; that they are found is proved by <c>./sim mutants</c>, which
/// builds each of them.
/// </summary>
public class MutantTests
{
    public static TheoryData<string> Names => [.. MutantSearch.All.Select(mutant => mutant.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_mutant_fits_the_sources(string name)
    {
        foreach (var change in MutantSearch.All.Single(mutant => mutant.Name == name).Changes)
        {
            var text = File.ReadAllText(Path.Combine(SourceTree.Root, change.Path));
            Assert.NotEqual(text, change.ApplyTo(text));
        }
    }

    [Fact]
    public void A_change_replaces_lines_and_leaves_the_others()
    {
        string[] lines =
            ["What.", "found by: sim", "a.cs", "- two", "- three", "+ 2", "- five", "+ 5", "+ 6"];
        var mutant = Mutant.Read("m", lines);
        Assert.Equal(2, mutant.Changes.Count);
        var text = mutant.Changes.Aggregate(
            "one\n  two\n  three\nfour\nfive\n", (before, change) => change.ApplyTo(before));
        Assert.Equal("one\n2\nfour\n5\n6\n", text);
    }

    [Theory]
    [InlineData("one\nthree")]
    [InlineData("two\ntwo")]
    public void A_change_that_fits_nowhere_or_twice_is_refused(string text) =>
        Assert.Throws<InvalidDataException>(() => new MutantChange("a.cs", ["two"], ["2"]).ApplyTo(text));

    [Fact]
    public void A_mutant_says_who_finds_it()
    {
        string[] lines = ["What.", "found by: luck", "a.cs", "- a", "+ b"];
        Assert.Throws<FormatException>(() => Mutant.Read("m", lines));
    }
}
