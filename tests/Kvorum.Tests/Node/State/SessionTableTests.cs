using System.Text;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Tests.Node.State;

public sealed class SessionTableTests : IDisposable
{
    private readonly TreeShare _share = new(new CrashFileSystem(), 1 << 20);
    private readonly Tree _tree;
    private readonly WriteBatch _batch = new();
    private ulong _index;

    public SessionTableTests() => _tree = Tree.Open(_share, "t", new());

    public void Dispose()
    {
        _tree.Dispose();
        _share.Dispose();
    }

    /// <summary>A record costs the tree nothing, and a page of them one entry.</summary>
    [Fact]
    public void Records_go_to_the_tree_a_page_at_a_time()
    {
        var table = new SessionTable(_tree, 1_000_000, 10_000);
        for (var request = 1UL; request < 256; request++)
            Add(table, "c", request);
        Assert.Empty(KeysInTree());
        Add(table, "c", 256);
        Assert.Equal(["720000000000000000"], KeysInTree());
        Add(table, "c", 257);
        Assert.Equal(["720000000000000000"], KeysInTree());
    }

    [Fact]
    public void Pages_and_values_of_forgotten_records_go()
    {
        var table = new SessionTable(_tree, 1_000_000, 64);
        for (var request = 1UL; request <= 1060; request++)
            Add(table, "c", request, value: request % 100 == 0 ? "was there" : "");
        // Some 64 are kept, up to place 1059: of page 3, and of page 4, which is being filled.
        Assert.Equal(["6663", "720000000000000003", "7600000000000003E7"], KeysInTree());
    }

    /// <summary>Any request that was answered is answered as it was, also behind a checkpoint.</summary>
    [Theory]
    [InlineData(10)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(700)]
    public void Answers_are_what_they_were(int count)
    {
        var table = new SessionTable(_tree, 1_000_000, 10_000);
        var random = new Random(count);
        var answers = new Dictionary<(string, ulong), Outcome>();
        while (answers.Count < count)
        {
            var (client, request) = ($"c{random.Next(3)}", (ulong)random.Next(5000));
            var value = random.Next(3) == 0 ? $"v{request}" : "";
            if (table.Find(Encoding.UTF8.GetBytes(client), request) is null)
                answers[(client, request)] = Add(table, client, request, value);
        }

        AssertAnswers(table, answers);
        var job = _tree.BeginCheckpoint([], Rest(table));
        job.Write();
        job.Complete();
        var reloaded = new SessionTable(_tree, 1_000_000, 10_000);
        Reload(reloaded);
        Assert.Equal(count, reloaded.Count);
        AssertAnswers(reloaded, answers);
        Assert.Null(reloaded.Find("c0"u8, 6000));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    [InlineData(20_000)]
    public void Another_bound_than_before_counts_from_the_next_entry_on(int bound)
    {
        const int before = 20_000;
        var table = new SessionTable(_tree, 1_000_000, before);
        for (var request = 1UL; request <= before; request++)
            Add(table, "c", request);
        var job = _tree.BeginCheckpoint([], Rest(table));
        job.Write();
        job.Complete();
        var reloaded = new SessionTable(_tree, 1_000_000, bound);
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        Reload(reloaded);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - allocated, 0, 400 * before);
        Assert.Equal(before, reloaded.Count);
        Add(reloaded, "c", before + 1);
        Assert.InRange(reloaded.Count, bound - (bound / 64), bound);
        Assert.NotNull(reloaded.Find("c"u8, 1));
    }

    [Fact]
    public void A_page_has_these_bytes()
    {
        var table = new SessionTable(_tree, 1_000_000, 10_000);
        Add(table, "ab", 7);
        Add(table, "ab", 8, value: "v");
        Add(table, "c", 9);
        var rest = Rest(table);
        Assert.Equal(
            "0000000000000000"
            + "0000" + "0700000000000000" + "E903000000000000" + "0100000000000000" + "026162"
            + "0007" + "0800000000000000" + "EA03000000000000" + "0200000000000000"
            + "0000" + "0900000000000000" + "EB03000000000000" + "0300000000000000" + "0163",
            Convert.ToHexString(rest.ValueAt(0)));
        Assert.Equal(("6F", "00000000000000000300000000000000"),
            (Convert.ToHexString(rest.KeyAt(1)), Convert.ToHexString(rest.ValueAt(1))));
    }

    [Fact]
    public void A_page_that_is_missing_is_told()
    {
        var table = new SessionTable(_tree, 1_000_000, 10_000);
        for (var request = 1UL; request <= 600; request++)
            Add(table, "c", request);
        var job = _tree.BeginCheckpoint([], Rest(table));
        job.Write();
        job.Complete();
        _batch.Clear();
        _batch.Delete(RecordKeys.ForSessionPage(1, stackalloc byte[RecordKeys.Size(0)]));
        _tree.Write(_batch, ++_index);
        Assert.Throws<FormatException>(() => Reload(new SessionTable(_tree, 1_000_000, 10_000)));
    }

    private Outcome Add(SessionTable table, string client, ulong request, string value = "")
    {
        var outcome = new Outcome(
            ReplyStatus.Ok, value.Length > 0, Encoding.UTF8.GetBytes(value), ++_index);
        _batch.Clear();
        table.Add(Encoding.UTF8.GetBytes(client), request, 1000 + _index, outcome, _batch);
        table.Forget(_index, 1000 + _index, _batch);
        _tree.Write(_batch, _index);
        return outcome;
    }

    private WriteBatch Rest(SessionTable table)
    {
        _batch.Clear();
        table.PutRest(_batch);
        return _batch;
    }

    private void Reload(SessionTable table)
    {
        using var view = _tree.OpenView();
        table.Reload(view);
    }

    private static void AssertAnswers(SessionTable table, Dictionary<(string, ulong), Outcome> answers)
    {
        foreach (var ((client, request), first) in answers)
        {
            var again = Assert.NotNull(table.Find(Encoding.UTF8.GetBytes(client), request));
            Assert.Equal(
                (first.Status, first.Found, first.Version, true),
                (again.Status, again.Found, again.Version, again.Replayed));
            Assert.True(first.Value.Span.SequenceEqual(again.Value.Span));
        }
    }

    private string[] KeysInTree()
    {
        using var view = _tree.OpenView();
        return [.. view.Scan(default, default).Select(pair => Convert.ToHexString(pair.Key.Span))];
    }
}
