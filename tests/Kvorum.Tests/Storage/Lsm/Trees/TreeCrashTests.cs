using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Tests.Storage.Lsm.Trees;

/// <summary>
/// Checkpoints, compactions and installs cut short at every operation on the disk: the tree is always one
/// whole state, and no file is left over.
/// </summary>
public class TreeCrashTests
{
    private const int Seeds = 6;
    private const int InstalledIndex = 1000;
    private static readonly byte[] Received = MakeReceived();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void After_a_power_cut_at_any_operation_the_tree_is_a_whole_checkpoint(bool isEncrypted)
    {
        var operations = Operations(isEncrypted);
        for (var cut = 0; cut <= operations; cut++)
        {
            var disk = new CrashFileSystem { Keys = TestKeys.If(isEncrypted), PowerOffAfter = cut };
            var durable = Run(disk);
            for (var seed = 0; seed < Seeds; seed++)
                Check(disk.Crash(seed), durable, $"power off after operation {cut}, seed {seed}");
        }
    }

    // The second time another process comes between: it finds what the first one wrote in the kernel's
    // memory, and the power may go before it has written a thing itself.
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void After_any_one_failed_operation_the_tree_is_a_whole_checkpoint(
        bool isOpenedBetween, bool isEncrypted)
    {
        var operations = Operations(isEncrypted);
        for (var failed = 1; failed <= operations; failed++)
        {
            var disk = new CrashFileSystem { Keys = TestKeys.If(isEncrypted), FailAt = failed };
            var durable = Run(disk);
            if (isOpenedBetween)
                CheckContent(TestTrees.Open(disk), $"{disk.Trace[failed - 1]} ({failed}) failed");
            for (var seed = 0; seed < Seeds; seed++)
                Check(disk.Crash(seed), durable, $"{disk.Trace[failed - 1]} ({failed}) failed, seed {seed}");
        }
    }

