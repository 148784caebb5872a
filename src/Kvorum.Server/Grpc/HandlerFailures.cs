using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Grpc;

/// <summary>What the client of a failed call is told; a fault of the server is logged.</summary>
internal sealed class HandlerFailures(ILogger log)
{
    /// <summary>What the client is told of it.</summary>
    public RpcException Of(Exception failure, HttpContext http)
    {
        if (GrpcErrors.Known(failure, GrpcCall.Of(http)) is { } known)
            return known;
        var id = http.TraceIdentifier;
        Log.HandlerFailed(log, http.Request.Path, id, failure);
        return GrpcErrors.Of(
            StatusCode.Unknown, $"the server failed at this call; its log says why under {id}");
    }
}
