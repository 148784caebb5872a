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
}
