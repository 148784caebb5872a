using Kvorum.Protocol;
using GrpcStatus = Grpc.Core.StatusCode;

namespace Kvorum.Server;

/// <summary>
/// How each <see cref="ReplyStatus"/> looks on the wires: the one place where gRPC and HTTP codes are chosen.
/// What the client may do then is in <see cref="RetryTable"/>. HTTP answers never use 404 for anything but an
/// absent key or route, so that an error is never mistaken for an absence.
/// </summary>
/// <param name="Name">On every wire, in kvorum-status and in JSON errors.</param>
/// <param name="Grpc">gRPC status.</param>
/// <param name="Http">HTTP status.</param>
public sealed record ReplyOutcome(string Name, GrpcStatus Grpc, int Http)
{
    private static readonly SortedDictionary<ReplyStatus, ReplyOutcome> Table = new()
    {
        [ReplyStatus.Ok] = new("ok", GrpcStatus.OK, 200),
        [ReplyStatus.InvalidArgument] = new(
            "invalid-argument", GrpcStatus.InvalidArgument, 400),
        [ReplyStatus.UnknownKeyspace] = new("unknown-keyspace", GrpcStatus.NotFound, 400),
        // gRPC's own advice: ABORTED where a test-and-set fails and the caller must read again.
        [ReplyStatus.ConditionFailed] = new("condition-failed", GrpcStatus.Aborted, 412),
        // Only with no_redirect. Not UNAVAILABLE: generic clients would ask the same node again.
        [ReplyStatus.NotLeader] = new("not-leader", GrpcStatus.FailedPrecondition, 421),
        [ReplyStatus.Unavailable] = new("unavailable", GrpcStatus.Unavailable, 503),
        [ReplyStatus.Overloaded] = new("overloaded", GrpcStatus.ResourceExhausted, 429),
        [ReplyStatus.DeadlineExceeded] = new(
            "deadline-exceeded", GrpcStatus.DeadlineExceeded, 504),
        // Not UNAVAILABLE, which generic clients repeat on their own.
        [ReplyStatus.OutcomeUnknown] = new("outcome-unknown", GrpcStatus.Unknown, 503),
        [ReplyStatus.SessionExpired] = new(
            "session-expired", GrpcStatus.FailedPrecondition, 409),
        [ReplyStatus.Cancelled] = new("cancelled", GrpcStatus.Cancelled, 499),
        [ReplyStatus.Internal] = new("internal", GrpcStatus.Internal, 500),
        [ReplyStatus.OutOfSpace] = new("out-of-space", GrpcStatus.ResourceExhausted, 507),
        [ReplyStatus.ShuttingDown] = new("shutting-down", GrpcStatus.Unavailable, 503),
        [ReplyStatus.Unauthenticated] = new("unauthenticated", GrpcStatus.Unauthenticated, 401),
        [ReplyStatus.PermissionDenied] = new("permission-denied", GrpcStatus.PermissionDenied, 403),
    };

    /// <summary>The row of a status.</summary>
    public static ReplyOutcome Of(ReplyStatus status) => Table[status];

    /// <summary>The reply's own message, or one that says at least what became of the request.</summary>
    public static string MessageOf(Reply reply) =>
        reply.Message.Length > 0 ? reply.Message : DefaultMessageOf(reply);

    private static string DefaultMessageOf(Reply reply) => reply.Status switch
    {
        ReplyStatus.Ok => "",
        ReplyStatus.ConditionFailed => $"the condition does not hold: the key's version is {reply.Version}",
        ReplyStatus.NotLeader when reply.Leader.Length > 0 =>
            $"this node does not lead the partition; {reply.Leader} does",
        ReplyStatus.NotLeader => "this node does not lead the partition, and the leader is not known",
        ReplyStatus.Unavailable => "no majority of the partition can be reached; nothing was done",
        ReplyStatus.Overloaded => "too much is queued; nothing was done, retry after a pause",
        ReplyStatus.DeadlineExceeded => "the time given ran out; a write may still happen",
        ReplyStatus.OutcomeUnknown =>
            "the write may have happened or happen yet; retry with the same client id and request id",
        ReplyStatus.SessionExpired => "the record of so old a request is gone; it was not applied now",
        ReplyStatus.Cancelled => "the caller took the request back; a write may still happen",
        ReplyStatus.OutOfSpace => "the disk is almost full; nothing was done, retry when there is room",
        ReplyStatus.ShuttingDown => "the node is shutting down; nothing was done, retry elsewhere",
        ReplyStatus.Unauthenticated => "the caller is not known; nothing was done",
        ReplyStatus.PermissionDenied => "the caller has no right to it; nothing was done",
        _ => $"the request failed: {Of(reply.Status).Name}",
    };
}
