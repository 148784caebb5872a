using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Tests.Storage.Lsm.Trees;

public class TreeTests
{
    private readonly CrashFileSystem _disk = new();

    [Fact]
    public void Writes_are_read_and_views_stay_as_they_were()
    {
        using var tree = TestTrees.Open(_disk);
        Put(tree, 1, "a", "1");
        using var view = tree.OpenView();
        Put(tree, 2, "a", "2");
        Put(tree, 3, "b", "3");
        TestTrees.Checkpoint(tree);
        Put(tree, 4, "c", "4");

        Assert.Equal("2", Get(tree, "a"));
        Assert.Equal(4ul, tree.AppliedIndex);
        Assert.Equal(1ul, view.AppliedIndex);
        Assert.Equal(["a=1"], view.Scan(default, default).Select(Line));
        using var later = tree.OpenView();
        Assert.Equal(["a=2", "b=3", "c=4"], later.Scan(default, default).Select(Line));
        Assert.Equal(["c=4", "b=3", "a=2"], later.Scan(default, default, reverse: true).Select(Line));
        Assert.Equal(["b=3"], later.Scan("b"u8.ToArray(), "c"u8.ToArray(), reverse: true).Select(Line));
        Assert.Equal(3, tree.Count);
    }

    [Fact]
    public void A_cursor_goes_anywhere_and_outlives_its_view()
    {
        using var tree = TestTrees.Open(_disk);
        for (var i = 0; i < 100; i++)
            Put(tree, (ulong)i + 1, $"{i:d3}", $"v{i}");
        TestTrees.Checkpoint(tree);
        TestTrees.Compact(tree);
        Put(tree, 200, "050x", "new");
        var view = tree.OpenView();
        using var cursor = view.OpenCursor("010"u8, "090"u8);
        view.Dispose();
        Put(tree, 201, "050y", "later");
        Assert.False(cursor.IsValid);
        cursor.Seek("050a"u8);
        Assert.Equal("050x=new", Line(cursor));
        cursor.Next();
        Assert.Equal("051=v51", Line(cursor));
        cursor.Previous();
        cursor.Previous();
        Assert.Equal("050=v50", Line(cursor));
        cursor.Seek("000"u8);
        Assert.Equal("010=v10", Line(cursor));
        cursor.SeekToLast();
        Assert.Equal("089=v89", Line(cursor));
        cursor.Next();
        Assert.False(cursor.IsValid);
        cursor.SeekToFirst();
        Assert.Equal("010=v10", Line(cursor));
        cursor.Seek("095"u8);
        Assert.False(cursor.IsValid);
        Assert.Throws<ObjectDisposedException>(() => view.OpenCursor());
    }

    [Fact]
    public void An_empty_tree_has_no_files_and_no_memory_of_its_own()
    {
        using var share = new TreeShare(_disk, 64 << 10);
        using var tree = Tree.Open(share, "tree", new TreeOptions());
        Assert.Empty(_disk.ListFiles("tree"));
        Assert.Equal(0, tree.MemTableBytes);
        Assert.Null(tree.Checkpoint);
        Assert.Null(tree.OpenCheckpoint());
        Assert.Null(tree.PickCompaction());
        Assert.Empty(TestTrees.Content(tree));

        // What this thread allocates is more than what stays, and nothing of the other tests is in it.
        var trees = new Tree[200];
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < trees.Length; i++)
        {
            trees[i] = Tree.Open(share, $"tree{i}", new TreeOptions());
            Put(trees[i], 1, "a", "1");
        }

