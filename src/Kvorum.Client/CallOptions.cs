using Kvorum.Protocol;

namespace Kvorum.Client;

/// <summary>What a single write may say beyond key and value.</summary>
public sealed record WriteOptions
{
    /// <summary>The keyspace; null for the client's.</summary>
    public string? Keyspace { get; init; }

    /// <summary>How long the call may take, retries included; null for the client's.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Life of the key, put only: from a millisecond up; null for no end.</summary>
    public TimeSpan? Ttl { get; init; }

    /// <summary>The write happens only if the key's present version is this; 0 means "absent".</summary>
    public ulong? IfVersion { get; init; }

    /// <summary>True to get the previous value back.</summary>
    public bool ReturnPrevious { get; init; }

    /// <summary>
    /// The request's number, if the program keeps its own and sets
    /// <see cref="KvorumClientOptions.ClientId"/>: a repeated number is answered like the first and changes
    /// nothing. Null for the client's next.
    /// </summary>
    public ulong? RequestId { get; init; }

    /// <summary>
    /// How many replicas of a quorum keyspace must have the write on disk; null for the keyspace's own
    /// number.
    /// </summary>
    public QuorumLevel? Quorum { get; init; }

    /// <summary>
    /// Quorum keyspace, of a write that is repeated with its <see cref="RequestId"/>: the version that
    /// <see cref="KvorumException.Tried"/> told. The client does so itself within one call.
    /// </summary>
    public WriteVersion? Tried { get; init; }

    /// <summary>
    /// Quorum keyspace that takes timestamps of clients: the time of the write, which decides which write
    /// wins: Unix milliseconds times 65536, and what tells writes of one millisecond apart. Null: the node
    /// gives it.
    /// </summary>
    public ulong? Timestamp { get; init; }

    /// <summary>True to learn what stands behind the reply: see <see cref="WriteResult.Receipt"/>.</summary>
    public bool WantsReceipt { get; init; }
}

/// <summary>What a scan reads, and how. What is left out does not bound.</summary>
public sealed record ScanOptions
{
    /// <summary>Keys that begin with this.</summary>
    public ReadOnlyMemory<byte> Prefix { get; init; }

    /// <summary>Keys from this one on, inclusive.</summary>
    public ReadOnlyMemory<byte> From { get; init; }

    /// <summary>Keys before this one, exclusive.</summary>
    public ReadOnlyMemory<byte> End { get; init; }

    /// <summary>True for the greatest key first.</summary>
    public bool Reverse { get; init; }

    /// <summary>True for keys and versions without values.</summary>
    public bool KeysOnly { get; init; }

    /// <summary>Keys of the whole scan, or of the one page, at most; 0 for all.</summary>
    public ulong Limit { get; init; }

    /// <summary>How fresh each page must be, in each partition.</summary>
    public ReadConsistency Consistency { get; init; }

    /// <summary>
    /// Bytes of a page at most, which is what the client holds in memory; a larger first entry comes alone.
    /// Null for <see cref="Limits.ScanPageBytesDefault"/>; at most <see cref="Limits.ScanPageBytesMax"/>.
    /// </summary>
    public int? PageBytes { get; init; }

    /// <summary>
    /// To go on behind a page: its <see cref="ScanResult.Token"/>, with the same keyspace, bounds and
    /// direction.
    /// </summary>
    public ReadOnlyMemory<byte> Token { get; init; }

    /// <summary>The keyspace; null for the client's.</summary>
    public string? Keyspace { get; init; }

    /// <summary>How long each page may take, retries included; null for the client's.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>
    /// How many replicas of a quorum keyspace must have answered, in each partition; null for the keyspace's
    /// own number.
    /// </summary>
    public QuorumLevel? Quorum { get; init; }

    /// <summary>True to learn what stands behind the page: see <see cref="ScanResult.Receipt"/>.</summary>
    public bool WantsReceipt { get; init; }
}

/// <summary>What a single read may say beyond the key.</summary>
public sealed record ReadOptions
{
    /// <summary>The keyspace; null for the client's.</summary>
    public string? Keyspace { get; init; }

    /// <summary>How long the call may take, retries included; null for the client's.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>How fresh the answer must be.</summary>
    public ReadConsistency Consistency { get; init; }

    /// <summary>
    /// How many replicas of a quorum keyspace must have answered; null for the keyspace's own number.
    /// </summary>
    public QuorumLevel? Quorum { get; init; }

    /// <summary>True to learn what stands behind the reply: see <see cref="GetResult.Receipt"/>.</summary>
    public bool WantsReceipt { get; init; }
}
