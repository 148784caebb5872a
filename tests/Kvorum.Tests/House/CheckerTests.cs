using System.Xml.Linq;

namespace Kvorum.Tests.House;

/// <summary>
/// The checkers of the house, on small texts that break one rule each: a checker that never complains proves
/// nothing.
/// </summary>
public class CheckerTests
{
    [Theory]
    [InlineData("namespace Kvorum.Node;\n", "but the folder says Kvorum.Node.Placement")]
    [InlineData("namespace Kvorum.Node.Placement\n{\n}\n", "not file-scoped")]
    [InlineData("// FIX" + "ME later\n", "FIX" + "ME")]
    [InlineData("// TO" + "DO\n", "TO" + "DO")]
    [InlineData("    #reg" + "ion Fields\n", "#reg" + "ion")]
    [InlineData("class StringUtil" + "s;\n", "Util" + "s")]
    [InlineData("class Path" + "Help" + "er;\n", "Help" + "er")]
    [InlineData("sealed class NodeMan" + "ager(int a);\n", "class NodeMan" + "ager")]
    [InlineData("Console" + ".WriteLine(1);\n", "console")]
    public void A_fault_in_a_source_is_found(string text, string complaint)
    {
        var only = Assert.Single(Tidy.Complaints("src/Kvorum.Node/Placement/A.cs", text));
        Assert.Contains(complaint, only, StringComparison.Ordinal);
    }

    [Fact]
    public void Long_lines_and_long_files_are_found()
    {
        Assert.Empty(Tidy.LongLines("src/A/B.cs", new string('x', Tidy.ColumnsMax)));
        Assert.Single(Tidy.LongLines("src/A/B.cs", "\n" + new string('x', Tidy.ColumnsMax + 1) + "\n"));
        var full = string.Concat(Enumerable.Repeat("x\n", Tidy.LinesMax));
        Assert.Empty(Tidy.Complaints("src/A/B.cs", full));
        Assert.Single(Tidy.Complaints("src/A/B.cs", full + "x\n"));
    }

    [Fact]
    public void A_good_source_has_no_complaint()
    {
        const string text = """
            namespace Kvorum.Node.Placement;

            /// <summary>Utilises help, todo.</summary>
            class Ring;
            """;
        Assert.Empty(Tidy.Complaints("src/Kvorum.Node/Placement/Ring.cs", text));
        Assert.Empty(Tidy.Complaints("src/Kvorum.Cli/Program.cs", "Console" + ".WriteLine();\n"));
    }

    [Fact]
    public void A_page_is_read_as_its_readers_see_it()
    {
        var page = new Markdown("""
            # Title

            See [one](one.md), [two](#a-part-of-it), [three](https://example.org) and `[no](link.md)`.

            ```sh
            # no title, a [comment](no.md)
            ./kvorum start \
              --id a     # a comment
            $ ./kvorum get x &
            ok=true
            ```

            ## A part, of it!
            """);
        Assert.Equal(1, page.Titles);
        Assert.Equal(["one.md", "#a-part-of-it"], page.LocalLinks);
        Assert.Equal(["title", "a-part-of-it"], page.Anchors);
        Assert.Equal(["./kvorum start --id a", "./kvorum get x"], page.Commands());
    }

    [Fact]
    public void Missing_documentation_is_found()
    {
        var assembly = typeof(Kvorum.Node.Placement.Ring).Assembly;
        var docs = XDocument.Load(Path.Combine(AppContext.BaseDirectory, "Kvorum.Node.xml"));
        string[] removed =
        [
            "F:Kvorum.Node.PeerLoss.Silent",
            "M:Kvorum.Node.Placement.Ring.Place",
            "P:Kvorum.Node.INode.Map",
            "T:Kvorum.Node.Placement.Token",
        ];
        docs.Descendants("member")
            .Where(member => removed.Contains(member.Attribute("name")!.Value.Split('(')[0]))
            .Remove();
        Assert.Equal(removed, XmlDocs.Missing(assembly, docs).Order(StringComparer.Ordinal));
    }
}
