namespace Kvorum.Protocol;

/// <summary>How fresh a read must be.</summary>
public enum ReadConsistency : byte
{
    /// <summary>Linearizable: confirmed with a majority after the read was asked.</summary>
    Linearizable = 0,

    /// <summary>
    /// Linearizable while clocks drift less than the configured bound; spares the round to the majority.
    /// </summary>
    Lease = 1,

    /// <summary>Whatever the asked node holds; labelled <see cref="Reply.Stale"/>.</summary>
    Stale = 2,
}

/// <summary>The kinds of requests. Values are on the wire: never renumber.</summary>
public enum RequestKind : byte
{
    /// <summary><see cref="PutRequest"/>.</summary>
    Put = 1,

    /// <summary><see cref="GetRequest"/>.</summary>
    Get = 2,

    /// <summary><see cref="DeleteRequest"/>.</summary>
    Delete = 3,

    /// <summary><see cref="ScanRequest"/>.</summary>
    Scan = 4,
}

/// <summary>Which keys a request is about, and so which partitions serve it.</summary>
public enum RequestKeys : byte
{
    /// <summary><see cref="Request.Key"/> alone: its partition serves the request.</summary>
    One,

    /// <summary>A range from <see cref="Request.Key"/> on: any node serves it, from all partitions.</summary>
    Range,
}

/// <summary>
/// A request about one key, or a range of them: a closed family of <see cref="ReadRequest"/>s and
/// <see cref="WriteRequest"/>s. What the way of a request depends on is asked of the request itself. A switch
/// over the kinds has no arm for "all others": that one throws
/// <see cref="System.Diagnostics.UnreachableException"/>, and tests send every kind through every switch.
/// Keys and values are exact bytes and are never changed once here.
/// </summary>
public abstract record Request
{
    private protected Request()
    {
    }

    /// <summary>The kind.</summary>
    public abstract RequestKind Kind { get; }

    /// <summary>True if it may change something.</summary>
    public abstract bool IsWrite { get; }

    /// <summary>
    /// True if it may be sent twice and has no second effect: a read, or a write that is known by its ids.
    /// </summary>
    public abstract bool IsSafeToRepeat { get; }

    /// <summary>Which keys it is about.</summary>
    public virtual RequestKeys Keys => RequestKeys.One;

    /// <summary>Bytes of keys and values in it.</summary>
    public virtual long DataBytes => Key.Length;

    /// <summary>The keyspace, by name.</summary>
    public string Keyspace { get; init; } = KeyspaceName.Default;

    /// <summary>
    /// The key: not empty. Of a <see cref="ScanRequest"/>: where the range begins; empty for no bound.
    /// </summary>
    public required ReadOnlyMemory<byte> Key { get; init; }

    /// <summary>
    /// True to be answered <see cref="ReplyStatus.NotLeader"/> with the leader's address instead of being
    /// forwarded.
    /// </summary>
    public bool NoRedirect { get; init; }

    /// <summary>
    /// How many replicas of a quorum keyspace must have the write, or have answered the read; null for the
    /// keyspace's own number.
    /// </summary>
    public QuorumLevel? Quorum { get; init; }

    /// <summary>True to get a <see cref="Receipt"/> with the reply.</summary>
    public bool WantsReceipt { get; init; }
}

/// <summary>A request that changes nothing. It may always be repeated.</summary>
public abstract record ReadRequest : Request
{
    private protected ReadRequest()
    {
    }

    /// <inheritdoc/>
    public sealed override bool IsWrite => false;

    /// <inheritdoc/>
    public sealed override bool IsSafeToRepeat => true;

    /// <summary>How fresh the answer must be; of a scan, in each partition.</summary>
    public ReadConsistency Consistency { get; init; }
}

/// <summary>
/// A request that changes something: exactly once per (<see cref="ClientId"/>, <see cref="RequestId"/>) if a
/// client id is given.
/// </summary>
public abstract record WriteRequest : Request
{
    private protected WriteRequest()
    {
    }

    /// <inheritdoc/>
    public sealed override bool IsWrite => true;

    /// <inheritdoc/>
    public sealed override bool IsSafeToRepeat => ClientId.Length > 0;

    /// <summary>True if it stores data: such a write is refused while the disk is almost full.</summary>
    public abstract bool StoresData { get; }

