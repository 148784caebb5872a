using Kvorum.Storage.Encryption;
using Kvorum.Storage.Files;
using Kvorum.Storage.Inspection;
using Kvorum.Storage.Keys;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Tests.Storage.Lsm.Trees;

public class SealedTreeTests
{
    private const string Key = "a key that is known";
    private const string Value = "a value that is known";

    [Theory]
    [InlineData(BlockCompression.None)]
    [InlineData(BlockCompression.Lz4)]
    public void Nothing_that_was_written_can_be_read_on_the_disk(BlockCompression compression)
    {
        var disk = new CrashFileSystem { Keys = TestKeys.Of(7, 7) };
        using (var tree = TestTrees.Open(disk, options: TestTrees.Small with { Compression = compression }))
        {
            for (ulong index = 1; index <= 400; index += 20)
                Fill(tree, index, index + 19);
            TestTrees.Compact(tree);
            Assert.Equal((tree.TableCounts.All, 0, 0), tree.TableCounts);
            Assert.True(tree.TableCounts.All > 1);
        }

        foreach (var name in disk.ListFiles("tree"))
        {
            var bytes = disk.ReadAll($"tree/{name}").AsSpan();
            Assert.Equal(-1, bytes.IndexOf("that is known"u8));
        }

        using var again = TestTrees.Open(disk);
        Assert.Equal(400, TestTrees.Content(again).Length);
        Assert.True(again.TryGet(TestBytes.Of($"{Key} {123:D6}"), out var value));
        Assert.Equal($"{Value} {123:D6}", TestBytes.Text(value));
        Assert.Equal(FindingKind.Sound, Assert.Single(new TreeInspector(disk, "tree").Run()).Kind);
    }

    [Theory]
    [InlineData(0, 7)]
    [InlineData(7, 0)]
    [InlineData(7, 8)]
    public void Tables_are_written_anew_in_the_background_until_all_have_the_key(ulong before, ulong after)
    {
        var disk = new CrashFileSystem { Keys = TestKeys.Of(before, 7, 8) };
        (string Key, string Value)[] content;
        using (var tree = TestTrees.Open(disk))
        {
            for (ulong index = 1; index <= 400; index += 20)
                Fill(tree, index, index + 19);
            TestTrees.Compact(tree);
            Fill(tree, 401, 401); // one more in level 0
            content = TestTrees.Content(tree);
        }

        disk.Keys = TestKeys.Of(after, 7, 8);
        using (var tree = TestTrees.Open(disk))
        {
            var (all, stale, bytes) = tree.TableCounts;
            Assert.Equal((all, all), (all, stale));
            Assert.Equal(tree.DiskBytes, bytes);
            Assert.True(TestTrees.Compact(tree) > 1);
            Assert.Equal((0, 0L), (tree.TableCounts.Stale, tree.TableCounts.StaleBytes));
            Assert.Null(tree.PickCompaction());
            Assert.Equal(content, TestTrees.Content(tree));
        }

        // The other key is not needed any more, or none is.
        disk.Keys = after == 0 ? null : TestKeys.Of(after, after);
        using var again = TestTrees.Open(disk.Crash(0));
        Assert.Equal(content, TestTrees.Content(again));
    }

    [Theory]
    [InlineData(0, 7)]
    [InlineData(7, 0)]
    [InlineData(7, 8)]
    public void A_checkpoint_goes_from_a_folder_to_one_with_another_key(ulong from, ulong to)
    {
        using var sender = TestTrees.Open(new() { Keys = TestKeys.Of(from, 7, 8) });
        for (ulong index = 1; index <= 100; index += 20)
            Fill(sender, index, index + 19);
        TestTrees.Compact(sender);
        using var reader = sender.OpenCheckpoint()!;
        var stream = TestTrees.ReadAll(reader);
        var disk = new CrashFileSystem { Keys = TestKeys.Of(to, 7, 8) };
        using (var receiver = TestTrees.Open(disk))
        {
            TestTrees.Install(receiver, sender.Checkpoint!, stream);
            Assert.Equal(TestTrees.Content(sender), TestTrees.Content(receiver));
            Assert.Equal(0, receiver.TableCounts.Stale);
        }

        Assert.All(disk.ListFiles("tree"), name => Assert.Equal(
            to == 0, disk.ReadAll($"tree/{name}").AsSpan().IndexOf("that is known"u8) >= 0));
        // What travels is the same bytes as from a plain folder.
        Assert.Equal(stream, PlainStream());
    }

