namespace Kvorum.Server.Grpc;

/// <summary>
/// Outcome of a gRPC call (gRPC "Status codes and their use in gRPC"). Values are on the wire.
/// </summary>
public enum GrpcStatus
{
    /// <summary>Done.</summary>
    Ok = 0,

    /// <summary>The caller took the call back.</summary>
    Cancelled = 1,

    /// <summary>The outcome is not known, or a handler failed.</summary>
    Unknown = 2,

    /// <summary>The request itself is wrong.</summary>
    InvalidArgument = 3,

    /// <summary>The time given ran out.</summary>
    DeadlineExceeded = 4,

    /// <summary>What was named does not exist.</summary>
    NotFound = 5,

    /// <summary>What was to be made exists.</summary>
    AlreadyExists = 6,

    /// <summary>The caller may not do this.</summary>
    PermissionDenied = 7,

    /// <summary>Too much: a size, a queue.</summary>
    ResourceExhausted = 8,

    /// <summary>The system is not in the state that the call needs; do not retry until it is.</summary>
    FailedPrecondition = 9,

    /// <summary>A concurrent change got in the way; retry the whole read-modify-write.</summary>
    Aborted = 10,

    /// <summary>Past the valid range.</summary>
    OutOfRange = 11,

    /// <summary>No such method, or a feature that this server does not have.</summary>
    Unimplemented = 12,

    /// <summary>A broken promise of the protocol or a fault.</summary>
    Internal = 13,

    /// <summary>Cannot serve now; retry with a pause.</summary>
    Unavailable = 14,

    /// <summary>Data is lost or damaged beyond repair.</summary>
    DataLoss = 15,

    /// <summary>The caller is not known.</summary>
    Unauthenticated = 16,
}
