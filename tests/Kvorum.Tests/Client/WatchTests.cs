using Kvorum.Client;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Tests.Server;

using Limits = Kvorum.Node.Limits;

namespace Kvorum.Tests.Client;

/// <summary>A program follows the events of the cluster, whichever nodes come and go.</summary>
public sealed class WatchTests : IAsyncLifetime
{
    private readonly FakeCluster _cluster = new();
    private readonly EventHistory _history = new();

    private static CancellationToken Ending => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        foreach (var node in _cluster.Nodes)
            node.Double.Events = _history;
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact(Timeout = 60_000)]
    public async Task Events_come_in_order_and_when_they_happen()
    {
        _history.Happen(450);
        await using var client = _cluster.Connect();
        await using var watch = client.WatchAsync(new() { After = 0 }, Ending).GetAsyncEnumerator(Ending);
        for (var at = 1ul; at <= 450; at++)
            Assert.Equal(at, (await NextAsync(watch)).Position);
        var next = watch.MoveNextAsync();
        await Eventually.Holds(() => _history.Waiting == 1);
        Assert.False(next.IsCompleted);
        _history.Happen(why: "balance");
        Assert.True(await next);
        var one = watch.Current;
        Assert.Equal(
            (451ul, ClusterEventKind.PartitionChanged, "default", (uint?)3, "balance"),
            (one.Position, one.Kind, one.Keyspace, one.Partition, one.Why));
        Assert.Equal(["node-1", "node-2"], one.Before);
        Assert.Equal(["node-2", "node-3"], one.After);
    }

    [Fact(Timeout = 60_000)]
    public async Task From_now_on_is_told_to_have_begun()
    {
        _history.Happen(20);
        await using var client = _cluster.Connect();
        var begun = new TaskCompletionSource<ulong>();
        var options = new WatchOptions { Begun = begun.SetResult };
        await using var watch = client.WatchAsync(options, Ending).GetAsyncEnumerator(Ending);
        var next = watch.MoveNextAsync();
        Assert.Equal(20ul, await begun.Task.WaitAsync(Ending));
        _history.Happen();
        Assert.True(await next);
        Assert.Equal(21ul, watch.Current.Position);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_watch_goes_on_with_another_node_and_misses_nothing()
    {
        await using var client = _cluster.Connect();
        await using var watch = client.WatchAsync(new() { After = 0 }, Ending).GetAsyncEnumerator(Ending);
        ulong last = 0;
        foreach (var killed in _cluster.Nodes)
        {
            _history.Happen(3);
            for (var n = 0; n < 3; n++)
                Assert.Equal(++last, (await NextAsync(watch)).Position);
            await killed.Kill();
            _history.Happen(2);
            for (var n = 0; n < 2; n++)
            {
                // The last one that is left is gone, too: it comes back under the watch.
                if (killed == _cluster.Nodes[^1] && n == 0)
                    _cluster.Nodes[0].Revive();
                Assert.Equal(++last, (await NextAsync(watch)).Position);
            }
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task A_node_that_is_late_is_left()
    {
        await using var client = _cluster.Connect();
        _history.Happen(2);
        foreach (var node in _cluster.Nodes[..2])
            node.Double.WhyLate = "an election is under way";
        await using var watch = client.WatchAsync(new() { After = 1 }, Ending).GetAsyncEnumerator(Ending);
        Assert.Equal(2ul, (await NextAsync(watch)).Position);
        _history.Happen();
        Assert.Equal(3ul, (await NextAsync(watch)).Position);
        Assert.Contains(_cluster.Nodes[2].Double.Administered, static one => one.Request is ShowEvents);
    }

    /// <summary>A reader that takes its time is no burden: it finds what is kept, or words.</summary>
    [Fact(Timeout = 60_000)]
    public async Task A_slow_reader_is_told_what_it_has_missed_and_how_to_go_on()
    {
        _history.Happen(5);
        await using var client = _cluster.Connect();
        await using var watch = client.WatchAsync(new() { After = 0 }, Ending).GetAsyncEnumerator(Ending);
        Assert.Equal(1ul, (await NextAsync(watch)).Position);
        _history.Happen(Limits.ClusterEventsKept + 20);
        for (var at = 2ul; at <= 5; at++)
            Assert.Equal(at, (await NextAsync(watch)).Position);
        var gap = await Assert.ThrowsAsync<KvorumException>(async () => await NextAsync(watch));
        Assert.Equal((ReplyStatus.ConditionFailed, RetryAdvice.Never), (gap.Status, gap.Retry));
        Assert.Contains("events 6 to 25 are not kept any more", gap.Message, StringComparison.Ordinal);
        Assert.Contains("go on behind position 25", gap.Message, StringComparison.Ordinal);
        await using var again = client.WatchAsync(new() { After = 25 }, Ending).GetAsyncEnumerator(Ending);
        Assert.Equal(26ul, (await NextAsync(again)).Position);
    }

    [Fact(Timeout = 60_000)]
    public async Task Without_any_node_the_watch_ends_and_says_where_it_stands()
    {
        _history.Happen(5);
        await using var client = _cluster.Connect();
        var options = new WatchOptions { After = 3, Timeout = TimeSpan.FromSeconds(1) };
        await using var watch = client.WatchAsync(options, Ending).GetAsyncEnumerator(Ending);
        Assert.Equal(4ul, (await NextAsync(watch)).Position);
        Assert.Equal(5ul, (await NextAsync(watch)).Position);
        foreach (var node in _cluster.Nodes)
            await node.Kill();
        var end = await Assert.ThrowsAsync<KvorumException>(async () => await NextAsync(watch));
        Assert.Equal((ReplyStatus.Unavailable, RetryAdvice.Safe), (end.Status, end.Retry));
        Assert.StartsWith("No node told of events within 1 s", end.Message, StringComparison.Ordinal);
        Assert.EndsWith("Go on behind position 5.", end.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_position_of_another_cluster_is_refused()
    {
        _history.Happen(5);
        await using var client = _cluster.Connect();
        var options = new WatchOptions { After = 3, ClusterId = Guid.AllBitsSet };
        await using var watch = client.WatchAsync(options, Ending).GetAsyncEnumerator(Ending);
        var refused = await Assert.ThrowsAsync<KvorumException>(async () => await NextAsync(watch));
        Assert.Contains("begin without a position", refused.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_cancelled_watch_ends_at_once_and_leaves_the_connection_alone()
    {
        await using var client = _cluster.Connect();
        // More than a connection may have open at once, if those that ended counted for ever.
        _history.WaitMax = TimeSpan.FromMilliseconds(200);
        for (var n = 0; n < 200; n++)
        {
            using var end = CancellationTokenSource.CreateLinkedTokenSource(Ending);
            await using var watch = client.WatchAsync(new() { After = 0 }, end.Token).GetAsyncEnumerator(Ending);
            var next = watch.MoveNextAsync().AsTask();
            await end.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next);
        }

        await client.PutAsync("k", "v", cancellationToken: Ending);
    }

    [Fact(Timeout = 60_000)]
    public async Task Handlers_are_told_while_there_are_any()
    {
        _history.Happen(5);
        await using var client = _cluster.Connect();
        var (first, second) = (new Heard(), new Heard());
        client.ClusterChanged += first.Hear;
        await Eventually.Holds(() => _history.Waiting == 1);
        _history.Happen(2);
        await Eventually.Holds(() => first.Positions.SequenceEqual([6ul, 7ul]));
        client.ClusterChanged += second.Hear;
        _history.Happen();
        await Eventually.Holds(() => second.Positions.SequenceEqual([8ul]));
        client.ClusterChanged -= first.Hear;
        _history.Happen();
        await Eventually.Holds(() => second.Positions.SequenceEqual([8ul, 9ul]));
        Assert.Equal([6ul, 7ul, 8ul], first.Positions);
        client.ClusterChanged -= second.Hear;
    }

    private static async Task<ClusterEvent> NextAsync(IAsyncEnumerator<ClusterEvent> watch) =>
        await watch.MoveNextAsync() ? watch.Current : throw new InvalidOperationException("the watch has ended");

    private sealed class Heard
    {
        private readonly Lock _gate = new();
        private readonly List<ulong> _positions = [];

        public ulong[] Positions
        {
            get
            {
                lock (_gate)
                    return [.. _positions];
            }
        }

        public void Hear(object? sender, ClusterEvent happened)
        {
            lock (_gate)
                _positions.Add(happened.Position);
        }
    }
}
