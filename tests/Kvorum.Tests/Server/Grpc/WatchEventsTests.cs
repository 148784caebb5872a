using V1 = Kvorum.Server.Grpc.V1;

using Limits = Kvorum.Node.Limits;

namespace Kvorum.Tests.Server.Grpc;

/// <summary>The stream of events over gRPC: in order, as they happen, from a position on, and its ends.</summary>
public sealed class WatchEventsTests : IAsyncLifetime
{
    private readonly GrpcFixture _fixture = new();
    private readonly EventHistory _history = new();

    public async ValueTask InitializeAsync()
    {
        _fixture.Node.Events = _history;
        await _fixture.InitializeAsync();
    }

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    [Fact]
    public async Task Events_come_in_order_and_when_they_happen()
    {
        _history.Happen(450);
        using var watch = await WatchAsync(new());
        for (var at = 1ul; at <= 450; at++)
            Assert.Equal(at, (await NextAsync(watch)).Position);
        await Eventually.Holds(() => _history.Waiting == 1);
        _history.Happen();
        var one = await NextAsync(watch);
        Assert.Equal((451ul, "partition_changed", "drain"), (one.Position, one.Kind, one.Why));
        Assert.Equal(["node-1", "node-2"], one.Before);
        Assert.Equal(["node-2", "node-3"], one.After);
    }

    [Fact]
    public async Task A_stream_goes_on_where_another_one_ended()
    {
        _history.Happen(20);
        using (var first = await WatchAsync(new()))
        {
            for (var at = 1ul; at <= 7; at++)
                Assert.Equal(at, (await NextAsync(first)).Position);
        }

        _history.Happen(5);
        using var second = await WatchAsync(new() { After = 7, ClusterId = $"{EventHistory.Cluster}" });
        for (var at = 8ul; at <= 25; at++)
            Assert.Equal(at, (await NextAsync(second)).Position);
    }

    [Fact]
    public async Task From_now_on_begins_behind_what_has_happened_and_says_when()
    {
        _history.Happen(20);
        // Its headers have come: it has begun.
        using var watch = await WatchAsync(new() { FromNow = true });
        _history.Happen(2);
        Assert.Equal(21ul, (await NextAsync(watch)).Position);
        Assert.Equal(22ul, (await NextAsync(watch)).Position);
    }

    [Fact]
    public async Task A_position_that_is_not_kept_is_refused_with_words()
    {
        _history.Happen(Limits.ClusterEventsKept + 30);
        using var gone = await WatchAsync(new() { After = 7 });
        Assert.Null(await gone.NextAsync(V1.ClusterEvent.Parser));
        Assert.Equal(("10", "condition-failed"), (gone.Trailer("grpc-status"), gone.Trailer("kvorum-status")));
        Assert.StartsWith("events 8 to 30 are not kept any more", gone.Trailer("grpc-message"), StringComparison.Ordinal);
        Assert.Equal(
            ("31", "1030"), (gone.Trailer("kvorum-oldest-event"), gone.Trailer("kvorum-newest-event")));
        using var other = await WatchAsync(new() { After = 50, ClusterId = $"{Guid.AllBitsSet}" });
        Assert.Null(await other.NextAsync(V1.ClusterEvent.Parser));
        Assert.Contains("is of cluster ffffffff", other.Trailer("grpc-message"), StringComparison.Ordinal);
    }

    /// <summary>Nothing is kept for a reader that does not read; what it misses it is told in words.</summary>
    [Fact]
    public async Task A_slow_reader_is_cut_off_with_words()
    {
        var heavy = new string('x', 20_000);
        _history.Happen(300, heavy);
        using var watch = await WatchAsync(new());
        Assert.Equal(1ul, (await NextAsync(watch)).Position);
        // The connection's windows and buffers are full, long before 300 events of 20 kB are sent.
        var asked = _history.Asked;
        _history.Happen(3000);
        ulong last = 1;
        while (await watch.NextAsync(V1.ClusterEvent.Parser) is { } one)
            Assert.Equal(++last, one.Position);
        Assert.InRange(last, 2ul, 400ul);
        Assert.Equal("10", watch.Trailer("grpc-status"));
        Assert.Contains("are not kept any more", watch.Trailer("grpc-message"), StringComparison.Ordinal);
        Assert.InRange(asked, 1, 2);
    }

    [Fact]
    public async Task A_server_that_stops_ends_the_stream_with_words()
    {
        _history.Happen();
        using var watch = await WatchAsync(new());
        Assert.Equal(1ul, (await NextAsync(watch)).Position);
        await Eventually.Holds(() => _history.Waiting == 1);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        var stopping = _fixture.Server.StopAsync(patience.Token);
        Assert.Null(await watch.NextAsync(V1.ClusterEvent.Parser));
        Assert.Equal("14", watch.Trailer("grpc-status"));
        await stopping;
    }

    private static async Task<V1.ClusterEvent> NextAsync(GrpcStream watch) =>
        await watch.NextAsync(V1.ClusterEvent.Parser)
        ?? throw new InvalidOperationException($"the stream has ended: {watch.Trailer("grpc-message")}");

    private Task<GrpcStream> WatchAsync(V1.WatchEventsRequest request) =>
        GrpcStream.OpenAsync(_fixture.Address, "/kvorum.v1.Admin/WatchEvents", request);
}
