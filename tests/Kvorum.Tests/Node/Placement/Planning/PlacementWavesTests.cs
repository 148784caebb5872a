using Kvorum.Tests.Node.Placement.Planning.Harness;

namespace Kvorum.Tests.Node.Placement.Planning;

/// <summary>
/// The tables of docs/placement.md are what the planner makes today. With KVORUM_REWRITE=1 they are written
/// anew.
/// </summary>
public class PlacementWavesTests
{
    private const string Page = "docs/placement.md";

    [Theory]
    [InlineData(1000, 16384)]
    [InlineData(30, 256)]
    public void The_table_of_waves_is_what_the_page_says(int nodes, int groups)
    {
        var table = PlacementWaves.Table(nodes, groups);
        var page = House.House.Read(Page);
        var mark = $"<!-- waves {nodes} {groups} -->\n";
        var from = page.IndexOf(mark, StringComparison.Ordinal) + mark.Length;
        Assert.True(from > mark.Length, $"{Page} has no {mark}");
        var to = page.IndexOf("<!-- end -->", from, StringComparison.Ordinal);
        if (Environment.GetEnvironmentVariable("KVORUM_REWRITE") == "1")
            File.WriteAllText(Path.Combine(House.House.Root, Page), page[..from] + table + page[to..]);
        else
            Assert.Equal(table, page[from..to]);
    }
}
