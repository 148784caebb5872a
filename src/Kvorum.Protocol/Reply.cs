namespace Kvorum.Protocol;

/// <summary>What became of a request. Values are on the wire: never renumber.</summary>
public enum ReplyStatus : byte
{
    /// <summary>Done. For a read: see <see cref="Reply.Found"/>.</summary>
    Ok = 0,

    /// <summary>The request itself is wrong: an empty key, a bound exceeded. Never retry.</summary>
    InvalidArgument = 1,

    /// <summary>No such keyspace. Never retry.</summary>
    UnknownKeyspace = 2,

    /// <summary>
    /// <see cref="WriteRequest.IfVersion"/> did not hold; nothing changed; <see cref="Reply.Version"/> is the
    /// present one.
    /// </summary>
    ConditionFailed = 3,

    /// <summary>
    /// This node does not lead the partition; <see cref="Reply.Leader"/> does, if known. Nothing was done.
    /// </summary>
    NotLeader = 4,

    /// <summary>No leader, or not enough replicas are reachable. Nothing was done: safe to retry.</summary>
    Unavailable = 5,

    /// <summary>Too much is queued. Nothing was done: retry after a pause.</summary>
    Overloaded = 6,

    /// <summary>The time given ran out. A write may still happen, or not.</summary>
    DeadlineExceeded = 7,

    /// <summary>
    /// Leadership or the connection was lost after the write was proposed: it may have happened, or happen
    /// yet. Retry with the same ids.
    /// </summary>
    OutcomeUnknown = 8,

    /// <summary>
    /// The exactly-once record of so old a request is gone: the write was not applied now, but may have been
    /// before.
    /// </summary>
    SessionExpired = 9,

    /// <summary>The caller took the request back. A write may still happen, or not.</summary>
    Cancelled = 10,

    /// <summary>A fault of the node.</summary>
    Internal = 11,

    /// <summary>The node is shutting down. Nothing was done: retry elsewhere.</summary>
    ShuttingDown = 12,

    /// <summary>
    /// The disk of the node that leads the partition is almost full, and no other can take over: values are
    /// refused, reads served. Nothing was done: retry when there is room.
    /// </summary>
    OutOfSpace = 13,

    /// <summary>
    /// The caller is not known: it has shown nothing that tells who it is, or what it has shown is not
    /// accepted. Nothing was done. Never retry as it is.
    /// </summary>
    Unauthenticated = 14,

    /// <summary>The caller is known, and has no right to it. Nothing was done. Never retry.</summary>
    PermissionDenied = 15,
}

/// <summary>The answer to a <see cref="Request"/>. Immutable.</summary>
public sealed record Reply
{
    /// <summary>What became of it.</summary>
    public required ReplyStatus Status { get; init; }

    /// <summary>
    /// For people: what went wrong, with the offending value and the remedy; empty if nothing did.
    /// </summary>
    public string Message { get; init; } = "";

    /// <summary>
    /// Read: the key exists. Write with <see cref="WriteRequest.ReturnPrevious"/>: a previous value existed.
    /// </summary>
    public bool Found { get; init; }

    /// <summary>
    /// Read: the value. Write with <see cref="WriteRequest.ReturnPrevious"/>: the previous value. Scan: the
    /// page, as <see cref="ScanPageCodec"/> writes it.
    /// </summary>
    public ReadOnlyMemory<byte> Value { get; init; }

    /// <summary>
    /// Read: the key's version. Write: the version it got, or for a delete the position of the deletion.
    /// Grows with each write in a partition; in a quorum keyspace the last write wins by it.
    /// </summary>
    public ulong Version { get; init; }

    /// <summary>The partition of the key.</summary>
    public uint Partition { get; init; }

    /// <summary>Version of the placement that the answering node holds.</summary>
    public ulong Epoch { get; init; }

    /// <summary>The leader's client address, dialable; empty if unknown.</summary>
    public string Leader { get; init; } = "";

    /// <summary>True if a read may be out of date, as asked for.</summary>
    public bool Stale { get; init; }

    /// <summary>True if a write was a repetition and this is the first one's stored answer.</summary>
    public bool Replayed { get; init; }

    /// <summary>How the keyspace replicates.</summary>
    public ReplicationMode Mode { get; init; }

    /// <summary>
    /// Quorum keyspace: the second half of the version, see <see cref="WriteVersion"/>; also with an
    /// indeterminate write, whose version was tried. 0: there is none.
    /// </summary>
    public ulong Writer { get; init; }

    /// <summary>What stands behind the reply, if that was asked for.</summary>
    public Receipt? Receipt { get; init; }
}
