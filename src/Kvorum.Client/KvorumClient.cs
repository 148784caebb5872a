using System.Runtime.CompilerServices;
using Kvorum.Protocol;

namespace Kvorum.Client;

/// <summary>
/// A client of a Kvorum cluster: the door of this library. It finds the cluster by any of the given
/// addresses, learns which node leads which partition and asks that node; a call that fails in a way that is
/// safe to repeat is repeated, a write always with the same ids, so that it happens once, until the call's
/// time is up. Thread-safe; one per program is enough; dispose it at the end.
/// </summary>
/// <remarks>
/// <para>Put is what other stores call Set.</para>
/// <para>
/// Errors are <see cref="KvorumException"/>, cancellation is <see cref="OperationCanceledException"/>, a name
/// over its bound or a request too large for a frame is <see cref="ArgumentException"/>. Keys and values must
/// not be changed until the call is over: repetitions read them again.
/// </para>
/// </remarks>
public sealed class KvorumClient : IAsyncDisposable
{
    private readonly KvorumClientOptions _options;
    private readonly Cluster _cluster;
    private readonly string _clientId;
    private readonly EventHandlers _handlers;
    private ulong _lastRequestId;

    private KvorumClient(KvorumClientOptions options)
    {
        _options = options;
        _cluster = new(options);
        _handlers = new(this);
        _clientId = options.ClientId ?? Convert.ToHexStringLower(
            Guid.CreateVersion7().ToByteArray(bigEndian: true));
    }

    /// <summary>The id under which this client writes; empty if it writes without a record.</summary>
    public string ClientId => _clientId;

