using System.Globalization;
using System.Runtime.CompilerServices;
using Kvorum.Protocol;

namespace Kvorum.Client;

/// <summary>The nodes, the leaders, and how a call finds its way and its end.</summary>
internal sealed class Cluster : IDisposable
{
    /// <summary>How often calls are looked at whose time may be up.</summary>
    private const int SweepMs = 20;

    /// <summary>Maps are asked for no more often than this, however many reasons there are.</summary>
    private const int MapPauseMs = 50;

    /// <summary>
    /// As <see cref="MapPauseMs"/>, where only the placement has changed: while replicas move it does so many
    /// times a second, and calls find their way all the same.
    /// </summary>
    private const int EpochPauseMs = 500;

    /// <summary>
    /// How much longer than the node's time its answer to an operator is waited for.
    /// </summary>
    private const int AnswerMs = 500;

    private readonly KvorumClientOptions _options;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, NodeLink> _links = new(StringComparer.Ordinal);
    private readonly NodeLink[] _seeds;
    private readonly List<ulong> _overdue = [];
    private readonly SeenVersions _seen = new();
    private readonly Timer _sweeper;
    private NodeLink[] _all = [];
    private Routes _routes;
    private int _turn;
    private int _isAskingMap;
    private int _isSweeping;
    private long _mapDueMs = Environment.TickCount64;
    private long _mapAskedMs = long.MinValue / 2;
    private volatile bool _isClosed;

    /// <summary><see cref="ArgumentException"/> if an address is none.</summary>
    public Cluster(KvorumClientOptions options)
    {
        _options = options;
        _seeds = [.. options.Addresses.Select(NamedLink)];
        _routes = Routes.Unknown(_seeds);
        _turn = Random.Shared.Next(_seeds.Length);
        _sweeper = new(static cluster => ((Cluster)cluster!).Sweep(), this, SweepMs, SweepMs);
    }

    /// <summary>
    /// Asks a request until it is done or cannot be, or the time is up: the way of every call. The reply's
    /// status is Ok, or <see cref="KvorumException"/> is thrown.
    /// </summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<Reply> CallAsync(Request request, TimeSpan timeout, CancellationToken cancelled)
    {
        var deadlineMs = Environment.TickCount64 + (long)timeout.TotalMilliseconds;
        var course = new RetryState(_seen.Follow(request), timeout);
        var isRenewed = false;
        while (true)
        {
            cancelled.ThrowIfCancellationRequested();
            ObjectDisposedException.ThrowIf(_isClosed, typeof(KvorumClient));
            var nowMs = Environment.TickCount64;
            if (nowMs >= deadlineMs)
                throw course.TimeUp();
            var routes = Volatile.Read(ref _routes);
            var partition = routes.PartitionOf(request.Keyspace, request.Key.Span);
            var link = request.Keys == RequestKeys.Range
                ? Any(routes, course.Avoid)
                : Pick(routes, request.Keyspace, partition, course.Avoid);
            var connection = link.Open(partition);
            var answer = new Answer(AnswerKind.NotSent);
            if (connection is null)
            {
                (connection, var failure) = await link.ReachAsync(partition, deadlineMs, cancelled)
                    .ConfigureAwait(false);
                answer = answer with { Reason = failure };
                nowMs = Environment.TickCount64;
            }

            if (connection is not null)
            {
                answer = await connection.AskAsync(
                    course.Request, nowMs, course.AttemptEnd(nowMs, deadlineMs), cancelled)
                    .ConfigureAwait(false);
            }

            if (answer.Kind == AnswerKind.Cancelled)
                throw new OperationCanceledException(cancelled);
            if (answer.Reply is { } reply)
            {
                _seen.Take(request.Keyspace, reply);
                Learn(request.Keyspace, routes, link, reply);
            }
            else
            {
                WantMap();
            }

            if (answer.Reply is { Status: ReplyStatus.Unauthenticated } && !isRenewed
                && await connection!.RenewAsync(_options.Credential, cancelled).ConfigureAwait(false))
            {
                isRenewed = true;
                continue;
            }

            if (course.IsDone(answer, link))
                return answer.Reply!;
            if (course.PauseMs(deadlineMs) is > 0 and var pauseMs)
                await Task.Delay(pauseMs, cancelled).ConfigureAwait(false);
        }
    }

