using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using Kvorum.Protocol;

namespace Kvorum.Server.Grpc;

/// <summary>
/// A node's refusal as a gRPC status with trailers: kvorum-status, kvorum-retry, kvorum-leader,
/// kvorum-partition, kvorum-version, kvorum-tried, kvorum-receipt-bin.
/// </summary>
internal static class ReplyErrors
{
    /// <summary>Pause that is asked of clients when too much is queued.</summary>
    public const string PushbackMs = "100";

    /// <summary>Returns a reply that is OK, throws any other.</summary>
    public static Reply OrThrow(this Reply reply, Request request) =>
        reply.Status == ReplyStatus.Ok ? reply : throw Of(request, reply);

    /// <summary>The error.</summary>
    public static RpcException Of(Request request, Reply reply)
    {
        var outcome = ReplyOutcome.Of(reply.Status);
        var trailers = new Metadata
        {
            { "kvorum-status", outcome.Name },
            { "kvorum-retry", RetryTable.NameOf(RetryTable.AdviceOf(reply.Status, request)) },
            { "kvorum-partition", reply.Partition.ToString(CultureInfo.InvariantCulture) },
        };
        if (reply.Leader.Length > 0)
            trailers.Add("kvorum-leader", reply.Leader);
        if (reply.Status == ReplyStatus.ConditionFailed)
            trailers.Add("kvorum-version", reply.Version.ToString(CultureInfo.InvariantCulture));
        if (reply.Writer > 0)
            trailers.Add("kvorum-tried", $"{new WriteVersion(reply.Version, reply.Writer)}");
        if (KvMessages.ReceiptOf(reply.Receipt) is { } receipt)
            trailers.Add("kvorum-receipt-bin", receipt.ToByteArray());
        if (reply.Status == ReplyStatus.Overloaded)
            trailers.Add("grpc-retry-pushback-ms", PushbackMs);
        return GrpcErrors.Of(outcome.Grpc, ReplyOutcome.MessageOf(reply), trailers);
    }
}