    /// <summary>
    /// Makes a client. Connections are opened when they are needed: the first call says whether the cluster
    /// can be reached. <see cref="ArgumentException"/> if an option makes no sense.
    /// </summary>
    public static KvorumClient Connect(KvorumClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ConnectionsPerNode, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.Timeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.ConnectTimeout, TimeSpan.Zero);
        if (options.Addresses.Count == 0)
            throw new ArgumentException("At least one address of a node is needed, as host:port.");
        CheckBound(options.Keyspace, Limits.KeyspaceBytesMax, "keyspace");
        CheckBound(options.ClientId ?? "", Limits.ClientIdBytesMax, "client id");
        return new(options);
    }

    /// <summary>True if a text is an address of the form host:port or [IPv6]:port.</summary>
    public static bool IsAddress(string text) => HostPort.TryParse(text) is { IsDialable: true };

    /// <summary>Sets a key.</summary>
    public ValueTask<WriteResult> PutAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, WriteOptions? options = null,
        CancellationToken cancellationToken = default) =>
        WriteAsync(new PutRequest
        {
            Keyspace = options?.Keyspace ?? _options.Keyspace,
            Key = key,
            Value = value,
            ClientId = _clientId,
            RequestId = options?.RequestId ?? Interlocked.Increment(ref _lastRequestId),
            IfVersion = options?.IfVersion,
            ReturnPrevious = options?.ReturnPrevious ?? false,
            Quorum = options?.Quorum,
            Tried = options?.Tried,
            Timestamp = options?.Timestamp ?? 0,
            WantsReceipt = options?.WantsReceipt ?? false,
            TtlMs = TtlOf(options),
        }, options, cancellationToken);

    /// <summary>Sets a key; both are written as UTF-8.</summary>
    public ValueTask<WriteResult> PutAsync(
        string key, string value, WriteOptions? options = null,
        CancellationToken cancellationToken = default) =>
        PutAsync(
            Utf8Text.Encode("the key", key), Utf8Text.Encode("the value", value), options, cancellationToken);

    /// <summary>
    /// Sets a key of a quorum keyspace once as many replicas as are asked for have it on disk.
    /// </summary>
    public ValueTask<WriteResult> SetWithQuorumAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, QuorumLevel quorum,
        WriteOptions? options = null, CancellationToken cancellationToken = default) =>
        PutAsync(key, value, (options ?? new()) with { Quorum = quorum }, cancellationToken);

    /// <summary>The same; key and value are written as UTF-8.</summary>
    public ValueTask<WriteResult> SetWithQuorumAsync(
        string key, string value, QuorumLevel quorum, WriteOptions? options = null,
        CancellationToken cancellationToken = default) =>
        PutAsync(key, value, (options ?? new()) with { Quorum = quorum }, cancellationToken);

    /// <summary>Reads a key.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<GetResult> GetAsync(
        ReadOnlyMemory<byte> key, ReadOptions? options = null, CancellationToken cancellationToken = default)
    {
        var request = new GetRequest
        {
            Keyspace = options?.Keyspace ?? _options.Keyspace,
            Key = key,
            Consistency = options?.Consistency ?? ReadConsistency.Linearizable,
            Quorum = options?.Quorum,
            WantsReceipt = options?.WantsReceipt ?? false,
        };
        var reply = await _cluster.CallAsync(request, options?.Timeout ?? _options.Timeout, cancellationToken)
            .ConfigureAwait(false);
        return new(reply.Found, reply.Value, reply.Version, reply.Stale) { Receipt = reply.Receipt };
    }

    /// <summary>Reads a key, written as UTF-8.</summary>
    public ValueTask<GetResult> GetAsync(
        string key, ReadOptions? options = null, CancellationToken cancellationToken = default) =>
        GetAsync(Utf8Text.Encode("the key", key), options, cancellationToken);

    /// <summary>Removes a key; an absent key is no error.</summary>
    public ValueTask<WriteResult> DeleteAsync(
        ReadOnlyMemory<byte> key, WriteOptions? options = null,
        CancellationToken cancellationToken = default) =>
        WriteAsync(new DeleteRequest
        {
            Keyspace = options?.Keyspace ?? _options.Keyspace,
            Key = key,
            ClientId = _clientId,
            RequestId = options?.RequestId ?? Interlocked.Increment(ref _lastRequestId),
            IfVersion = options?.IfVersion,
            ReturnPrevious = options?.ReturnPrevious ?? false,
            Quorum = options?.Quorum,
            Tried = options?.Tried,
            Timestamp = options?.Timestamp ?? 0,
            WantsReceipt = options?.WantsReceipt ?? false,
        }, options, cancellationToken);

    /// <summary>Removes a key, written as UTF-8; an absent key is no error.</summary>
    public ValueTask<WriteResult> DeleteAsync(
        string key, WriteOptions? options = null, CancellationToken cancellationToken = default) =>
        DeleteAsync(Utf8Text.Encode("the key", key), options, cancellationToken);

    /// <summary>
    /// The keys of a range in byte order, over all partitions: pages are fetched as they are consumed, and no
    /// more than one is held. Each page is a read of its own: a key that is there during the whole scan comes
    /// exactly once, but the pages are not one snapshot. A failure that outlasts the page's time is thrown
    /// where the scan stands: what came before is right, and a new scan may begin behind it.
    /// </summary>
    public async IAsyncEnumerable<ScannedKey> ScanAsync(
        ScanOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var left = options ?? new();
        while (true)
        {
            var page = await ScanPageAsync(left, cancellationToken).ConfigureAwait(false);
            foreach (var key in page.Keys)
                yield return key;
            if (page.Token.IsEmpty || (left.Limit > 0 && left.Limit == (ulong)page.Keys.Count))
                yield break;
            left = left with
            {
                Token = page.Token,
                Limit = left.Limit == 0 ? 0 : left.Limit - (ulong)page.Keys.Count,
            };
        }
    }

    /// <summary>The keys that begin with a prefix, written as UTF-8; see the other overload.</summary>
    public IAsyncEnumerable<ScannedKey> ScanAsync(
        string prefix, ScanOptions? options = null, CancellationToken cancellationToken = default) =>
        ScanAsync(
            (options ?? new()) with { Prefix = Utf8Text.Encode("the prefix", prefix) }, cancellationToken);

    /// <summary>
    /// One page of a range: for programs that hand the token on to their own callers. No node keeps anything
    /// for it.
    /// </summary>
    public async ValueTask<ScanResult> ScanPageAsync(
        ScanOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(options.PageBytes ?? 0);
        var range = KeyRange.Of(options.Prefix, options.From, options.End);
        var request = new ScanRequest
        {
            Keyspace = options.Keyspace ?? _options.Keyspace,
            Key = range.From,
            End = range.End,
            Reverse = options.Reverse,
            KeysOnly = options.KeysOnly,
            Limit = (uint)Math.Min(options.Limit, uint.MaxValue),
            PageBytes = (uint)(options.PageBytes ?? 0),
            Consistency = options.Consistency,
            Quorum = options.Quorum,
            WantsReceipt = options.WantsReceipt,
            Token = options.Token,
        };
        var reply = await _cluster.CallAsync(request, options.Timeout ?? _options.Timeout, cancellationToken)
            .ConfigureAwait(false);
        var page = ScanPageCodec.Decode(reply.Value);
        return new(
            [.. page.Entries.Select(static entry => new ScannedKey(entry.Key, entry.Value, entry.Version))],
            page.Token, reply.Stale)
        {
            Receipt = reply.Receipt,
        };
    }

    /// <summary>
    /// Asks one node, once: no map, no other node, no retry. Its reply comes back whatever its status, so a
    /// follower may name the leader. For tools that are about one node; programs use the other calls.
    /// <see cref="KvorumException"/> if no reply comes in time.
    /// </summary>
    /// <param name="address">host:port of the node.</param>
    /// <param name="request">What is asked, complete: this client adds no keyspace and no ids.</param>
    /// <param name="timeout">Null for that of the options.</param>
    /// <param name="cancellationToken">Takes the question back; a write may still happen.</param>
    public ValueTask<Reply> AskNodeAsync(
        string address, Request request, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        _cluster.AskNodeAsync(address, request, timeout ?? _options.Timeout, cancellationToken);

    /// <summary>The cluster as one of its nodes knows it now.</summary>
    public async ValueTask<ClusterMap> MapAsync(CancellationToken cancellationToken = default)
    {
        var body = await _cluster.AskAnyAsync(
            NativeFrameKind.MapRequest, null, _options.Timeout, cancellationToken).ConfigureAwait(false);
        return ClusterMapCodec.Decode(body);
    }

    /// <summary>
    /// The state of one node, as JSON in UTF-8: its name, whether it is ready and if not why, members, and
    /// every replica.
    /// </summary>
    /// <param name="address">host:port of the node; null for any one that answers.</param>
    /// <param name="cancellationToken">Takes the question back.</param>
    public ValueTask<ReadOnlyMemory<byte>> StatusAsync(
        string? address = null, CancellationToken cancellationToken = default) =>
        _cluster.AskAnyAsync(NativeFrameKind.StatusRequest, address, _options.Timeout, cancellationToken);

    /// <summary>
    /// An operator's request about the cluster and its answer, both as JSON in UTF-8: any node takes it and
    /// brings it to the leader of the metadata group. The answer's "status" says what became of it.
    /// <see cref="KvorumException"/> if there is no answer.
    /// </summary>
    /// <param name="json">An object whose "action" names what is asked.</param>
    /// <param name="mayRepeat">True for what changes nothing: it is asked again if an answer is lost.</param>
    /// <param name="timeout">Null for that of the options.</param>
    /// <param name="cancellationToken">Takes the question back; a change may still happen.</param>
    public ValueTask<ReadOnlyMemory<byte>> AdministerAsync(
        ReadOnlyMemory<byte> json, bool mayRepeat, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        _cluster.AdministerAsync(json, mayRepeat, timeout ?? _options.Timeout, cancellationToken);

    /// <summary>
    /// What happens in the cluster: members that join, leave, go down and come back, partitions that get
    /// other owners, moves that begin and end. Each event comes when the asked node hears of it, in the order
    /// that the cluster has put them in, without gaps, whichever nodes come and go meanwhile. It ends only by
    /// <paramref name="cancellationToken"/>, or with <see cref="KvorumException"/>: ConditionFailed if events
    /// behind the position are not kept any more, so that the program should look at the whole cluster
    /// before it goes on; Unavailable if no node answers for long: a new watch may begin behind the last
    /// event.
    /// </summary>
    public IAsyncEnumerable<ClusterEvent> WatchAsync(
        WatchOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new();
        return new EventWatch(_cluster, options, options.Timeout ?? _options.Timeout)
            .RunAsync(cancellationToken);
    }

    /// <summary>
    /// Raised for what happens in the cluster from the first handler on, one event after the other, on a
    /// thread of the pool. Where nodes are lost it goes on with others for as long as there is a handler.
    /// Positions grow by one: one that is further on means that events are lost, because the program was
    /// away for too long. Programs that must miss nothing use <see cref="WatchAsync"/>. A handler must not
    /// throw: no more events are raised then.
    /// </summary>
    public event EventHandler<ClusterEvent> ClusterChanged
    {
        add => _handlers.Add(value);
        remove => _handlers.Remove(value);
    }

    /// <summary>Closes all connections; calls under way fail.</summary>
    public ValueTask DisposeAsync()
    {
        _handlers.Dispose();
        _cluster.Dispose();
        return ValueTask.CompletedTask;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<WriteResult> WriteAsync(
        WriteRequest request, WriteOptions? options, CancellationToken cancellationToken)
    {
        var reply = await _cluster.CallAsync(request, options?.Timeout ?? _options.Timeout, cancellationToken)
            .ConfigureAwait(false);
        return new(reply.Version, reply.Found, reply.Value, reply.Replayed) { Receipt = reply.Receipt };
    }

    private static ulong TtlOf(WriteOptions? options) => options?.Ttl switch
    {
        null => 0,
        { TotalMilliseconds: < 1 } ttl =>
            throw new ArgumentException($"A TTL of {ttl} is less than a millisecond."),
        { } ttl => (ulong)ttl.TotalMilliseconds,
    };

    private static void CheckBound(string text, int bytesMax, string what)
    {
        if (Utf8Text.Problem($"The {what}", text) is { } problem)
            throw new ArgumentException(problem);
        var count = Utf8Text.CountOf(text);
        if (count > bytesMax)
            throw new ArgumentException(
                $"The {what} has {count} bytes in UTF-8; at most {bytesMax} are allowed.");
    }
}