        var managed = (GC.GetAllocatedBytesForCurrentThread() - before) / trees.Length;
        Assert.InRange(managed + (share.MemTableBytes / trees.Length), 0, 64 << 10);
        foreach (var each in trees)
            each.Dispose();
        Assert.Equal(0, share.MemTableBytes);
    }

    [Fact]
    public void A_checkpoint_is_opened_again()
    {
        var tree = TestTrees.Open(_disk);
        for (var round = 1; round <= 2; round++)
        {
            for (var i = 0; i < 1000; i++)
                Put(tree, (ulong)(round * 1000 + i), $"key{i:D4}", $"{round}");
            Assert.Equal(tree.AppliedIndex, TestTrees.Checkpoint(tree).AppliedIndex);
            Assert.Equal(0, tree.MemTableBytes);
        }

        using var again = TestTrees.Open(_disk.Crash(0));
        Assert.Equal(2999ul, again.AppliedIndex);
        Assert.Equal(TestTrees.Content(tree), TestTrees.Content(again));
        Assert.Equal(tree.Bytes, again.Bytes);
        Assert.Equal("2", Get(again, "key0999"));
        Assert.Equal("tag 2999", TestBytes.Text(again.Checkpoint!.Tag));
        Put(again, 3000, "key0500", "3");
        Assert.Equal("3", Get(again, "key0500"));
    }

    [Fact]
    public void Memory_of_many_trees_is_counted_and_given_back()
    {
        using var share = new TreeShare(_disk, 64 << 10);
        using var one = Tree.Open(share, "one", new TreeOptions());
        using var two = Tree.Open(share, "two", new TreeOptions());
        for (var i = 1; i <= 1000; i++)
        {
            Put(one, (ulong)i, $"{i}", new string('x', 100));
            Put(two, (ulong)i, "same", "x");
        }

        Assert.InRange(one.MemTableBytes, 100_000, 600_000);
        Assert.Equal(one.MemTableBytes + two.MemTableBytes, share.MemTableBytes);
        TestTrees.Checkpoint(one);
        Assert.Equal(two.MemTableBytes, share.MemTableBytes);
    }

    [Fact]
    public void Compactions_drop_what_is_gone_and_give_the_disk_back()
    {
        using var tree = TestTrees.Open(_disk);
        ulong index = 0;
        for (var round = 0; round < 6; round++)
        {
            for (var i = 0; i < 200; i++)
                Put(tree, ++index, $"key{i:D4}", $"{round} {i}");
            TestTrees.Checkpoint(tree);
        }

        var before = tree.DiskBytes;
        Assert.Equal(6, tree.Levels[0].Tables);
        Assert.NotEqual(0, TestTrees.Compact(tree));
        Assert.Equal(0, tree.Levels[0].Tables);
        Assert.InRange(tree.DiskBytes, 1, before / 3);
        Assert.Equal(200, tree.Count);
        Assert.Equal(Enumerable.Range(0, 200).Select(i => ($"key{i:D4}", $"5 {i}")), TestTrees.Content(tree));
        Assert.Equal(tree.Levels.Sum(level => level.Tables) + 1, _disk.ListFiles("tree").Count);

        for (var i = 0; i < 200; i++)
            Delete(tree, ++index, $"key{i:D4}");
        TestTrees.Checkpoint(tree);
        TestTrees.Compact(tree);
        Assert.Equal(0, tree.DiskBytes);
        Assert.Equal(["manifest"], _disk.ListFiles("tree"));
        Assert.Equal(index, TestTrees.Open(_disk.Crash(0)).AppliedIndex);
    }

    [Fact]
    public void A_view_keeps_the_tables_it_reads()
    {
        using var tree = TestTrees.Open(_disk);
        ulong index = 0;
        for (var round = 0; round < 5; round++)
        {
            for (var i = 0; i < 50; i++)
                Put(tree, ++index, $"{i:D3}", $"{round}");
            TestTrees.Checkpoint(tree);
        }

        var view = tree.OpenView();
        var files = _disk.ListFiles("tree").Count;
        Put(tree, ++index, "000", "new");
        TestTrees.Compact(tree);
        Assert.True(_disk.ListFiles("tree").Count > files);
        Assert.Equal(
            Enumerable.Repeat("4", 50),
            view.Scan(default, default).Select(pair => TestBytes.Text(pair.Value)));
        view.Dispose();
        tree.RemoveDiscarded();
        Assert.Equal(tree.Levels.Sum(level => level.Tables) + 1, _disk.ListFiles("tree").Count);
    }

    [Fact]
    public void A_received_checkpoint_replaces_everything()
    {
        using var sender = TestTrees.Open(_disk, "sender");
        for (var i = 1; i <= 500; i++)
        {
            Put(sender, (ulong)i, $"key{i:D4}", $"{i}");
            if (i % 40 == 0)
                TestTrees.Checkpoint(sender);
            if (i == 300)
                TestTrees.Compact(sender);
        }

        TestTrees.Checkpoint(sender);
        using var reader = sender.OpenCheckpoint()!;
        Assert.Equal(reader.Info, sender.Checkpoint);
        using var tree = TestTrees.Open(_disk);
        Put(tree, 5, "old", "old");
        TestTrees.Checkpoint(tree);
        Put(tree, 6, "older", "old");
        var receiver = tree.BeginReceive(reader.Info);
        var piece = new byte[100];
        while (reader.Read(receiver.Received, piece) is > 0 and var count)
            receiver.Write(piece.AsSpan(0, count));
        receiver.Verify();
        Assert.Equal("old", Get(tree, "old"));
        TestTrees.Install(tree, receiver);

        Assert.Null(Get(tree, "old"));
        Assert.Equal(TestTrees.Content(sender), TestTrees.Content(tree));
        Assert.Equal(500ul, tree.AppliedIndex);
        using var again = TestTrees.Open(_disk.Crash(0));
        Assert.Equal("7", Get(again, "key0007"));
        Put(again, 501, "key0007", "8");
        TestTrees.Checkpoint(again);
        TestTrees.Compact(again);
        Assert.Equal("8", Get(again, "key0007"));
    }

    [Fact]
    public void An_index_that_does_not_rise_is_refused()
    {
        using var tree = TestTrees.Open(_disk);
        Put(tree, 5, "a", "1");
        Assert.Throws<InvalidOperationException>(() => Put(tree, 5, "a", "2"));
        Assert.Throws<InvalidOperationException>(() => tree.Write(new WriteBatch(), 4));
        tree.Write(new WriteBatch(), 5);
        Assert.Equal("1", Get(tree, "a"));
    }

    [Fact]
    public void A_lost_or_foreign_table_is_damage_that_is_told()
    {
        using var tree = TestTrees.Open(_disk);
        Put(tree, 1, "a", "1");
        TestTrees.Checkpoint(tree);
        Put(tree, 2, "b", "2");
        TestTrees.Checkpoint(tree);
        string[] tables = [.. _disk.ListFiles("tree").Where(name => name != "manifest")];
        var foreign = _disk.Copy();
        foreign.WriteAll($"tree/{tables[0]}", _disk.ReadAll($"tree/{tables[1]}"));
        var message = Assert.Throws<TreeDamagedException>(() => TestTrees.Open(foreign)).Message;
        Assert.Contains("not the table", message, StringComparison.Ordinal);
        var lost = _disk.Copy();
        lost.Lose($"tree/{tables[1]}");
        message = Assert.Throws<TreeDamagedException>(() => TestTrees.Open(lost)).Message;
        Assert.Contains(tables[1], message, StringComparison.Ordinal);
        Assert.Contains("Restore the node from its peers", message, StringComparison.Ordinal);
    }

    private static void Put(Tree tree, ulong index, string key, string value)
    {
        var batch = new WriteBatch();
        batch.Put(TestBytes.Of(key), TestBytes.Of(value));
        tree.Write(batch, index);
    }

    private static void Delete(Tree tree, ulong index, string key)
    {
        var batch = new WriteBatch();
        batch.Delete(TestBytes.Of(key));
        tree.Write(batch, index);
    }

    private static string? Get(Tree tree, string key) =>
        tree.TryGet(TestBytes.Of(key), out var value) ? TestBytes.Text(value) : null;

    private static string Line(ViewCursor cursor) =>
        $"{TestBytes.Text(cursor.Key.ToArray())}={TestBytes.Text(cursor.Value.ToArray())}";

    private static string Line(KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> pair) =>
        $"{TestBytes.Text(pair.Key)}={TestBytes.Text(pair.Value)}";
}
