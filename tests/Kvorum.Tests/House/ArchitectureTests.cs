using System.Reflection;
using System.Xml.Linq;

namespace Kvorum.Tests.House;

/// <summary>
/// The arrows of ARCHITECTURE.md and the purity of the rooms, read from the compiled assemblies.
/// </summary>
public class ArchitectureTests
{
    /// <summary>What a project may refer to; whatever is not named here may not be referred to.</summary>
    private static readonly Dictionary<string, string[]> ProjectArrows = new()
    {
        ["Kvorum.Protocol"] = [],
        ["Kvorum.Raft"] = [],
        ["Kvorum.Quorum"] = [],
        ["Kvorum.Storage"] = [],
        ["Kvorum.Verification"] = [],
        ["Kvorum.Node"] = ["Kvorum.Protocol", "Kvorum.Quorum", "Kvorum.Raft", "Kvorum.Storage"],
        ["Kvorum.Server"] =
            ["Kvorum.Node", "Kvorum.Protocol", "Kvorum.Quorum", "Kvorum.Raft", "Kvorum.Storage"],
        ["Kvorum.Client"] = ["Kvorum.Protocol"],
        // The program shows and configures what the server and the client are made of.
        ["Kvorum.Cli"] =
        [
            "Kvorum.Client", "Kvorum.Node", "Kvorum.Protocol", "Kvorum.Quorum", "Kvorum.Raft",
            "Kvorum.Server", "Kvorum.Storage", "Kvorum.Verification",
        ],
    };

    /// <summary>
    /// Folders from which only the named folders may be referred to, beside types in the root folder. All
    /// others are only kept free of cycles.
    /// </summary>
    private static readonly Dictionary<string, string[]> StatedFolderArrows = new()
    {
        // The files of a folder have the keys by which they are encrypted.
        ["Kvorum.Storage.Files"] = ["Encryption"],
        ["Kvorum.Storage.Log"] = ["Files", "Encryption"],
        ["Kvorum.Storage.Lsm.MemTables"] = ["Lsm", "Lsm.Memory"],
        ["Kvorum.Storage.Lsm.Tables"] = ["Files", "Encryption", "Lsm", "Lsm.Caching"],
        ["Kvorum.Node.Placement"] = [],
        // What it needs of the loop that owns it, a replica asks of IReplicaHost.
        ["Kvorum.Node.Replicas"] =
            ["Budgets", "Clocks", "Events", "Groups", "Membership", "Placement", "Scans", "State", "Wire"],
        ["Kvorum.Node.Scans"] = ["Membership", "Placement", "State", "Wire"],
    };

    private static readonly Dictionary<string, string> Rooms = new()
    {
        ["Kvorum.Protocol"] = "Pure",
        ["Kvorum.Raft"] = "Pure",
        ["Kvorum.Quorum"] = "Pure",
        ["Kvorum.Verification"] = "Pure",
        ["Kvorum.Storage"] = "Deterministic",
        ["Kvorum.Node"] = "Deterministic",
    };

    /// <summary>The doors to the real disk, behind IFileSystem.</summary>
    private static readonly string[] DiskDoors = ["DiskFileSystem", "DiskFile", "Posix"];

    private static readonly Dictionary<string, ILookup<Type, MemberInfo>> Cache = [];

    public static TheoryData<string> AllProjects => [.. House.Projects];

    public static TheoryData<string> AllRooms => [.. Rooms.Keys];

    private static ILookup<Type, MemberInfo> ReferencesOf(string project)
    {
        lock (Cache)
        {
            if (!Cache.TryGetValue(project, out var references))
                Cache[project] = references = References.Of(Load(project));
            return references;
        }
    }

    /// <summary>The assembly of a project.</summary>
    internal static Assembly Load(string project) =>
        Assembly.Load(project == "Kvorum.Cli" ? "kvorum" : project);

    private static BannedList Banned(string list) =>
        new(House.Read($"build/BannedSymbols.{list}.txt").Split('\n'));

