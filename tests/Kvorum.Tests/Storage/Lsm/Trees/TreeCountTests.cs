using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Tests.Storage.Lsm.Trees;

public sealed class TreeCountTests
{
    private const byte Counted = (byte)'d';
    private readonly CrashFileSystem _disk = new();
    private readonly TreeOptions _options = TestTrees.Small with { CountedPrefix = Counted };
    private readonly HashSet<string> _model = [];
    private readonly WriteBatch _batch = new();

    [Fact]
    public void Without_a_table_the_count_is_right_at_any_time()
    {
        using var tree = TestTrees.Open(_disk, options: _options);
        var random = new Random(1);
        for (var i = 0; i < 500; i++)
        {
            Change(tree, random, keys: 30);
            Assert.Equal(_model.Count, tree.CountedKeys);
        }
    }

    /// <summary>Puts that do not look, deletes of what is there; whatever is flushed, merged, sent.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_count_is_right_after_each_checkpoint_and_never_too_small(int seed)
    {
        var random = new Random(seed);
        var tree = TestTrees.Open(_disk, options: _options);
        for (var i = 0; i < 2000; i++)
        {
            Change(tree, random, keys: 200);
            Assert.True(tree.CountedKeys >= _model.Count);
            if (random.Next(60) != 0)
                continue;
            TestTrees.Checkpoint(tree);
            Assert.Equal(_model.Count, tree.CountedKeys);
            TestTrees.Compact(tree);
            Assert.Equal(_model.Count, tree.CountedKeys);
            if (random.Next(3) != 0)
                continue;
            tree.Dispose();
            tree = TestTrees.Open(_disk, options: _options);
            Assert.Equal(_model.Count, tree.CountedKeys);
        }

        using var reader = tree.OpenCheckpoint()!;
        using var other = TestTrees.Open(_disk, "other", _options);
        TestTrees.Install(other, reader.Info, TestTrees.ReadAll(reader));
        using var view = other.OpenView();
        Assert.Equal(view.Scan(new[] { Counted }, new[] { (byte)(Counted + 1) }).Count(), other.CountedKeys);
        tree.Dispose();
    }

    private void Change(Tree tree, Random random, int keys)
    {
        _batch.Clear();
        var key = $"d{random.Next(keys)}";
        if (random.Next(4) != 0)
        {
            _batch.Put(TestBytes.Of(key), TestBytes.Of("value"));
            _model.Add(key);
        }
        else if (_model.Remove(key))
        {
            _batch.Delete(TestBytes.Of(key));
        }

        // What is of another kind is not counted.
        _batch.Put(TestBytes.Of($"s{random.Next(10)}"), TestBytes.Of("other"));
        tree.Write(_batch, tree.AppliedIndex + 1);
    }
}
