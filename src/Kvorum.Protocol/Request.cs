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

/// <summary>
/// A request about one key, or a range of them: a closed family. Keys and values are exact bytes and are
/// never changed once here.
/// </summary>
public abstract record Request
{
    private protected Request()
    {
    }

    /// <summary>The keyspace, by name.</summary>
    public string Keyspace { get; init; } = "default";

    /// <summary>
    /// The key: not empty. Of a <see cref="ScanRequest"/>: where the range begins; empty for no bound.
    /// </summary>
    public required ReadOnlyMemory<byte> Key { get; init; }

    /// <summary>
    /// True to be answered <see cref="ReplyStatus.NotLeader"/> with the leader's address instead of being
    /// forwarded.
    /// </summary>
    public bool NoRedirect { get; init; }
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

    /// <summary>Who asks; empty for a write without exactly-once record.</summary>
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
}

/// <summary>Sets a key.</summary>
public sealed record PutRequest : WriteRequest
{
    /// <summary>The value; may be empty.</summary>
    public required ReadOnlyMemory<byte> Value { get; init; }

    /// <summary>
    /// Life of the key in milliseconds from when the leader takes the write; zero for no end.
    /// </summary>
    public ulong TtlMs { get; init; }
}

/// <summary>Removes a key; an absent key is no error.</summary>
public sealed record DeleteRequest : WriteRequest;

/// <summary>Reads a key.</summary>
public sealed record GetRequest : Request
{
    /// <summary>How fresh the answer must be.</summary>
    public ReadConsistency Consistency { get; init; }
}

/// <summary>
/// Reads one page of the keys from <see cref="Request.Key"/> (inclusive) to <see cref="End"/> (exclusive), in
/// byte order over all partitions. Any node answers it. The answer is a <see cref="ScanPage"/> in
/// <see cref="Reply.Value"/>; while it has a token, the same request with that <see cref="Token"/> reads on.
/// </summary>
public sealed record ScanRequest : Request
{
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

    /// <summary>How fresh the page must be, in each partition.</summary>
    public ReadConsistency Consistency { get; init; }

    /// <summary>The token of the page before; empty for the first page.</summary>
    public ReadOnlyMemory<byte> Token { get; init; }
}
