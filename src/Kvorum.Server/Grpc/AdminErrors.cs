using System.Globalization;
using Grpc.Core;
using Kvorum.Node.Administration;
using Kvorum.Protocol;

namespace Kvorum.Server.Grpc;

/// <summary>
/// What became of an operator's request that did not succeed, as a gRPC status with trailers: kvorum-status,
/// kvorum-retry, and where a position leads nowhere, kvorum-oldest-event and kvorum-newest-event.
/// </summary>
internal static class AdminErrors
{
    /// <summary>Returns an answer that is OK, throws any other.</summary>
    public static AdminReply OrThrow(this AdminReply reply, AdminRequest request) =>
        reply.Status == ReplyStatus.Ok ? reply : throw Of(request, reply);

    /// <summary>The error.</summary>
    public static RpcException Of(AdminRequest request, AdminReply reply)
    {
        var became = AdminOutcome.Of(request, reply);
        var trailers = new Metadata
        {
            { "kvorum-status", became.Outcome.Name },
            { "kvorum-retry", RetryTable.NameOf(became.Retry) },
        };
        Add(trailers, "kvorum-oldest-event", reply.OldestEvent);
        Add(trailers, "kvorum-newest-event", reply.NewestEvent);
        return GrpcErrors.Of(became.Outcome.Grpc, became.Message, trailers);
    }

    private static void Add(Metadata trailers, string name, ulong? number)
    {
        if (number is { } known)
            trailers.Add(name, known.ToString(CultureInfo.InvariantCulture));
    }
}
