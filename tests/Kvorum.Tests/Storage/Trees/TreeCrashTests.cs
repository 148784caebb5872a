using Kvorum.Storage.Trees;

namespace Kvorum.Tests.Storage.Trees;

/// <summary>
/// Checkpoints and installs cut short at every operation on the disk: the tree is always one whole state.
/// </summary>
public class TreeCrashTests
{
    private const int Seeds = 6;
    private const int InstalledIndex = 1000;
    private static readonly TreeOptions Options = new() { BlockBytes = 64 };
    private static readonly byte[] Received = MakeReceived();

    [Fact]
    public void After_a_power_cut_at_any_operation_the_tree_is_a_whole_checkpoint()
    {
        int operations = Operations();
        for (int cut = 0; cut <= operations; cut++)
        {
            var disk = new CrashFileSystem { PowerOffAfter = cut };
            ulong durable = Run(disk);
            for (int seed = 0; seed < Seeds; seed++)
                Check(disk.Crash(seed), durable, $"power off after operation {cut}, seed {seed}");
        }
    }

    [Fact]
    public void After_any_one_failed_operation_the_tree_is_a_whole_checkpoint()
    {
        int operations = Operations();
        for (int failed = 1; failed <= operations; failed++)
        {
            var disk = new CrashFileSystem { FailAt = failed };
            ulong durable = Run(disk);
            for (int seed = 0; seed < Seeds; seed++)
                Check(disk.Crash(seed), durable, $"{disk.Trace[failed - 1]} ({failed}) failed, seed {seed}");
        }
    }

    [Fact]
    public void A_full_disk_fails_the_checkpoint_and_leaves_the_older_one()
    {
        for (long room = 0; room < 6000; room += 37)
        {
            var disk = new CrashFileSystem { BytesMax = room };
            ulong durable = Run(disk);
            Check(disk.Crash((int)(room % Seeds)), durable, $"{room} bytes of disk");
        }
    }

    [Fact]
    public void After_a_failed_checkpoint_the_next_one_is_made()
    {
        var disk = new CrashFileSystem();
        Tree tree = Tree.Open(disk, "tree", Options);
        Fill(tree, 1, 10);
        disk.Fault = (operation, _) => operation == "sync" ? new IOException("injected") : null;
        CheckpointJob job = tree.BeginCheckpoint(default);
        Assert.Throws<InvalidOperationException>(() => tree.BeginCheckpoint(default));
        Assert.Equal("injected", Assert.Throws<IOException>(job.Write).Message);
        Assert.Throws<InvalidOperationException>(job.Complete);
        disk.Fault = null;
        Assert.Empty(disk.ListFiles("tree"));
        Checkpoint(tree);
        Assert.Equal(10ul, Tree.Open(disk.Crash(0), "tree", Options).AppliedIndex);
    }

    [Fact]
    public void A_checkpoint_that_is_overtaken_by_an_install_does_not_come_back()
    {
        var disk = new CrashFileSystem();
        Tree tree = Tree.Open(disk, "tree", Options);
        Fill(tree, 1, 10);
        CheckpointJob job = tree.BeginCheckpoint(default);
        Install(tree);
        job.Write();
        Assert.Equal((ulong)InstalledIndex, job.Complete().AppliedIndex);
        Assert.Equal((ulong)InstalledIndex, Tree.Open(disk.Crash(1), "tree", Options).AppliedIndex);
        Assert.Single(disk.ListFiles("tree"));
    }

    [Fact]
    public void A_checkpoint_that_is_read_stays_until_its_reader_closes()
    {
        var disk = new CrashFileSystem();
        Tree tree = Tree.Open(disk, "tree", Options);
        Fill(tree, 1, 10);
        Checkpoint(tree);
        CheckpointReader reader = tree.OpenCheckpoint()!;
        byte[] before = ReadAll(reader);
        Fill(tree, 11, 20);
        Checkpoint(tree);
        Assert.Equal(2, disk.ListFiles("tree").Count);
        Assert.Equal(before, ReadAll(reader));
        reader.Dispose();
        reader.Dispose();
        Assert.Single(disk.ListFiles("tree"));
    }

