using System.Reflection;
using System.Xml.Linq;

namespace Kvorum.Tests.House;

/// <summary>The rules of CONTRIBUTING.md that a reader should never have to check by eye.</summary>
public class TidyTests
{
    /// <summary>Folders of tests that mirror no folder of src: what they test goes across rooms.</summary>
    private static readonly string[] AcrossRooms = ["House", "Cluster", "Interop", "EndToEnd", "Simulator"];

    private const string LongLines = "tests/Kvorum.Tests/House/long-lines.txt";

    public static TheoryData<string> Libraries =>
        [.. House.Projects.Where(project => project != "Kvorum.Cli")];

    public static TheoryData<string> Pages => [.. House.Files(".md")];

    [Fact]
    public void Sources_are_tidy()
    {
        var files = House.Files(".cs");
        Assert.True(files.Count > 50);
        var complaints = files.SelectMany(path => Tidy.Complaints(path, House.Read(path)));
        House.Accepts(complaints);
    }

    /// <summary>
    /// The encoders of the runtime and of the protobuf library replace what is no text, so that different
    /// keys become one. <c>Utf8Text</c> refuses it, and is the one way between text and bytes. The program's
    /// own texts (Kvorum.Cli) are the command line's to keep.
    /// </summary>
    [Fact]
    public void Text_and_bytes_have_one_way_between_them()
    {
        string[] banned = ["Encoding.UTF8", "UTF8Encoding", "ToStringUtf8", "CopyFromUtf8"];
        var files = House.Files(".cs").Where(static path =>
            path.StartsWith("src/", StringComparison.Ordinal)
            && !path.StartsWith("src/Kvorum.Cli/", StringComparison.Ordinal)).ToArray();
        const string Way = "src/Kvorum.Protocol/Utf8Text.cs";
        Assert.Contains(Way, files);
        House.Accepts(files.Where(static path => path != Way).SelectMany(path => House.Read(path).Split('\n')
            .Index().SelectMany(line => banned
                .Where(word => line.Item.Contains(word, StringComparison.Ordinal))
                .Select(word =>
                    $"{path}:{line.Index + 1}: {word}: use Utf8Text, which refuses what is no text"))));
    }

    /// <summary>The keyspace of requests that name none is named in one place.</summary>
    [Fact]
    public void The_default_keyspace_is_named_in_one_place()
    {
        const string Place = "src/Kvorum.Protocol/KeyspaceName.cs";
        var literal = "\"def" + "ault\"";
        var files = House.Files(".cs")
            .Where(path => House.Read(path).Contains(literal, StringComparison.Ordinal));
        House.Accepts(files.Where(static path => path != Place)
            .Select(path => $"{path}: {literal}: use KeyspaceName.Default"));
        Assert.Contains(literal, House.Read(Place), StringComparison.Ordinal);
    }

    /// <summary>
    /// Files that had long lines when the rule came may keep as many as they had: long-lines.txt only ever
    /// shrinks. After shortening some, run with KVORUM_REWRITE=1 to write the list anew.
    /// </summary>
    [Fact]
    public void Lines_are_not_too_long()
    {
        var allowed = House.Read(LongLines).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ')).ToDictionary(line => line[1], line => int.Parse(line[0], null));
        var found = House.Files(".cs").Select(path => (Path: path, Lines: Tidy.LongLines(path,
            House.Read(path))))
            .Where(file => file.Lines.Count > 0)
            .ToArray();
        if (Environment.GetEnvironmentVariable("KVORUM_REWRITE") == "1")
        {
            var list = string.Concat(found.Select(file => $"{file.Lines.Count} {file.Path}\n"));
            File.WriteAllText(Path.Combine(House.Root, LongLines), list);
            return;
        }

        House.Accepts(found
            .Where(file => file.Lines.Count > allowed.GetValueOrDefault(file.Path))
            .SelectMany(file => file.Lines));
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void Public_types_and_members_are_documented(string project)
    {
        var docs = XDocument.Load(Path.Combine(AppContext.BaseDirectory, $"{project}.xml"));
        House.Accepts(XmlDocs.Missing(Assembly.Load(project), docs));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void A_page_has_one_title(string path) => Assert.Equal(1, new Markdown(House.Read(path)).Titles);

    [Theory]
    [MemberData(nameof(Pages))]
    public void Links_of_a_page_lead_somewhere(string path) =>
        House.Accepts(new Markdown(House.Read(path)).LocalLinks.Where(link => !Leads(path, link)));

    [Fact]
    public void Folders_of_tests_mirror_the_folders_of_src()
    {
        var folders = House.Files(".cs")
            .Where(path => path.StartsWith("tests/Kvorum.Tests/", StringComparison.Ordinal))
            .Select(path => path.Split('/')[2..^1])
            // A harness is what the tests of a room stand on.
            .Where(folder => folder.Length > 0 && folder[^1] != "Harness" && !AcrossRooms.Contains(folder[0]))
            .Select(folder => $"src/Kvorum.{string.Join('/', folder)}")
            .Distinct();
        House.Accepts(folders.Where(folder => !Directory.Exists(Path.Combine(House.Root, folder))));
    }

    /// <summary>The header of RaftNode.cs is the table of contents of the class.</summary>
    [Fact]
    public void The_header_of_the_core_lists_its_files()
    {
        const string Core = "src/Kvorum.Raft/RaftNode.cs";
        var header = House.Read(Core).Split("/// <summary>", 2)[0];
        var parts = House.Files(".cs")
            .Where(static path => path.StartsWith("src/Kvorum.Raft/RaftNode.", StringComparison.Ordinal))
            .Select(static path => path.Split('.')[^2])
            .Where(static part => part != "Raft/RaftNode")
            .ToArray();
        Assert.True(parts.Length > 5);
        House.Accepts(parts.Where(part => !header.Contains($" {part}", StringComparison.Ordinal))
            .Select(static part => $"{Core}: the header does not list RaftNode.{part}.cs"));
    }

    [Fact]
    public void Every_project_is_in_the_solution_and_has_tests()
    {
        var solution = House.Read("Kvorum.slnx");
        foreach (var project in House.Projects)
        {
            Assert.Contains($"src/{project}/{project}.csproj", solution, StringComparison.Ordinal);
            var tests = Path.Combine(House.Root, "tests/Kvorum.Tests", project["Kvorum.".Length..]);
            Assert.True(Directory.Exists(tests), $"no tests for {project}: {tests}");
        }
    }

    [Fact]
    public void Versions_of_packages_are_in_one_place()
    {
        var versioned = House.Files(".csproj").SelectMany(path => XDocument.Parse(House.Read(path))
            .Descendants("PackageReference").Where(item => item.Attribute("Version") is not null)
            .Select(item => $"{path}: {item.Attribute("Include")?.Value}"));
        House.Accepts(versioned);
    }

    private static bool Leads(string page, string link)
    {
        var (path, anchor) = link.Split('#', 2) is [var before, var after] ? (before, after) : (link, "");
        var target = path.Length == 0 ? page : Path.Combine(Path.GetDirectoryName(page)!, path);
        var full = Path.GetFullPath(Path.Combine(House.Root, target));
        if (anchor.Length == 0)
            return File.Exists(full) || Directory.Exists(full);
        return File.Exists(full) && new Markdown(File.ReadAllText(full)).Anchors.Contains(anchor);
    }
}
