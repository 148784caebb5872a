namespace Kvorum.Protocol;

/// <summary>
/// Kinds of frames between native clients and servers. Values are on the wire: never renumber.
/// </summary>
public enum NativeFrameKind : byte
{
    /// <summary>Client: its name and id. Its first frame, right after the magic.</summary>
    Hello = 1,

    /// <summary>Server: its node and cluster. Answers <see cref="Hello"/>.</summary>
    HelloReply = 2,

    /// <summary>Client: a request about a key.</summary>
    Request = 3,

    /// <summary>Server: the answer to <see cref="Request"/>.</summary>
    Reply = 4,

    /// <summary>Client: asks for the cluster's map.</summary>
    MapRequest = 5,

    /// <summary>Server: the answer to <see cref="MapRequest"/>.</summary>
    MapReply = 6,

    /// <summary>Client: asks for the node's state.</summary>
    StatusRequest = 7,

    /// <summary>Server: the answer to <see cref="StatusRequest"/>.</summary>
    StatusReply = 8,

    /// <summary>
    /// Client: has lost interest in the request of the same correlation; an answer may still come.
    /// </summary>
    Cancel = 9,

    /// <summary>
    /// Server: is about to stop. Requests under way are answered; new ones belong on another connection.
    /// </summary>
    Goodbye = 10,

    /// <summary>
    /// Server: what the client did wrong, for people. The connection is closed right after.
    /// </summary>
    Error = 11,

    /// <summary>Client: an operator's request about the cluster.</summary>
    AdminRequest = 12,

    /// <summary>Server: the answer to <see cref="AdminRequest"/>.</summary>
    AdminReply = 13,

    /// <summary>
    /// Client: who it is, as a token. It counts for what is asked behind it on the connection, until another
    /// one comes. It is not answered: what is asked under a token that is not accepted is refused.
    /// </summary>
    Credential = 14,
}

/// <summary>One frame as it was read.</summary>
/// <param name="Kind">Its kind; may be one this version does not know.</param>
/// <param name="Correlation">Chosen by the client for what it asks, repeated in the answer; 0 where nothing
/// is answered.</param>
/// <param name="Body">What is in it: part of the memory that was read from.</param>
public readonly record struct NativeFrame(NativeFrameKind Kind, ulong Correlation, ReadOnlyMemory<byte> Body);