    [Theory]
    [InlineData("tree/manifest")]
    [InlineData("tree/0000000001.table")]
    public void A_missing_key_is_an_error_that_names_file_and_key_and_no_damage(string path)
    {
        var disk = OneTable(7);
        if (path != "tree/manifest")
            disk.WriteAll("tree/manifest", OneTable(0).ReadAll("tree/manifest"));
        disk.Keys = null;
        var error = Assert.Throws<KeyException>(() => TestTrees.Open(disk));
        Assert.StartsWith(
            $"{path} is encrypted with data key 0000000000000007, and no master key was given.",
            error.Message, StringComparison.Ordinal);
        disk.Keys = TestKeys.Of(8, 8);
        error = Assert.Throws<KeyException>(() => TestTrees.Open(disk));
        Assert.StartsWith(
            $"{path} is encrypted with data key 0000000000000007, which is not in the file keys",
            error.Message, StringComparison.Ordinal);
        disk.Keys = new(
            new Dictionary<ulong, byte[]> { [7] = new byte[DataKeys.KeyBytes] }, 7, TestKeys.Random(1));
        error = Assert.Throws<KeyException>(() => TestTrees.Open(disk));
        Assert.StartsWith($"{path}: the checksum of the bytes at offset", error.Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tree/manifest")]
    [InlineData("tree/0000000001.table")]
    public void Any_flipped_bit_is_damage_and_no_wrong_key(string path)
    {
        var disk = OneTable(7);
        var whole = disk.ReadAll(path);
        // The manifest has two records: behind the last one a tear would look the same.
        var end = path == "tree/manifest" ? 60 : whole.Length;
        for (var at = 0; at < end; at++)
        {
            var damaged = whole.ToArray();
            damaged[at] ^= 8;
            var copy = disk.Copy();
            copy.WriteAll(path, damaged);
            var findings = new TreeInspector(copy, "tree").Run();
            Assert.Contains(findings, one => one.Kind == FindingKind.Damage && one.File == path);
            Assert.DoesNotContain(findings, one => one.Text.Contains("data key", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void A_manifest_begins_as_its_grammar_says_and_each_file_has_a_salt_of_its_own()
    {
        var disk = OneTable(7);
        var manifest = disk.ReadAll("tree/manifest");
        var table = disk.ReadAll("tree/0000000001.table");
        Assert.Equal(
            "4b564f52554d4d46" + "04000000", Convert.ToHexStringLower(manifest.AsSpan(0, 12)));
        Assert.Equal("0700000000000000", Convert.ToHexStringLower(manifest.AsSpan(16, 8)));
        Assert.Equal("4b564f52554d5345" + "01000000" + "0700000000000000",
            Convert.ToHexStringLower(table.AsSpan(0, 20)));
        using (var tree = TestTrees.Open(disk))
            tree.ResyncManifest();
        var anew = disk.ReadAll("tree/manifest");
        string[] salts =
        [
            Convert.ToHexString(manifest.AsSpan(24, 16)), Convert.ToHexString(table.AsSpan(20, 16)),
            Convert.ToHexString(anew.AsSpan(24, 16)),
        ];
        Assert.Equal(3, salts.Distinct().Count());
    }

    // On a real disk, past the system's cache.
    [Fact]
    public void A_scrub_reads_encrypted_tables_and_finds_damage_in_them()
    {
        var root = Directory.CreateTempSubdirectory("kvorum-test-").FullName;
        try
        {
            var files = KeyFile.Open(new DiskFileSystem(root), TestKeys.Folder(encrypts: true, 1));
            using var share = new TreeShare(files, 1 << 20);
            using var tree = Tree.Open(share, "tree", TestTrees.Small);
            Fill(tree, 1, 2000);
            var path = Path.Combine(root, "tree", "0000000001.table");
            var bytes = File.ReadAllBytes(path);
            using (var scrub = tree.OpenScrub(0)!)
            {
                long read = 0;
                while (scrub.Run() is > 0 and var piece)
                    read += piece;
                Assert.InRange(read, bytes.Length / 2, bytes.Length);
            }

            bytes[bytes.Length / 3] ^= 1;
            File.WriteAllBytes(path, bytes);
            using var again = tree.OpenScrub(0)!;
            var damage = Assert.Throws<TreeDamagedException>(() =>
            {
                while (again.Run() > 0)
                {
                }
            });
            Assert.Contains("the checksum of a block", damage.Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private static byte[] PlainStream()
    {
        using var sender = TestTrees.Open(new());
        for (ulong index = 1; index <= 100; index += 20)
            Fill(sender, index, index + 19);
        TestTrees.Compact(sender);
        using var reader = sender.OpenCheckpoint()!;
        return TestTrees.ReadAll(reader);
    }

    private static CrashFileSystem OneTable(ulong key)
    {
        var disk = new CrashFileSystem { Keys = TestKeys.Of(key, 7) };
        using var tree = TestTrees.Open(disk);
        Fill(tree, 1, 10);
        return disk;
    }

    private static void Fill(Tree tree, ulong from, ulong to)
    {
        for (var index = from; index <= to; index++)
        {
            var batch = new WriteBatch();
            batch.Put(TestBytes.Of($"{Key} {index:D6}"), TestBytes.Of($"{Value} {index:D6}"));
            tree.Write(batch, index);
        }

        TestTrees.Checkpoint(tree);
    }
}
