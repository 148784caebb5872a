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
/// A request about one key: a closed family. Keys and values are exact bytes and are never changed once here.
/// </summary>
public abstract record Request
{
    private protected Request()
    {
    }

    /// <summary>The keyspace, by name.</summary>
    public string Keyspace { get; init; } = "default";

    /// <summary>The key: not empty.</summary>
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