    // Swarm seed 1889075244, a layer up: what an unsynced manifest no longer names must not go.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_was_found_at_the_start_is_durable_once_it_is_settled(bool isEncrypted)
    {
        var operations = Operations(isEncrypted);
        for (var failed = 1; failed <= operations; failed++)
        {
            var disk = new CrashFileSystem { Keys = TestKeys.If(isEncrypted), FailAt = failed };
            var durable = Run(disk);
            var tree = TestTrees.Open(disk);
            durable = Math.Max(durable, tree.AppliedIndex);
            tree.ResyncManifest();
            for (var seed = 0; seed < Seeds; seed++)
                Check(disk.Crash(seed), durable, $"{disk.Trace[failed - 1]} ({failed}) failed, seed {seed}");
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_full_disk_fails_the_checkpoint_and_leaves_the_older_one(bool isEncrypted)
    {
        for (long room = 0; room < (isEncrypted ? 20000 : 16000); room += 101)
        {
            var disk = new CrashFileSystem { Keys = TestKeys.If(isEncrypted), BytesMax = room };
            var durable = Run(disk);
            Check(disk.Crash((int)(room % Seeds)), durable, $"{room} bytes of disk");
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void After_a_failed_checkpoint_the_next_one_is_made(bool isEncrypted)
    {
        var disk = new CrashFileSystem { Keys = TestKeys.If(isEncrypted) };
        var tree = TestTrees.Open(disk);
        Fill(tree, 1, 10);
        disk.Fault = (operation, _) => operation == "sync" ? new IOException("injected") : null;
        var job = tree.BeginCheckpoint(default);
        Assert.Throws<InvalidOperationException>(() => tree.BeginCheckpoint(default));
        Assert.Equal("injected", Assert.Throws<IOException>(job.Write).Message);
        Assert.Throws<InvalidOperationException>(job.Complete);
        disk.Fault = null;
        Assert.Empty(disk.ListFiles("tree"));
        Checkpoint(tree);
        Assert.Equal(10ul, TestTrees.Open(disk.Crash(0)).AppliedIndex);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_checkpoint_that_is_overtaken_by_an_install_does_not_come_back(bool isEncrypted)
    {
        var disk = new CrashFileSystem { Keys = TestKeys.If(isEncrypted) };
        var tree = TestTrees.Open(disk);
        Fill(tree, 1, 10);
        var job = tree.BeginCheckpoint(default);
        Install(tree);
        job.Write();
        Assert.Equal((ulong)InstalledIndex, job.Complete()!.AppliedIndex);
        Assert.Equal((ulong)InstalledIndex, TestTrees.Open(disk.Crash(1)).AppliedIndex);
        CheckFiles(disk, tree, "overtaken");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_compaction_that_is_overtaken_by_an_install_does_not_come_back(bool isEncrypted)
    {
        var disk = new CrashFileSystem { Keys = TestKeys.If(isEncrypted) };
        var tree = TestTrees.Open(disk);
        for (ulong index = 1; index <= 5; index++)
        {
            Fill(tree, index, index);
            Checkpoint(tree);
        }

        var job = tree.PickCompaction()!;
        Assert.Null(tree.PickCompaction());
        Install(tree);
        Assert.True(job.Run());
        job.Complete();
        CheckContent(tree, "overtaken");
        CheckFiles(disk, tree, "overtaken");
        CheckContent(TestTrees.Open(disk.Crash(1)), "after a crash");
    }

    // What waits for room is installed later, and its tables must still be there then.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_compaction_that_ends_while_an_install_waits_for_room_leaves_what_was_received(
        bool isEncrypted)
    {
        var disk = new CrashFileSystem { Keys = TestKeys.If(isEncrypted) };
        var tree = TestTrees.Open(disk);
        for (ulong index = 1; index <= 5; index++)
        {
            Fill(tree, index, index);
            Checkpoint(tree);
        }

        var compaction = tree.PickCompaction()!;
        using var receiver = tree.BeginReceive(ReceivedInfo);
        receiver.Write(Received);
        receiver.Verify();
        var install = tree.BeginInstall(receiver);
        disk.Fault = (operation, path) =>
            operation == "create" && path.EndsWith("manifest.new", StringComparison.Ordinal)
                ? new DiskFullException($"{path}: no room") : null;
        Assert.Throws<DiskFullException>(install.Write);
        disk.Fault = null;
        Assert.True(compaction.Run());
        compaction.Complete();
        install.Write();
        install.Complete();
        tree.RemoveDiscarded();
        CheckContent(tree, "installed");
        CheckFiles(disk, tree, "installed");
        CheckContent(TestTrees.Open(disk.Crash(1)), "after a crash");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_tree_that_is_closed_during_a_compaction_leaves_nothing_behind(bool isEncrypted)
    {
        var disk = new CrashFileSystem { Keys = TestKeys.If(isEncrypted) };
        var tree = TestTrees.Open(disk);
        for (ulong index = 1; index <= 60; index += 20)
        {
            Fill(tree, index, index + 18);
            var batch = new WriteBatch();
            batch.Put(TestBytes.Of($"key {index + 19:D6}"), new byte[20]);
            batch.Put("key 000001"u8, new byte[20]);
            tree.Write(batch, index + 19);
            Checkpoint(tree);
        }

        Assert.False(tree.PickCompaction()!.Run(100));
        tree.Dispose();
        var again = TestTrees.Open(disk);
        CheckContent(again, "again");
        again.ResyncManifest();
        CheckFiles(disk, again, "again");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_checkpoint_that_is_read_stays_until_its_reader_closes(bool isEncrypted)
    {
        var disk = new CrashFileSystem { Keys = TestKeys.If(isEncrypted) };
        var tree = TestTrees.Open(disk);
        Fill(tree, 1, 10);
        Checkpoint(tree);
        var reader = tree.OpenCheckpoint()!;
        var before = ReadAll(reader);
        Fill(tree, 11, 20);
        Checkpoint(tree);
        Fill(tree, 21, 30);
        Checkpoint(tree);
        Assert.NotEqual(0, TestTrees.Compact(tree));
        Assert.Equal(before, ReadAll(reader));
        reader.Dispose();
        reader.Dispose();
        CheckFiles(disk, tree, "closed");
    }

    // Checkpoints at 5, 10, 15 and 20, one of them read meanwhile, a compaction, then an install. Returns the
    // durable index.
    private static ulong Run(CrashFileSystem disk)
    {
        ulong durable = 0;
        try
        {
            var tree = TestTrees.Open(disk);
            CheckpointReader? reader = null;
            for (ulong index = 5; index <= 20; index += 5)
            {
                Fill(tree, index - 4, index);
                durable = Math.Max(durable, TryCheckpoint(tree));
                if (index == 5)
                    reader = tree.OpenCheckpoint();
            }

            TryCompact(tree);
            reader?.Dispose();
            Install(tree);
            durable = InstalledIndex;
            Fill(tree, InstalledIndex + 1, InstalledIndex + 3);
            durable = Math.Max(durable, TryCheckpoint(tree));
        }
        catch (IOException error)
        {
            Assert.IsNotType<TreeDamagedException>(error);
        }

        return durable;
    }

    private static ulong TryCheckpoint(Tree tree)
    {
        try
        {
            return Checkpoint(tree);
        }
        catch (IOException)
        {
            // The node may go on without it.
            return 0;
        }
    }

    private static void TryCompact(Tree tree)
    {
        try
        {
            TestTrees.Compact(tree);
        }
        catch (IOException error)
        {
            Assert.IsNotType<TreeDamagedException>(error);
        }
    }

    private static ulong Checkpoint(Tree tree) => TestTrees.Checkpoint(tree).AppliedIndex;

    private static CheckpointInfo ReceivedInfo =>
        new(InstalledIndex, Received.Length, TestBytes.Of($"tag {InstalledIndex}"));

    private static void Install(Tree tree) => TestTrees.Install(tree, ReceivedInfo, Received);

    private static void Check(CrashFileSystem disk, ulong durable, string context)
    {
        var tree = TestTrees.Open(disk);
        Assert.True(tree.AppliedIndex >= durable, $"{context}: {durable} was durable");
        CheckContent(tree, context);
        tree.ResyncManifest();
        CheckFiles(disk, tree, context);

        var next = tree.AppliedIndex + 1;
        Fill(tree, next, next);
        Checkpoint(tree);
        var again = TestTrees.Open(disk.Crash(0));
        Assert.Equal(next, again.AppliedIndex);
        CheckContent(again, context);
    }

    private static void CheckFiles(CrashFileSystem disk, Tree tree, string context)
    {
        tree.RemoveDiscarded();
        var expected = tree.Levels.Sum(level => level.Tables);
        // The manifest comes before the first checkpoint's table, and stays whatever becomes of that one.
        string[] files = [.. disk.ListFiles("tree").Where(name => name != "manifest")];
        Assert.True(files.Length == expected, $"{context}: {string.Join(' ', files)}");
        Assert.True(tree.Checkpoint is null || disk.Exists("tree/manifest"), $"{context}: no manifest");
    }

    // At an index the tree holds the key of each index up to it; after the install only those from there on.
    private static void CheckContent(Tree tree, string context)
    {
        var first = tree.AppliedIndex < InstalledIndex ? 1 : (ulong)InstalledIndex - 99;
        using var view = tree.OpenView();
        var expected = first;
        foreach (var (key, _) in view.Scan(default, default))
            Assert.Equal($"key {expected++:D6}", TestBytes.Text(key));
        Assert.True(expected == tree.AppliedIndex + 1, $"{context}: keys up to {expected}");
        if (tree.Checkpoint is { } info)
            Assert.Equal($"tag {info.AppliedIndex}", TestBytes.Text(info.Tag));
    }

    private static void Fill(Tree tree, ulong from, ulong to)
    {
        for (var index = from; index <= to; index++)
        {
            var batch = new WriteBatch();
            batch.Put(TestBytes.Of($"key {index:D6}"), new byte[20]);
            tree.Write(batch, index);
        }
    }

    private static byte[] MakeReceived()
    {
        var sender = TestTrees.Open(new CrashFileSystem());
        for (ulong index = InstalledIndex - 99; index <= InstalledIndex; index += 20)
        {
            Fill(sender, index, index + 19);
            Checkpoint(sender);
        }

        TestTrees.Compact(sender);
        using var reader = sender.OpenCheckpoint()!;
        return ReadAll(reader);
    }

    private static byte[] ReadAll(CheckpointReader reader) => TestTrees.ReadAll(reader);

    private static int Operations(bool isEncrypted)
    {
        var disk = new CrashFileSystem { Keys = TestKeys.If(isEncrypted) };
        Assert.Equal(InstalledIndex + 3ul, Run(disk));
        Check(disk.Crash(0), InstalledIndex + 3, "no fault");
        return disk.Operations;
    }
}
