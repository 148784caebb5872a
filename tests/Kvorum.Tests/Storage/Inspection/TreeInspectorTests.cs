using Kvorum.Storage.Inspection;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;
using Kvorum.Tests.Storage.Lsm.Trees;

namespace Kvorum.Tests.Storage.Inspection;

public class TreeInspectorTests
{
    private readonly CrashFileSystem _disk = new();

    public TreeInspectorTests()
    {
        using var tree = TestTrees.Open(_disk);
        var batch = new WriteBatch();
        for (ulong i = 1; i <= 200; i++)
        {
            batch.Clear();
            batch.Put(TestBytes.Of($"key {i:D4}"), new byte[20]);
            if (i % 7 == 0)
                batch.Delete(TestBytes.Of($"key {i - 3:D4}"));
            tree.Write(batch, i);
            if (i % 50 == 0)
                TestTrees.Checkpoint(tree);
        }
    }

    [Fact]
    public void A_sound_tree_is_told_in_one_line()
    {
        var inspector = new TreeInspector(_disk, "tree");
        var found = Assert.Single(inspector.Run());
        Assert.Equal(FindingKind.Sound, found.Kind);
        Assert.Contains("4 tables, 193 entries", found.Text, StringComparison.Ordinal);
        Assert.Equal((200ul, "tag 200"),
            (inspector.Checkpoint!.AppliedIndex, TestBytes.Text(inspector.Checkpoint.Tag)));
    }

    [Fact]
    public void Any_byte_of_a_table_flipped_is_found()
    {
        var table = $"tree/{Tables()[1]}";
        var whole = _disk.ReadAll(table);
        for (var at = 0; at < whole.Length; at += 3)
        {
            var disk = _disk.Copy();
            byte[] flipped = [.. whole];
            flipped[at] ^= 0x10;
            disk.WriteAll(table, flipped);
            // 8 bytes of the footer are zero, and reserved: they are in its checksum.
            var damages = Damages(disk);
            Assert.True(damages.Length > 0, $"nothing was found after a change at {at}");
            Assert.All(damages, damage => Assert.Equal(table, damage.File));
        }
    }

    [Fact]
    public void Every_damaged_block_of_a_table_is_told()
    {
        var table = $"tree/{Tables()[0]}";
        var bytes = _disk.ReadAll(table);
        bytes[10] ^= 1;
        bytes[500] ^= 1;
        _disk.WriteAll(table, bytes);
        var damages = Damages(_disk);
        Assert.Equal(2, damages.Length);
        Assert.Contains("damaged at byte 0:", damages[0].Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_manifest_that_is_gone_is_damage_and_a_start_refuses_it()
    {
        _disk.Delete("tree/manifest");
        var tables = Tables();
        Assert.Equal(4, tables.Length);
        var found = Assert.Single(Damages(_disk));
        Assert.Equal("tree/manifest", found.File);
        Assert.Contains("missing, but the folder has 4 tables", found.Text, StringComparison.Ordinal);
        Assert.Throws<TreeDamagedException>(() => TestTrees.Open(_disk));
        Assert.Equal(tables, Tables());
    }

    [Fact]
    public void A_table_that_is_gone_or_another_is_damage()
    {
        var gone = _disk.Copy();
        gone.Delete($"tree/{Tables()[0]}");
        var damage = Assert.Single(Damages(gone)).Text;
        Assert.Contains("the manifest names this table", damage, StringComparison.Ordinal);
        _disk.WriteAll($"tree/{Tables()[0]}", _disk.ReadAll($"tree/{Tables()[1]}"));
        Assert.Contains("not the table that the manifest names", Assert.Single(Damages(_disk)).Text,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Left_over_files_are_notes_and_nothing_is_changed()
    {
        _disk.WriteAll("tree/0000000099.table", [1, 2]);
        _disk.WriteAll("tree/manifest.new", [1]);
        _disk.WriteAll("tree/hello", [1]);
        var before = _disk.ListFiles("tree");
        var findings = new TreeInspector(_disk, "tree").Run();
        Assert.Equal(3, findings.Count(finding => finding.Kind == FindingKind.Note));
        Assert.Empty(Damages(_disk));
        Assert.Equal(before, _disk.ListFiles("tree"));
    }

    private string[] Tables() => [.. _disk.ListFiles("tree")
        .Where(name => name.EndsWith(".table", StringComparison.Ordinal))];

    private static Finding[] Damages(CrashFileSystem disk) => [.. new TreeInspector(disk, "tree").Run()
        .Where(finding => finding.Kind == FindingKind.Damage)];
}