    /// <summary>Asks a node, or any that answers, for its map or state.</summary>
    /// <param name="kind">Which of them.</param>
    /// <param name="address">The node; null for any one.</param>
    /// <param name="timeout">How long to try.</param>
    /// <param name="cancelled">Takes the question back.</param>
    /// <param name="first">Of any, the one that is asked first.</param>
    public async ValueTask<ReadOnlyMemory<byte>> AskAnyAsync(
        NativeFrameKind kind, string? address, TimeSpan timeout, CancellationToken cancelled,
        NodeLink? first = null)
    {
        var deadlineMs = Environment.TickCount64 + (long)timeout.TotalMilliseconds;
        var link = address is null ? null : NamedLink(address);
        var last = "";
        NodeLink? avoid = null;
        while (Environment.TickCount64 < deadlineMs)
        {
            ObjectDisposedException.ThrowIf(_isClosed, typeof(KvorumClient));
            var asked = link ?? first ?? Any(Volatile.Read(ref _routes), avoid);
            first = null;
            var (connection, failure) = await asked.ReachAsync(0, deadlineMs, cancelled)
                .ConfigureAwait(false);
            var answer = new Answer(AnswerKind.NotSent, Reason: failure);
            if (connection is not null)
            {
                var nowMs = Environment.TickCount64;
                answer = await connection.AskAsync(kind, nowMs, deadlineMs, cancelled).ConfigureAwait(false);
            }

            if (answer.Kind == AnswerKind.Body)
                return answer.Body;
            cancelled.ThrowIfCancellationRequested();
            if (answer.Reply is
                { Status: ReplyStatus.Unauthenticated or ReplyStatus.PermissionDenied } refused)
                throw new KvorumException(refused.Status, refused.Message, RetryAdvice.Never);
            (last, avoid) = (answer.Reply?.Message ?? answer.Reason, asked);
            await Task.Delay(20, cancelled).ConfigureAwait(false);
        }

        var why = string.Create(
            CultureInfo.InvariantCulture, $"No node answered within {timeout.TotalSeconds:0.###} s: {last}.");
        throw new KvorumException(ReplyStatus.Unavailable, why, RetryAdvice.Safe);
    }

    /// <summary>
    /// Asks any node an operator's request. One that may have a second effect is not sent again once it has
    /// left.
    /// </summary>
    public async ValueTask<ReadOnlyMemory<byte>> AdministerAsync(
        ReadOnlyMemory<byte> json, bool mayRepeat, TimeSpan timeout, CancellationToken cancelled)
    {
        var deadlineMs = Environment.TickCount64 + (long)timeout.TotalMilliseconds;
        var last = new Answer(AnswerKind.NotSent, Reason: "there was no time to ask");
        NodeLink? avoid = null;
        while (Environment.TickCount64 < deadlineMs)
        {
            ObjectDisposedException.ThrowIf(_isClosed, typeof(KvorumClient));
            // What operators ask changes the members: the node that was named may be none any more.
            WantMap(pauseMs: EpochPauseMs);
            var asked = Any(Volatile.Read(ref _routes), avoid);
            var (connection, failure) = await asked.ReachAsync(0, deadlineMs, cancelled)
                .ConfigureAwait(false);
            last = connection is null ? new Answer(AnswerKind.NotSent, Reason: failure)
                // The node answers at the end of the time; its words are better than none.
                : await connection.AdministerAsync(
                    json, Environment.TickCount64 + AnswerMs, deadlineMs + AnswerMs, cancelled)
                    .ConfigureAwait(false);
            if (last.Kind == AnswerKind.Body)
                return last.Body;
            cancelled.ThrowIfCancellationRequested();
            if (last.Kind != AnswerKind.NotSent && !mayRepeat)
                break;
            avoid = asked;
            await Task.Delay(20, cancelled).ConfigureAwait(false);
        }

        throw last.Kind == AnswerKind.NotSent || mayRepeat
            ? new KvorumException(
                ReplyStatus.Unavailable, string.Create(
                    CultureInfo.InvariantCulture,
                    $"No node answered within {timeout.TotalSeconds:0.###} s: {last.Reason}."),
                RetryAdvice.Safe)
            : new KvorumException(
                ReplyStatus.OutcomeUnknown,
                $"It may have been done, or be done yet: {last.Reason}. Look at the cluster, and repeat the "
                + "request if it does not show the change.", RetryAdvice.SameIds);
    }

