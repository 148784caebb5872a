using System.Collections.Frozen;
using Google.Protobuf;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Grpc;

/// <summary>
/// The gRPC protocol over an HTTP/2 server ("gRPC over HTTP2"), straight on its features: dispatch by path,
/// deadlines, cancellation, and a status for every outcome. Any number of calls at once.
/// </summary>
public sealed class GrpcApplication : IHttpApplication<IFeatureCollection>
{
    private readonly FrozenDictionary<string, GrpcMethod> _methods;
    private readonly GrpcOptions _options;
    private readonly ILogger _log;
    private readonly CancellationToken _stopping;

    /// <summary>
    /// Serves <paramref name="services"/>; <paramref name="stopping"/> asks long streams to end.
    /// </summary>
    public GrpcApplication(IEnumerable<GrpcService> services, GrpcOptions options, CancellationToken stopping)
    {
        _methods = services.SelectMany(static service => service.Methods())
            .ToFrozenDictionary(StringComparer.Ordinal);
        _options = options;
        _log = options.Logging.CreateLogger("Kvorum.Grpc");
        _stopping = stopping;
    }

    /// <inheritdoc/>
    public IFeatureCollection CreateContext(IFeatureCollection contextFeatures) => contextFeatures;

    /// <inheritdoc/>
    public void DisposeContext(IFeatureCollection context, Exception? exception)
    {
    }

    /// <inheritdoc/>
    public Task ProcessRequestAsync(IFeatureCollection context)
    {
        var request = context.GetRequiredFeature<IHttpRequestFeature>();
        var refusal = Refusal(request);
        if (refusal == 0)
            return ServeAsync(new(context, _stopping));
        context.GetRequiredFeature<IHttpResponseFeature>().StatusCode = refusal;
        return Task.CompletedTask;
    }

    /// <summary>Why this is no gRPC call at all, as an HTTP status; zero if it is one.</summary>
    private static int Refusal(IHttpRequestFeature request)
    {
        if (!HttpMethods.IsPost(request.Method))
            return StatusCodes.Status405MethodNotAllowed;
        return IsGrpc(request.Headers.ContentType) ? 0 : StatusCodes.Status415UnsupportedMediaType;
    }

    private static bool IsGrpc(string? contentType)
    {
        const string Base = "application/grpc";
        if (contentType is null || !contentType.StartsWith(Base, StringComparison.OrdinalIgnoreCase))
            return false;
        var rest = contentType.AsSpan(Base.Length);
        return rest.IsEmpty || rest[0] == ';'
            || rest.StartsWith("+proto", StringComparison.OrdinalIgnoreCase);
    }

    private async Task ServeAsync(GrpcCall call)
    {
        try
        {
            await RunAsync(call).ConfigureAwait(false);
            if (!call.HasClientGone)
                await call.EndAsync().ConfigureAwait(false);
        }
        catch (Exception lost)
        {
            if (!call.HasClientGone)
                Log.ReplyFailed(_log, call.Path, call.Id, lost);
        }
        finally
        {
            call.Close();
        }
    }

    private async Task RunAsync(GrpcCall call)
    {
        try
        {
            call.Open(_options);
            if (!_methods.TryGetValue(call.Path, out var method))
                throw new GrpcException(GrpcStatus.Unimplemented, $"there is no method {call.Path}");
            await method(call).ConfigureAwait(false);
            call.SetStatus(GrpcStatus.Ok, "", call.Trailers);
        }
        catch (Exception failure)
        {
            if (!call.HasClientGone)
                SetFailure(call, failure);
        }
    }

    private void SetFailure(GrpcCall call, Exception failure)
    {
        var known = failure as GrpcException ?? Known(call, failure);
        if (known is null)
        {
            Log.HandlerFailed(_log, call.Path, call.Id, failure);
            known = new(
                GrpcStatus.Unknown, $"the server failed at this call; its log says why under {call.Id}");
        }

        call.SetStatus(known.Status, known.Message, known.Trailers);
    }

    private static GrpcException? Known(GrpcCall call, Exception failure) => failure switch
    {
        NoRoomException full => new(GrpcStatus.ResourceExhausted, full.Message),
        MessageTooSlowException slow => new(GrpcStatus.DeadlineExceeded, slow.Message),
        OperationCanceledException when call.HasDeadlinePassed =>
            new(
                GrpcStatus.DeadlineExceeded,
                "the deadline passed before the call was done; a write in it may still happen"),
        OperationCanceledException when call.Stopping.IsCancellationRequested =>
            new(GrpcStatus.Unavailable, "the server is shutting down; retry elsewhere"),
        InvalidProtocolBufferException wrong => new(GrpcStatus.Internal, wrong.Message),
        BadHttpRequestException wrong => new(GrpcStatus.Internal, $"the request broke off: {wrong.Message}"),
        // The server tells of a lost client here first, by the cancellation a moment later; nobody will read
        // this status.
        IOException => new(GrpcStatus.Cancelled, "the client has gone"),
        _ => null,
    };
}
