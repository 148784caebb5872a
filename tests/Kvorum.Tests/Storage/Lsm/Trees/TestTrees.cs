using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Tests.Storage.Lsm.Trees;

/// <summary>Trees with small tables, so that a test has many of them.</summary>
internal static class TestTrees
{
    public static readonly TreeOptions Small =
        new() { BlockBytes = 128, TableBytes = 2000, LevelBaseBytes = 6000, Level0Tables = 3 };

    public static Tree Open(CrashFileSystem disk, string folder = "tree", TreeOptions? options = null) =>
        Tree.Open(new TreeShare(disk, 64 << 10), folder, options ?? Small);

    public static CheckpointInfo Checkpoint(Tree tree)
    {
        var job = tree.BeginCheckpoint(TestBytes.Of($"tag {tree.AppliedIndex}"));
        job.Write();
        var made = job.Complete()!;
        tree.RemoveDiscarded();
        return made;
    }

    /// <summary>Compacts until there is nothing to do; how many compactions it took.</summary>
    public static int Compact(Tree tree)
    {
        var count = 0;
        for (; tree.PickCompaction() is { } job; count++)
        {
            while (!job.Run(500))
            {
            }

            job.Complete();
        }

        tree.RemoveDiscarded();

        return count;
    }

    public static byte[] ReadAll(CheckpointReader reader)
    {
        var bytes = new byte[reader.Info.Bytes + 1];
        Assert.Equal(reader.Info.Bytes, reader.Read(0, bytes));
        return bytes[..^1];
    }

    public static void Install(Tree tree, CheckpointInfo info, byte[] stream, int pieceBytes = 1000)
    {
        using var receiver = tree.BeginReceive(info);
        foreach (var piece in stream.Chunk(pieceBytes))
            receiver.Write(piece);
        receiver.Verify();
        Install(tree, receiver);
    }

    public static void Install(Tree tree, CheckpointReceiver receiver)
    {
        var job = tree.BeginInstall(receiver);
        job.Write();
        job.Complete();
    }

    public static (string Key, string Value)[] Content(Tree tree)
    {
        using var view = tree.OpenView();
        return [.. view.Scan(default, default)
            .Select(pair => (TestBytes.Text(pair.Key), TestBytes.Text(pair.Value)))];
    }
}