    /// <summary>
    /// Asks a node for events, once: the first choice, or any other. The node holds the question for as long
    /// as it says.
    /// </summary>
    /// <param name="question">The question, as <see cref="EventsCodec"/> writes it.</param>
    /// <param name="waitMs">How long the node may hold it.</param>
    /// <param name="first">The node that answered last; null for any.</param>
    /// <param name="avoid">Not this one, if there is another.</param>
    /// <param name="cancelled">Takes the question back.</param>
    public async ValueTask<(Answer Answer, NodeLink Asked)> AskEventsAsync(
        ReadOnlyMemory<byte> question, long waitMs, NodeLink? first, NodeLink? avoid,
        CancellationToken cancelled)
    {
        ObjectDisposedException.ThrowIf(_isClosed, typeof(KvorumClient));
        // Those who follow the cluster for long outlive its members.
        WantMap(pauseMs: EpochPauseMs);
        var asked = first is not null && first.MayWork() ? first : Any(Volatile.Read(ref _routes), avoid);
        var nowMs = Environment.TickCount64;
        var (connection, failure) = await asked.ReachAsync(
            0, nowMs + (long)_options.ConnectTimeout.TotalMilliseconds, cancelled).ConfigureAwait(false);
        if (connection is null)
            return (new(AnswerKind.NotSent, Reason: failure), asked);
        nowMs = Environment.TickCount64;
        var answer = await connection.AdministerAsync(
            question, nowMs + AnswerMs, nowMs + waitMs + (2 * AnswerMs), cancelled).ConfigureAwait(false);
        return (answer, asked);
    }

    /// <summary>
    /// Asks one node, once. Its reply, whatever its status; <see cref="KvorumException"/> if there is none.
    /// </summary>
    public async ValueTask<Reply> AskNodeAsync(
        string address, Request request, TimeSpan timeout, CancellationToken cancelled)
    {
        ObjectDisposedException.ThrowIf(_isClosed, typeof(KvorumClient));
        var deadlineMs = Environment.TickCount64 + (long)timeout.TotalMilliseconds;
        var (connection, failure) = await NamedLink(address).ReachAsync(0, deadlineMs, cancelled)
            .ConfigureAwait(false);
        var answer = connection is null
            ? new Answer(AnswerKind.NotSent, Reason: failure)
            : await connection.AskAsync(request, Environment.TickCount64, deadlineMs, cancelled)
                .ConfigureAwait(false);
        if (answer.Kind == AnswerKind.Cancelled)
            throw new OperationCanceledException(cancelled);
        return answer.Reply ?? throw RetryState.Unanswered(request, answer);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NodeLink[] links;
        lock (_gate)
        {
            _isClosed = true;
            links = _all;
        }

        _sweeper.Dispose();
        foreach (var link in links)
            link.Dispose();
    }

    /// <summary>
    /// The leader, unless it just failed this call or is left alone for a while; then any other node.
    /// </summary>
    private NodeLink Pick(Routes routes, string keyspace, uint partition, NodeLink? avoid) =>
        routes.LeaderOf(keyspace, partition) is { } leader && leader != avoid && leader.MayWork()
            ? leader
            : Any(routes, avoid);

    private NodeLink Any(Routes routes, NodeLink? avoid)
    {
        var links = routes.Links;
        NodeLink? fallback = null;
        for (var i = 0; i < links.Count; i++)
        {
            var link = links[(int)((uint)Interlocked.Increment(ref _turn) % (uint)links.Count)];
            if (link != avoid && link.MayWork())
                return link;
            fallback = fallback is null || fallback == avoid ? link : fallback;
        }

        // All known nodes fail: perhaps the cluster has moved, and only the given addresses still lead there.
        return _seeds.FirstOrDefault(seed => seed != avoid && seed.MayWork()) ?? fallback ?? _seeds[0];
    }