    // Checkpoints at 5, 10 and 15, one of them read meanwhile, then an install. Returns the durable index.
    private static ulong Run(CrashFileSystem disk)
    {
        ulong durable = 0;
        try
        {
            Tree tree = Tree.Open(disk, "tree", Options);
            CheckpointReader? reader = null;
            for (ulong index = 5; index <= 15; index += 5)
            {
                Fill(tree, index - 4, index);
                durable = Math.Max(durable, TryCheckpoint(tree));
                if (index == 5)
                    reader = tree.OpenCheckpoint();
            }

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

    private static ulong Checkpoint(Tree tree)
    {
        CheckpointJob job = tree.BeginCheckpoint(TestBytes.Of($"tag {tree.AppliedIndex}"));
        job.Write();
        return job.Complete().AppliedIndex;
    }

    private static void Install(Tree tree)
    {
        using CheckpointReceiver receiver = tree.BeginReceive(
            new CheckpointInfo(InstalledIndex, Received.Length, TestBytes.Of($"tag {InstalledIndex}")));
        foreach (byte[] piece in Received.Chunk(1000))
            receiver.Write(piece);
        receiver.Verify();
        tree.Install(receiver);
    }

    private static void Check(CrashFileSystem disk, ulong durable, string context)
    {
        Tree tree = Tree.Open(disk, "tree", Options);
        Assert.True(tree.AppliedIndex >= durable, $"{context}: {durable} was durable");
        CheckContent(tree, context);
        Assert.True(disk.ListFiles("tree").Count <= 1, context);

        ulong next = tree.AppliedIndex + 1;
        Fill(tree, next, next);
        Checkpoint(tree);
        Tree again = Tree.Open(disk.Crash(0), "tree", Options);
        Assert.Equal(next, again.AppliedIndex);
        CheckContent(again, context);
    }

    // At an index the tree holds the key of each index up to it; after the install only those from there on.
    private static void CheckContent(Tree tree, string context)
    {
        ulong first = tree.AppliedIndex < InstalledIndex ? 1 : (ulong)InstalledIndex - 99;
        using ReadView view = tree.OpenView();
        ulong expected = first;
        foreach ((ReadOnlyMemory<byte> key, _) in view.Scan(default, default))
            Assert.Equal($"key {expected++:D6}", TestBytes.Text(key));
        Assert.True(expected == tree.AppliedIndex + 1, $"{context}: keys up to {expected}");
        if (tree.Checkpoint is { } info)
            Assert.Equal($"tag {info.AppliedIndex}", TestBytes.Text(info.Tag));
    }

    private static void Fill(Tree tree, ulong from, ulong to)
    {
        for (ulong index = from; index <= to; index++)
        {
            var batch = new WriteBatch();
            batch.Put(TestBytes.Of($"key {index:D6}"), new byte[20]);
            tree.Write(batch, index);
        }
    }

    private static byte[] MakeReceived()
    {
        Tree sender = Tree.Open(new CrashFileSystem(), "sender", Options);
        Fill(sender, InstalledIndex - 99, InstalledIndex);
        Checkpoint(sender);
        using CheckpointReader reader = sender.OpenCheckpoint()!;
        return ReadAll(reader);
    }

    private static byte[] ReadAll(CheckpointReader reader)
    {
        byte[] bytes = new byte[reader.Info.Bytes + 1];
        Assert.Equal(reader.Info.Bytes, reader.Read(0, bytes));
        return bytes[..^1];
    }

    private static int Operations()
    {
        var disk = new CrashFileSystem();
        Assert.Equal(InstalledIndex + 3ul, Run(disk));
        Check(disk.Crash(0), InstalledIndex + 3, "no fault");
        return disk.Operations;
    }
}
