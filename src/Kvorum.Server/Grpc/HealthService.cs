using Kvorum.Node;
using static Kvorum.Server.Grpc.HealthV1.HealthCheckResponse.Types;

namespace Kvorum.Server.Grpc;

/// <summary>
/// The standard health service of gRPC: a node serves when every partition has a known leader.
/// </summary>
internal sealed class HealthService(INode node, IReadOnlyList<string> services, GrpcOptions options)
{
    public GrpcService Bind() => new GrpcService(HealthV1.HealthReflection.Descriptor.Services[0])
        .Unary<HealthV1.HealthCheckRequest, HealthV1.HealthCheckResponse>("Check", CheckAsync)
        .ServerStreaming<HealthV1.HealthCheckRequest, HealthV1.HealthCheckResponse>("Watch", WatchAsync);

    private async ValueTask<HealthV1.HealthCheckResponse> CheckAsync(
        HealthV1.HealthCheckRequest request, GrpcCall call)
    {
        if (!IsKnown(request))
            throw new GrpcException(GrpcStatus.NotFound, $"there is no service {request.Service}");
        return new() { Status = await StatusAsync(call).ConfigureAwait(false) };
    }

    private async Task WatchAsync(
        HealthV1.HealthCheckRequest request, GrpcReplies<HealthV1.HealthCheckResponse> replies, GrpcCall call)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(call.Cancelled, call.Stopping);
        var last = ServingStatus.Unknown;
        for (; ; )
        {
            var status = IsKnown(request)
                ? await StatusAsync(call).ConfigureAwait(false)
                : ServingStatus.ServiceUnknown;
            if (status != last)
                await replies.WriteAsync(new() { Status = status }).ConfigureAwait(false);
            last = status;
            await Task.Delay(options.HealthWatchInterval, ending.Token).ConfigureAwait(false);
        }
    }

    private bool IsKnown(HealthV1.HealthCheckRequest request) =>
        request.Service.Length == 0 || services.Contains(request.Service);

    private async ValueTask<ServingStatus> StatusAsync(GrpcCall call) =>
        (await KvService.StatusAsync(node, call).ConfigureAwait(false)).IsReady
            ? ServingStatus.Serving
            : ServingStatus.NotServing;
}