    /// <summary>What a reply says about the leader, and about the placement.</summary>
    private void Learn(string keyspace, Routes routes, NodeLink asked, Reply reply)
    {
        if (routes.Map is { } map && reply.Epoch > map.Epoch)
            WantMap(asked, EpochPauseMs);
        if (reply.Leader.Length > 0 && reply.Leader != asked.Address && LinkOf(reply.Leader) is { } leader)
        {
            if (routes.Map is not null && routes.LeaderOf(keyspace, reply.Partition) != leader)
            {
                routes.Learn(keyspace, reply.Partition, leader);
                WantMap();
            }
        }
        else if (reply.Status is ReplyStatus.NotLeader or ReplyStatus.ShuttingDown || routes.Map is null)
        {
            WantMap();
        }
    }

    private NodeLink NamedLink(string address)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isClosed, typeof(KvorumClient));
            var link = LinkOf(address)
                ?? throw new ArgumentException($"'{address}' is no address of the form host:port.");
            link.IsNamed = true;
            return link;
        }
    }

    private NodeLink? LinkOf(string address)
    {
        lock (_gate)
        {
            if (_links.TryGetValue(address, out var known))
                return known;
            if (_isClosed || HostPort.TryParse(address) is not { IsDialable: true } target)
                return null;
            var link = new NodeLink(address, target, _options, _ => WantMap());
            _links.Add(address, link);
            _all = [.. _all, link];
            return link;
        }
    }

    private void Sweep()
    {
        if (Interlocked.Exchange(ref _isSweeping, 1) == 1)
            return;
        var nowMs = Environment.TickCount64;
        foreach (var link in Volatile.Read(ref _all))
            link.Sweep(nowMs, _overdue);
        Volatile.Write(ref _isSweeping, 0);
        if (nowMs >= Volatile.Read(ref _mapDueMs) && Volatile.Read(ref _routes).Map is not null)
            WantMap();
    }

    /// <summary>
    /// Has the map renewed in the background, unless that is under way or was done just now.
    /// </summary>
    /// <param name="from">A node that knows a newer one.</param>
    /// <param name="pauseMs">How long ago the last one must have been asked for.</param>
    private void WantMap(NodeLink? from = null, int pauseMs = MapPauseMs)
    {
        var nowMs = Environment.TickCount64;
        if (_isClosed || nowMs - Volatile.Read(ref _mapAskedMs) < pauseMs
            || Interlocked.Exchange(ref _isAskingMap, 1) == 1)
            return;
        Volatile.Write(ref _mapAskedMs, nowMs);
        Volatile.Write(ref _mapDueMs, nowMs + (long)_options.MapInterval.TotalMilliseconds);
        _ = Task.Run(() => RenewMapAsync(from));
    }

    private async Task RenewMapAsync(NodeLink? from)
    {
        try
        {
            var body = await AskAnyAsync(
                NativeFrameKind.MapRequest, null, _options.Timeout, CancellationToken.None, from)
                    .ConfigureAwait(false);
            Take(ClusterMapCodec.Decode(body));
        }
        catch (Exception e)
            when (e is KvorumException or FormatException or ArgumentException or ObjectDisposedException)
        {
            // Calls go on with what is known, over any node that passes them on, and ask for the map again.
        }
        finally
        {
            Volatile.Write(ref _isAskingMap, 0);
        }
    }

    private void Take(ClusterMap map)
    {
        lock (_gate)
        {
            var before = _routes;
            // A cluster that was founded anew counts its versions from the beginning. A node that is being
            // taken into one knows no members yet.
            if (_isClosed || map.Members.Count == 0 || (before.Map is not null
                && map.Version < before.Map.Version
                && (map.ClusterId == before.Map.ClusterId || map.ClusterId == Guid.Empty)))
                return;
            var routes = Routes.Of(map, LinkOf, _seeds, before);
            Volatile.Write(ref _routes, routes);
            Forget(routes.Links);
        }
    }

    /// <summary>
    /// Nodes that are no members any more: connections close when their calls are over. Under the lock.
    /// </summary>
    private void Forget(IReadOnlyList<NodeLink> members)
    {
        foreach (var link in _all)
        {
            if (link.IsNamed || members.Contains(link))
                continue;
            _links.Remove(link.Address);
            link.LetGo();
        }

        Volatile.Write(ref _all, [.. _all.Where(link => _links.ContainsValue(link) || !link.IsCutOff)]);
    }
}