    [Fact]
    public void Every_project_has_its_arrows_here() =>
        Assert.Equal(House.Projects, ProjectArrows.Keys.Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(AllProjects))]
    public void A_project_refers_to_what_it_may_only(string project)
    {
        var allowed = ProjectArrows[project];
        var referred = Load(project).GetReferencedAssemblies().Select(name => name.Name!)
            .Where(name => name.StartsWith("Kvorum.", StringComparison.Ordinal) || name == "kvorum");
        Assert.Empty(referred.Except(allowed));

        // And in the project file, where a reference that nothing uses yet would be the first step on the
        // way.
        var named = XDocument.Parse(House.Read($"src/{project}/{project}.csproj"))
            .Descendants("ProjectReference")
            .Select(item => Path.GetFileNameWithoutExtension(item.Attribute("Include")!.Value));
        Assert.Empty(named.Except(allowed));
    }

    [Theory]
    [MemberData(nameof(AllProjects))]
    public void Folders_of_a_project_have_no_cycle(string project) => House.Accepts(FolderArrows.Cycle(
        [.. FolderArrows.Of(ReferencesOf(project), project)]));

    [Fact]
    public void The_simulator_refers_to_what_runs_in_production_without_a_real_world()
    {
        var simulator = Load("Kvorum.Simulator");
        var referred = simulator.GetReferencedAssemblies().Select(name => name.Name!)
            .Where(name => name.StartsWith("Kvorum.", StringComparison.Ordinal) || name == "kvorum");
        string[] allowed =
        [
            "Kvorum.Node", "Kvorum.Protocol", "Kvorum.Quorum", "Kvorum.Raft", "Kvorum.Storage",
            "Kvorum.Verification",
        ];
        Assert.Empty(referred.Except(allowed));
        var arrows = FolderArrows.Of(ReferencesOf("Kvorum.Simulator"), "Kvorum.Simulator");
        House.Accepts(FolderArrows.Cycle(arrows));
    }

    [Theory]
    [MemberData(nameof(AllProjects))]
    public void Folders_refer_to_what_they_may_only(string project)
    {
        foreach (var (from, to) in FolderArrows.Of(ReferencesOf(project), project))
        {
            if (StatedFolderArrows.TryGetValue($"{project}.{from}", out var allowed)
                && FolderArrows.IsFolder(to))
                Assert.True(allowed.Contains(to), $"{project}: {from} refers to {to}");
        }
    }

    [Theory]
    [MemberData(nameof(AllRooms))]
    public void A_pure_or_deterministic_room_uses_nothing_banned(string project)
    {
        var banned = Banned(Rooms[project]);
        var faults = ReferencesOf(project)
            .Where(group => !DiskDoors.Contains(group.Key.Name))
            .SelectMany(group => banned.Among(group).Select(id => $"{group.Key.FullName} uses {id}"));
        House.Accepts(faults);
    }

    [Theory]
    [MemberData(nameof(AllRooms))]
    public void A_room_knows_no_sockets_and_a_pure_one_no_files_or_threads(string project)
    {
        string[] foreign = Rooms[project] == "Pure"
            ? ["System.Net", "System.Threading", "System.IO", "Microsoft"]
            : ["System.Net", "System.Threading.Tasks", "System.Threading.Channels", "Microsoft.AspNetCore"];
        var faults = ReferencesOf(project)
            .SelectMany(group => group.OfType<Type>().Select(to => (From: group.Key, To: to)))
            .Where(pair => foreign.Any(name => IsWithin(pair.To.Namespace, name)))
            .Select(pair => $"{pair.From.FullName} uses {pair.To.FullName}");
        House.Accepts(faults);
    }

    private static bool IsWithin(string? space, string root) =>
        space == root || (space?.StartsWith(root + ".", StringComparison.Ordinal) ?? false);

    [Theory]
    [MemberData(nameof(AllRooms))]
    public void The_list_of_banned_apis_is_switched_on(string project)
    {
        var settings = XDocument.Parse(House.Read($"src/{project}/{project}.csproj"));
        Assert.Equal(Rooms[project], Assert.Single(settings.Descendants("BannedApis")).Value);
        Assert.DoesNotContain("RS0030", settings.ToString(), StringComparison.Ordinal);
        Assert.True(Banned(Rooms[project]).Count > 25);
    }

    [Fact]
    public void The_list_of_banned_apis_is_suppressed_at_the_doors_to_the_disk_only()
    {
        var suppressing = House.Files(".cs").Where(path => path.StartsWith("src/", StringComparison.Ordinal))
            .Where(path => House.Read(path).Contains("RS0030", StringComparison.Ordinal))
            .Select(path => Path.GetFileNameWithoutExtension(path));
        Assert.Empty(suppressing.Except(DiskDoors));
        Assert.DoesNotContain("RS0030", House.Read(".editorconfig"), StringComparison.Ordinal);
        Assert.DoesNotContain("RS0030", House.Read("Directory.Build.props"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_cycle_of_folders_is_found()
    {
        var arrows = FolderArrows.Of(References.Of(typeof(House).Assembly), "Kvorum.Tests.House.Samples");
        Assert.Contains(("Left", "Right"), arrows);
        Assert.Contains(("Right", "Left"), arrows);
        Assert.Equal(["Left", "Right", "Left"], FolderArrows.Cycle(arrows));
        Assert.Empty(FolderArrows.Cycle([("a", "b"), ("b", "c"), ("a", "c")]));
        Assert.Equal(["b", "c", "b"], FolderArrows.Cycle([("a", "b"), ("b", "c"), ("c", "b")]));
        Assert.Equal(["a", "./T", "a"], FolderArrows.Cycle([("./T", "a"), ("a", "./T")]));
        Assert.Equal(
            ["a", "./S", "./T", "a"], FolderArrows.Cycle([("a", "./S"), ("./S", "./T"), ("./T", "a")]));
        Assert.Empty(FolderArrows.Cycle([("./S", "./T"), ("./T", "./S"), ("./T", "a")]));
    }

    [Fact]
    public void What_a_pure_room_must_not_do_is_found()
    {
        var references = References.Of(typeof(House).Assembly);
        var found = Banned("Pure").Among(references[typeof(Samples.Pure.ImpureRoom)]);
        Assert.Equal(
            [
                "M:System.Random.#ctor",
                "P:System.DateTime.UtcNow",
                "T:System.Environment",
                "T:System.IO.File",
                "T:System.Threading.Lock",
                "T:System.Threading.Tasks.Task",
                "T:System.Threading.Tasks.Task`1",
            ],
            found);
        Assert.Empty(Banned("Pure").Among(references[typeof(Samples.Pure.PureRoom)]));
    }
}
