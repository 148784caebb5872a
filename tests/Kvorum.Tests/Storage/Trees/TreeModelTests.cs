using Kvorum.Storage.Trees;

namespace Kvorum.Tests.Storage.Trees;

/// <summary>The tree against a sorted dictionary, with views taken and given back at any time.</summary>
public class TreeModelTests
{
    [Fact]
    public void A_tree_and_its_views_equal_a_sorted_dictionary()
    {
        for (int seed = 0; seed < 15; seed++)
            Run(seed, steps: 300);
    }

    [Fact]
    public void A_tree_that_grows_large_and_shrinks_to_nothing_stays_right()
    {
        var random = new Random(5);
        using Tree tree = Open();
        SortedDictionary<string, string> model = new(StringComparer.Ordinal);
        string[] keys = [.. Enumerable.Range(0, 30_000).Select(i => $"{random.Next():x8}{i:x}")];
        Change(tree, model, keys, value: "1");
        Check(tree, model);
        random.Shuffle(keys);
        using ReadView view = tree.OpenView();
        Change(tree, model, keys[..29_000], value: null);
        Check(tree, model);
        Change(tree, model, keys[29_000..], value: null);
        Check(tree, model);
        Assert.Equal(0, tree.Bytes);
        Assert.Equal(30_000, view.Scan(default, default).Count());
    }

    [Fact]
    public void Keys_in_order_leave_full_nodes_and_scans_start_anywhere()
    {
        using Tree tree = Open();
        SortedDictionary<string, string> model = new(StringComparer.Ordinal);
        Change(tree, model, [.. Enumerable.Range(0, 5000).Select(i => $"{i:D8}")], "x");
        using ReadView view = tree.OpenView();
        for (int from = 0; from < 5000; from += 97)
        {
            byte[] first = TestBytes.Of($"{from:D8}5");
            byte[] end = TestBytes.Of($"{from + 50:D8}");
            Assert.Equal(model.Keys.Skip(from + 1).Take(Math.Min(49, 4999 - from)),
                view.Scan(first, end).Select(pair => TestBytes.Text(pair.Key)));
        }
    }

    [Fact]
    public void Without_a_view_nodes_change_in_place_again()
    {
        using Tree tree = Open();
        SortedDictionary<string, string> model = new(StringComparer.Ordinal);
        string[] keys = [.. Enumerable.Range(0, 2000).Select(i => $"{i:D8}")];
        Change(tree, model, keys, "x");
        using (ReadView view = tree.OpenView())
            Change(tree, model, keys[..1000], "y");
        Change(tree, model, keys[1000..], "z");

        var batch = new WriteBatch();
        foreach (string key in keys)
            batch.Put(TestBytes.Of(key), "w"u8);
        long before = GC.GetAllocatedBytesForCurrentThread();
        tree.Write(batch, tree.AppliedIndex);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4096);
    }

    private static void Run(int seed, int steps)
    {
        var random = new Random(seed);
        using Tree tree = Open();
        SortedDictionary<string, string> model = new(StringComparer.Ordinal);
        List<(ReadView View, SortedDictionary<string, string> Model)> views = [];
        for (int step = 1; step <= steps; step++)
        {
            var batch = new WriteBatch();
            // Phases of growth and of shrinking, so that nodes split and join.
            int puts = step / 60 % 2 == 0 ? 8 : 2;
            for (int i = random.Next(60); i > 0; i--)
                AddChange(batch, model, random, put: random.Next(10) < puts, $"{step}.{i}");
            tree.Write(batch, (ulong)step);

            if (random.Next(8) == 0)
                views.Add((tree.OpenView(), new(model, StringComparer.Ordinal)));
            if (views.Count > 0 && random.Next(8) == 0)
                CheckAndClose(views, random.Next(views.Count));
            if (step % 20 == 0)
                Check(tree, model);
        }

        while (views.Count > 0)
            CheckAndClose(views, 0);
        Check(tree, model);
    }

    private static void AddChange(
        WriteBatch batch, SortedDictionary<string, string> model, Random random, bool put, string value)
    {
        // Few bytes and many lengths: keys are prefixes of others, also beyond eight bytes.
        string key = new(random.GetItems("\0a\xff".AsSpan(), random.Next(12)));
        if (put)
        {
            batch.Put(TestBytes.Of(key), TestBytes.Of(value).AsSpan(0, 1), TestBytes.Of(value).AsSpan(1));
            model[key] = value;
        }
        else
        {
            batch.Delete(TestBytes.Of(key));
            model.Remove(key);
        }
    }

    private static void CheckAndClose(
        List<(ReadView View, SortedDictionary<string, string> Model)> views, int at)
    {
        (ReadView view, SortedDictionary<string, string> model) = views[at];
        CheckView(view, model);
        view.Dispose();
        Assert.Throws<ObjectDisposedException>(() => view.TryGet("a"u8, out _));
        views.RemoveAt(at);
    }

    private static void Check(Tree tree, SortedDictionary<string, string> model)
    {
        Assert.Equal(model.Count, tree.Count);
        Assert.Equal(model.Sum(pair => NodeTree.SizeOf(pair.Key.Length, pair.Value.Length)), tree.Bytes);
        foreach ((string key, string value) in model)
        {
            Assert.True(tree.TryGet(TestBytes.Of(key), out ReadOnlyMemory<byte> found));
            Assert.Equal(value, TestBytes.Text(found));
        }

        Assert.False(tree.TryGet("no such key"u8, out _));
        using ReadView view = tree.OpenView();
        CheckView(view, model);
    }

    private static void CheckView(ReadView view, SortedDictionary<string, string> model)
    {
        Assert.Equal(
            model.Select(pair => (pair.Key, pair.Value)),
            view.Scan(default, default)
                .Select(pair => (TestBytes.Text(pair.Key), TestBytes.Text(pair.Value))));
        Assert.Equal(model.Count, view.Count);
        if (model.Count == 0)
            return;
        string middle = model.Keys.ElementAt(model.Count / 2);
        string last = model.Keys.Last();
        Assert.True(view.TryGet(TestBytes.Of(middle), out ReadOnlyMemory<byte> value));
        Assert.Equal(model[middle], TestBytes.Text(value));
        Assert.Equal(
            model.Keys.SkipWhile(key => key != middle).SkipLast(1),
            view.Scan(TestBytes.Of(middle), TestBytes.Of(last)).Select(pair => TestBytes.Text(pair.Key)));
    }

    private static void Change(
        Tree tree, SortedDictionary<string, string> model, string[] keys, string? value)
    {
        foreach (string[] piece in keys.Chunk(100))
        {
            var batch = new WriteBatch();
            foreach (string key in piece)
            {
                if (value is null)
                {
                    batch.Delete(TestBytes.Of(key));
                    model.Remove(key);
                    continue;
                }

                batch.Put(TestBytes.Of(key), TestBytes.Of(value));
                model[key] = value;
            }

            tree.Write(batch, tree.AppliedIndex + 1);
        }
    }

    private static Tree Open() => Tree.Open(new CrashFileSystem(), "tree", new TreeOptions());
}
