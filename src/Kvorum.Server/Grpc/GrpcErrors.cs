using Grpc.Core;
using Kvorum.Protocol;
using Kvorum.Server.Access;

namespace Kvorum.Server.Grpc;

/// <summary>Errors of calls, as the client gets them.</summary>
internal static class GrpcErrors
{
    /// <summary>
    /// Bound of a message in UTF-8 bytes. Percent-encoding may triple it, and many clients take 8 KiB of
    /// headers in all.
    /// </summary>
    public const int MessageBytesMax = 2048;

    /// <summary>An error whose message is cut to <see cref="MessageBytesMax"/>.</summary>
    public static RpcException Of(StatusCode status, string message, Metadata? trailers = null) =>
        new(new(status, Utf8Text.Message(message, MessageBytesMax)), trailers ?? []);

    /// <summary>A message is larger than the bound.</summary>
    public static RpcException TooLarge(string what, long bytesMax) => Of(
        StatusCode.ResourceExhausted, $"a message is larger than the limit of {bytesMax} bytes ({what})");

    /// <summary>Nothing was done: too many large requests are on their way.</summary>
    public static RpcException NoRoom(NoRoomException full) => Of(StatusCode.ResourceExhausted, full.Message);

    /// <summary>What a failed handler means for its client; null if the handler itself is at fault.</summary>
    public static RpcException? Known(Exception failure, GrpcCall call) => failure switch
    {
        RpcException known => known,
        NoRoomException full => NoRoom(full),
        AccessRefusedException refused => Of(refused),
        _ when call.HasClientGone => Of(StatusCode.Cancelled, "the client has gone"),
        _ when call.HasDeadlinePassed => Of(
            StatusCode.DeadlineExceeded,
            "the deadline passed before the call was done; a write in it may still happen"),
        OperationCanceledException when call.Stopping.IsCancellationRequested => Of(
            StatusCode.Unavailable, "the server is shutting down; retry elsewhere"),
        _ => null,
    };

    private static RpcException Of(AccessRefusedException refused)
    {
        var outcome = ReplyOutcome.Of(refused.Refusal.Status);
        var trailers = new Metadata { { "kvorum-status", outcome.Name } };
        if (refused.Refusal.Status == ReplyStatus.Overloaded)
        {
            // Nothing of the call was read.
            trailers.Add("kvorum-retry", RetryTable.NameOf(RetryAdvice.Safe));
            trailers.Add("grpc-retry-pushback-ms", ReplyErrors.PushbackMs);
        }

        return Of(outcome.Grpc, refused.Message, trailers);
    }
}
