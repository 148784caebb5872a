using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Tests.Storage.Lsm.Trees;

/// <summary>
/// The tree against a sorted dictionary, with checkpoints, compactions, restarts, and views taken and given
/// back at any time. With other options the answers are the same.
/// </summary>
public class TreeModelTests
{
    private readonly List<(ReadView View, SortedDictionary<string, string> Model)> _views = [];
    private readonly CrashFileSystem _disk = new();
    private SortedDictionary<string, string> _model = new(StringComparer.Ordinal);
    private SortedDictionary<string, string> _durable = new(StringComparer.Ordinal);

    public static TheoryData<int, bool> Seeds =>
        [.. from seed in Enumerable.Range(0, 12) select (seed, seed % 3 == 0)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_tree_and_its_views_equal_a_sorted_dictionary(int seed, bool usual)
    {
        var options = usual ? new TreeOptions() : TestTrees.Small;
        if (seed % 2 == 0)
            options = options with { Compression = BlockCompression.Lz4 };
        var random = new Random(seed);
        var tree = TestTrees.Open(_disk, options: options);
        for (var step = 1; step <= 400; step++)
        {
            Change(tree, random, step);
            if (random.Next(8) == 0)
                _views.Add((tree.OpenView(), new(_model, StringComparer.Ordinal)));
            if (_views.Count > 0 && random.Next(8) == 0)
                CheckAndClose(random.Next(_views.Count));
            if (random.Next(10) == 0)
                Checkpoint(tree, random);
            if (random.Next(25) == 0)
                TestTrees.Compact(tree);
            if (random.Next(50) == 0)
            {
                tree.Dispose();
                // Tables of both kinds lie side by side from now on.
                var other = options.Compression == BlockCompression.None
                    ? BlockCompression.Lz4 : BlockCompression.None;
                options = options with { Compression = other };
                tree = TestTrees.Open(_disk.Copy(), options: options);
                tree.Dispose();
                tree = TestTrees.Open(_disk, options: options);
                _model = new(_durable, StringComparer.Ordinal);
            }

            if (step % 20 == 0)
                Check(tree, random);
        }

        while (_views.Count > 0)
            CheckAndClose(0);
        Check(tree, random);
        tree.Dispose();
        Assert.True(usual || _disk.ListFiles("tree").Count > 3, "too few tables to mean anything");
    }

    private void Change(Tree tree, Random random, int step)
    {
        var batch = new WriteBatch();
        // Phases of growth and of shrinking.
        var puts = step / 60 % 2 == 0 ? 8 : 2;
        for (var i = random.Next(40); i > 0; i--)
        {
            // Few bytes and many lengths: keys are prefixes of others.
            string key = new(random.GetItems("\0a\xff".AsSpan(), random.Next(12)));
            if (random.Next(10) < puts)
            {
                var value = $"{step}.{i}{new string('-', random.Next(40))}";
                batch.Put(TestBytes.Of(key), TestBytes.Of(value).AsSpan(0, 1), TestBytes.Of(value).AsSpan(1));
                _model[key] = value;
            }
            else
            {
                batch.Delete(TestBytes.Of(key));
                _model.Remove(key);
            }
        }

        tree.Write(batch, tree.AppliedIndex + 1);
    }

    // Sometimes with writes and compactions between its parts.
    private void Checkpoint(Tree tree, Random random)
    {
        var job = tree.BeginCheckpoint("t"u8);
        SortedDictionary<string, string> model = new(_model, StringComparer.Ordinal);
        var isBusy = random.Next(2) == 0;
        if (isBusy)
            Change(tree, random, random.Next(400));
        var compaction = isBusy ? tree.PickCompaction() : null;
        var isCompacted = compaction?.Run(300) ?? true;
        job.Write();
        _durable = model;
        if (isBusy)
            Change(tree, random, random.Next(400));
        if (compaction is not null)
        {
            Assert.True(isCompacted || compaction.Run());
            compaction.Complete();
            Check(tree, random);
        }

        job.Complete();
    }

    private void CheckAndClose(int at)
    {
        var (view, model) = _views[at];
        CheckView(view, model);
        view.Dispose();
        Assert.Throws<ObjectDisposedException>(() => view.TryGet("a"u8, out _));
        _views.RemoveAt(at);
    }

    private void Check(Tree tree, Random random)
    {
        foreach (var (key, value) in _model)
        {
            Assert.True(tree.TryGet(TestBytes.Of(key), out var found));
            Assert.Equal(value, TestBytes.Text(found));
        }

        for (var i = 0; i < 20; i++)
        {
            string key = new(random.GetItems("\0a\xff".AsSpan(), random.Next(12)));
            Assert.Equal(_model.ContainsKey(key), tree.TryGet(TestBytes.Of(key), out _));
        }

        using var view = tree.OpenView();
        CheckView(view, _model);
    }

    private static void CheckView(ReadView view, SortedDictionary<string, string> model)
    {
        (string, string)[] expected = [.. model.Select(pair => (pair.Key, pair.Value))];
        Assert.Equal(expected, Scan(view, "", "", reverse: false));
        Assert.Equal(expected.Reverse(), Scan(view, "", "", reverse: true));
        if (model.Count == 0)
            return;
        var middle = model.Keys.ElementAt(model.Count / 2);
        var last = model.Keys.Last();
        Assert.True(view.TryGet(TestBytes.Of(middle), out var value));
        Assert.Equal(model[middle], TestBytes.Text(value));
        (string, string)[] part = [.. expected.SkipWhile(pair => pair.Item1 != middle).SkipLast(1)];
        Assert.Equal(part, Scan(view, middle, last, reverse: false));
        Assert.Equal(part.Reverse(), Scan(view, middle, last, reverse: true));
    }

    private static (string, string)[] Scan(ReadView view, string from, string end, bool reverse) =>
        [.. view.Scan(TestBytes.Of(from), TestBytes.Of(end), reverse)
            .Select(pair => (TestBytes.Text(pair.Key), TestBytes.Text(pair.Value)))];
}
