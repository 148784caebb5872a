using Kvorum.Storage.Trees;

namespace Kvorum.Tests.Storage.Trees;

public class TreeTests
{
    private readonly CrashFileSystem _disk = new();

    [Fact]
    public void Writes_are_read_and_views_stay_as_they_were()
    {
        Tree tree = Open(_disk);
        Put(tree, 1, "a", "1");
        ReadView view = tree.OpenView();
        Put(tree, 2, "a", "2");
        Put(tree, 3, "b", "3");

        Assert.Equal("2", Get(tree, "a"));
        Assert.Equal(3ul, tree.AppliedIndex);
        Assert.Equal(1ul, view.AppliedIndex);
        Assert.Equal(["a=1"], view.Scan(default, default).Select(Line));
        Assert.Equal(2, tree.Count);
    }

    [Fact]
    public void A_checkpoint_is_opened_again_and_the_older_one_is_gone()
    {
        Tree tree = Open(_disk);
        for (int round = 1; round <= 2; round++)
        {
            for (int i = 0; i < 1000; i++)
                Put(tree, (ulong)(round * 1000 + i), $"key{i:D4}", $"{round}");
            CheckpointJob job = tree.BeginCheckpoint("tag"u8);
            job.Write();
            Assert.Equal(tree.AppliedIndex, job.Complete().AppliedIndex);
        }

        Assert.Single(_disk.ListFiles("tree"));
        Tree again = Open(_disk.Crash(0));
        Assert.Equal(2999ul, again.AppliedIndex);
        Assert.Equal(1000, again.Count);
        Assert.Equal(tree.Bytes, again.Bytes);
        Assert.Equal("2", Get(again, "key0999"));
        Assert.Equal("tag"u8, again.Checkpoint!.Tag.Span);
        Put(again, 3000, "key0500", "3");
        Assert.Equal("3", Get(again, "key0500"));
    }

    [Fact]
    public void A_received_checkpoint_replaces_everything()
    {
        Tree sender = Open(_disk, "sender");
        for (int i = 0; i < 500; i++)
            Put(sender, (ulong)i, $"key{i:D4}", $"{i}");
        CheckpointJob job = sender.BeginCheckpoint("tag"u8);
        job.Write();
        job.Complete();
        using CheckpointReader reader = sender.OpenCheckpoint()!;

        Tree tree = Open(_disk);
        Put(tree, 5, "old", "old");
        CheckpointReceiver receiver = tree.BeginReceive(reader.Info);
        byte[] piece = new byte[100];
        while (reader.Read(receiver.Received, piece) is > 0 and var count)
            receiver.Write(piece.AsSpan(0, count));
        receiver.Verify();
        tree.Install(receiver);

        Assert.Null(Get(tree, "old"));
        Assert.Equal("499", Get(tree, "key0499"));
        Assert.Equal(499ul, tree.AppliedIndex);
        Assert.Equal("7", Get(Open(_disk.Crash(0)), "key0007"));
    }

    private static Tree Open(CrashFileSystem disk, string folder = "tree") =>
        Tree.Open(disk, folder, new TreeOptions { BlockBytes = 512 });

    private static void Put(Tree tree, ulong index, string key, string value)
    {
        var batch = new WriteBatch();
        batch.Put(TestBytes.Of(key), TestBytes.Of(value));
        tree.Write(batch, index);
    }

    private static string? Get(Tree tree, string key) =>
        tree.TryGet(TestBytes.Of(key), out ReadOnlyMemory<byte> value) ? TestBytes.Text(value) : null;

    private static string Line(KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> pair) =>
        $"{TestBytes.Text(pair.Key)}={TestBytes.Text(pair.Value)}";
}