    /// <summary>The client's id; empty for a write without exactly-once record.</summary>
    public string ClientId { get; init; } = "";

    /// <summary>
    /// Number of the request, chosen by the client; a repeated pair is answered like the first and changes
    /// nothing.
    /// </summary>
    public ulong RequestId { get; init; }

    /// <summary>
    /// If given, the write happens only if the key's present version is this; 0 means "absent".
    /// </summary>
    public ulong? IfVersion { get; init; }

    /// <summary>True to get the previous value in the reply.</summary>
    public bool ReturnPrevious { get; init; }

    /// <summary>
    /// Quorum keyspace: the highest version that the client has seen, as <see cref="Reply.Version"/> told it;
    /// the write gets a higher one. It must be within the bound of the clocks' offset. 0: none.
    /// </summary>
    public ulong After { get; init; }

    /// <summary>
    /// Quorum keyspace, of a write that is repeated with the same ids: the version that was tried, as an
    /// indeterminate reply told it. It is the same write then. Null for a new one.
    /// </summary>
    public WriteVersion? Tried { get; init; }

    /// <summary>
    /// Quorum keyspace that takes timestamps of clients: the time of the write, as
    /// <see cref="Reply.Version"/> is counted: Unix milliseconds times 65536, and what tells writes of one
    /// millisecond apart. It decides which write wins. 0: the node gives it.
    /// </summary>
    public ulong Timestamp { get; init; }
}

/// <summary>Sets a key.</summary>
public sealed record PutRequest : WriteRequest
{
    /// <inheritdoc/>
    public override RequestKind Kind => RequestKind.Put;

    /// <inheritdoc/>
    public override bool StoresData => true;

    /// <inheritdoc/>
    public override long DataBytes => base.DataBytes + Value.Length;

    /// <summary>The value; may be empty.</summary>
    public required ReadOnlyMemory<byte> Value { get; init; }

    /// <summary>
    /// Life of the key in milliseconds from when the leader takes the write; zero for no end.
    /// </summary>
    public ulong TtlMs { get; init; }
}

/// <summary>Removes a key; an absent key is no error.</summary>
public sealed record DeleteRequest : WriteRequest
{
    /// <inheritdoc/>
    public override RequestKind Kind => RequestKind.Delete;

    /// <inheritdoc/>
    public override bool StoresData => false;
}

/// <summary>Reads a key.</summary>
public sealed record GetRequest : ReadRequest
{
    /// <inheritdoc/>
    public override RequestKind Kind => RequestKind.Get;
}

/// <summary>
/// Reads one page of the keys from <see cref="Request.Key"/> (inclusive) to <see cref="End"/> (exclusive), in
/// byte order over all partitions. Any node answers it. The answer is a <see cref="ScanPage"/> in
/// <see cref="Reply.Value"/>; while it has a token, the same request with that <see cref="Token"/> reads on.
/// </summary>
public sealed record ScanRequest : ReadRequest
{
    /// <inheritdoc/>
    public override RequestKind Kind => RequestKind.Scan;

    /// <inheritdoc/>
    public override RequestKeys Keys => RequestKeys.Range;

    /// <inheritdoc/>
    public override long DataBytes => base.DataBytes + End.Length + Token.Length;

    /// <summary>Where the range ends, exclusive; empty for no bound.</summary>
    public ReadOnlyMemory<byte> End { get; init; }

    /// <summary>True for the greatest key first.</summary>
    public bool Reverse { get; init; }

    /// <summary>True for keys and versions without values.</summary>
    public bool KeysOnly { get; init; }

    /// <summary>Entries of the page at most; 0 for no bound but the page's bytes.</summary>
    public uint Limit { get; init; }

    /// <summary>
    /// Bytes of the page at most, keys and values and <see cref="ScanPageCodec.EntryOverhead"/> for each; a
    /// first entry that is larger comes alone. 0 for <see cref="Limits.ScanPageBytesDefault"/>; at most
    /// <see cref="Limits.ScanPageBytesMax"/>.
    /// </summary>
    public uint PageBytes { get; init; }

    /// <summary>The token of the page before; empty for the first page.</summary>
    public ReadOnlyMemory<byte> Token { get; init; }
}
