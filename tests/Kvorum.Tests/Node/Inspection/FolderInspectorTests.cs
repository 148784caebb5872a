using Kvorum.Node.Inspection;
using Kvorum.Storage.Inspection;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Inspection;

public sealed class FolderInspectorTests : IDisposable
{
    private readonly TestCluster _cluster = new(
        1, static options => options with { CheckpointLogBytes = 2000, SegmentBytes = 8 << 10 });

    private readonly CrashFileSystem _disk;

    public FolderInspectorTests()
    {
        _cluster.RunUntilReady();
        for (var i = 0; i < 300; i++)
            _cluster.Put(0, $"key-{i}", $"value-{i}".PadRight(500));
        _cluster.Run(100);
        _cluster.Crash(0);
        _disk = _cluster.DiskOf(0);
    }

    [Fact]
    public void A_crashed_node_is_sound_and_starts()
    {
        var report = FolderInspector.Inspect(_disk);
        Assert.True(report.IsSound, string.Join('\n', report.Findings));
        Assert.Contains(report.Findings, finding => finding.File == "trees/00001" &&
            finding.Text.Contains("up to log index", StringComparison.Ordinal));
        Assert.Contains(report.Findings, finding => finding.File == "identity.json" &&
            finding.Text.StartsWith("node node-1 (", StringComparison.Ordinal));
        _cluster.Start(0);
        _cluster.RunUntilReady();
        Assert.Equal("value-7", _cluster.Get(0, "key-7")!.TrimEnd());
    }

    [Theory]
    [InlineData("identity.json", "cannot be read")]
    [InlineData("trees/00002/manifest", "the header is damaged")]
    public void A_damaged_file_is_told_here_and_at_a_start(string file, string what)
    {
        var bytes = _disk.ReadAll(file);
        bytes[0] ^= 0x20;
        _disk.WriteAll(file, bytes);
        IsDamaged(file, what);
    }

    [Fact]
    public void A_file_that_is_gone_is_told_here_and_at_a_start()
    {
        var whole = _disk.Copy();
        whole.Delete("trees/00002/manifest");
        IsDamaged("trees/00002/manifest", "missing", whole);
        whole = _disk.Copy();
        var table = $"trees/00002/{whole.ListFiles("trees/00002").First(name => name != "manifest")}";
        whole.Delete(table);
        IsDamaged(table, "the file is missing, but the manifest names this table", whole);
        whole = _disk.Copy();
        whole.Delete("identity.json");
        IsDamaged("identity.json", "missing, and there is data", whole);
        whole = _disk.Copy();
        foreach (var name in whole.ListFiles("log"))
            whole.Delete($"log/{name}");
        IsDamaged("identity.json", "its log is gone", whole.Copy());
        whole.WriteAll("log/end", _disk.ReadAll("log/end"));
        IsDamaged("identity.json", "its log is gone", whole);
    }

    // Its tables and its manifest are gone, and so is the folder: only the log knows that there was a tree.
    [Theory]
    [InlineData("trees/00002")]
    [InlineData("trees/00000")]
    public void A_tree_that_is_gone_is_told_here_and_at_a_start(string tree)
    {
        // Until the log has let go of what the checkpoints have.
        _cluster.Start(0);
        _cluster.Run(8000);
        _cluster.Crash(0);
        var disk = _cluster.DiskOf(0);
        Assert.True(FolderInspector.Inspect(disk).IsSound);
        disk.DeleteFolder(tree);
        var report = FolderInspector.Inspect(disk);
        Assert.False(report.IsSound);
        Assert.Contains(report.Findings, finding => finding.Kind == FindingKind.Damage
            && finding.Text.Contains("lacks entries 1 to", StringComparison.Ordinal));
        try
        {
            _cluster.Start(0);
            Assert.Contains(
                _cluster.Status(0).HealthIssues,
                issue => issue.Contains("it is lost", StringComparison.Ordinal));
        }
        catch (Kvorum.Node.NodeStartException refused)
        {
            Assert.Contains("it is lost", refused.Message, StringComparison.Ordinal);
        }
    }

    // Both are whole and each is right by itself: the log only ends before what was flushed from it.
    [Fact]
    public void A_log_that_is_older_than_the_tables_is_told_here_and_at_a_start()
    {
        var before = _disk.Copy();
        _cluster.Start(0);
        _cluster.RunUntilReady();
        for (var i = 0; i < 100; i++)
            _cluster.Put(0, $"key-{i}", $"later-{i}".PadRight(500));
        _cluster.Run(2000);
        _cluster.Crash(0);
        var disk = _cluster.DiskOf(0);
        foreach (var name in disk.ListFiles("log"))
            disk.Lose($"log/{name}");
        foreach (var name in before.ListFiles("log"))
            disk.WriteAll($"log/{name}", before.ReadAll($"log/{name}"));
        IsDamaged("log", "which was flushed from it to tables", disk);
    }

    [Fact]
    public void An_empty_folder_is_sound()
    {
        var report = FolderInspector.Inspect(new CrashFileSystem());
        Assert.True(report.IsSound);
        Assert.Contains("no node has ever started here", Assert.Single(report.Findings).Text,
            StringComparison.Ordinal);
    }

    public void Dispose() => _cluster.Dispose();

    private void IsDamaged(string file, string what, CrashFileSystem? disk = null)
    {
        disk ??= _disk;
        var report = FolderInspector.Inspect(disk);
        Assert.False(report.IsSound);
        Assert.Contains(report.Findings, finding => finding.Kind == FindingKind.Damage
            && finding.File == file && finding.Text.Contains(what, StringComparison.Ordinal));
        _cluster.UseDisk(0, disk);
        if (file.StartsWith("trees/", StringComparison.Ordinal))
        {
            // The other partitions are served, and this one is not.
            _cluster.Start(0);
            Assert.Contains(
                _cluster.Status(0).HealthIssues, issue => issue.Contains(file, StringComparison.Ordinal));
            _cluster.Crash(0);
        }
        else
        {
            Assert.ThrowsAny<Exception>(() => _cluster.Start(0));
        }
    }
}
