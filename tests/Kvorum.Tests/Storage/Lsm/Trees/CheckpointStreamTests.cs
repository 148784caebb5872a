using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Tests.Storage.Lsm.Trees;

/// <summary>What comes from another replica is never believed before it is verified.</summary>
public class CheckpointStreamTests
{
    private readonly byte[] _whole;
    private readonly CheckpointInfo _info;

    public CheckpointStreamTests()
    {
        using var sender = TestTrees.Open(new CrashFileSystem());
        for (ulong index = 1; index <= 40; index++)
        {
            var batch = new WriteBatch();
            batch.Put(TestBytes.Of($"key {index * 7 % 10}"), TestBytes.Of($"{index}"));
            sender.Write(batch, index);
            if (index % 10 == 0)
                TestTrees.Checkpoint(sender);
            if (index == 30)
                TestTrees.Compact(sender);
        }

        using var reader = sender.OpenCheckpoint()!;
        (_info, _whole) = (reader.Info, TestTrees.ReadAll(reader));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100_000)]
    public void Pieces_of_any_size_make_the_same_tree(int pieceBytes)
    {
        var disk = new CrashFileSystem();
        using var tree = TestTrees.Open(disk);
        TestTrees.Install(tree, _info, _whole, pieceBytes);
        Assert.Equal(10, TestTrees.Content(tree).Length);
        Assert.Equal(40ul, tree.AppliedIndex);
        Assert.False(_info.IsInstalled);
        Assert.Equal(_info with { IsInstalled = true }, tree.Checkpoint! with { Tag = _info.Tag });
        using (var again = TestTrees.Open(disk.Crash(0)))
            Assert.True(again.Checkpoint!.IsInstalled);
        using var reader = tree.OpenCheckpoint()!;
        Assert.Equal(_info.Bytes, reader.Info.Bytes);
    }

    [Fact]
    public void Any_flipped_byte_and_any_other_length_is_refused_and_leaves_nothing()
    {
        for (var at = 0; at < _whole.Length; at++)
        {
            byte[] flipped = [.. _whole];
            flipped[at] ^= 0x10;
            CheckRefused(flipped, _info);
        }

        for (var length = 0; length < _whole.Length; length += 13)
        {
            CheckRefused(_whole[..length], _info);
            CheckRefused(_whole[..length], _info with { Bytes = length });
        }

        CheckRefused([.. _whole, 0], _info);
        CheckRefused([.. _whole, 0], _info with { Bytes = _info.Bytes + 1 });
        CheckRefused(_whole, _info with { AppliedIndex = 41 });
        CheckRefused(_whole, _info with { Tag = "other"u8.ToArray() });
    }

    private static void CheckRefused(byte[] bytes, CheckpointInfo info)
    {
        var disk = new CrashFileSystem();
        using var tree = TestTrees.Open(disk);
        using (var receiver = tree.BeginReceive(info))
        {
            Assert.Throws<TreeDamagedException>(() =>
            {
                receiver.Write(bytes);
                receiver.Verify();
            });
            Assert.Throws<InvalidOperationException>(() => tree.BeginInstall(receiver));
        }

        Assert.Equal(0ul, tree.AppliedIndex);
        // The manifest of nothing, made before the first table, may stay.
        Assert.DoesNotContain(disk.ListFiles("tree"), static name => name != "manifest");
    }
}
