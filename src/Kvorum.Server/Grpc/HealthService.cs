using Grpc.Core;
using Kvorum.Node;
using static Kvorum.Server.Grpc.HealthV1.HealthCheckResponse.Types;

namespace Kvorum.Server.Grpc;

/// <summary>
/// The standard health service of gRPC: a node serves when every partition has a known leader. Answered from
/// what the node keeps: a probe asks no loop.
/// </summary>
internal sealed class HealthService(INode node, IReadOnlyList<string> services, GrpcOptions options)
    : HealthV1.Health.HealthBase
{
    public override Task<HealthV1.HealthCheckResponse> Check(
        HealthV1.HealthCheckRequest request, ServerCallContext context) =>
        IsKnown(request)
            ? Task.FromResult(new HealthV1.HealthCheckResponse { Status = Status() })
            : throw GrpcErrors.Of(StatusCode.NotFound, $"there is no service {request.Service}");

    public override async Task Watch(
        HealthV1.HealthCheckRequest request, IServerStreamWriter<HealthV1.HealthCheckResponse> responseStream,
        ServerCallContext context)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(
            context.CancellationToken, GrpcCall.Of(context).Stopping);
        var last = ServingStatus.Unknown;
        for (; ; )
        {
            var status = IsKnown(request) ? Status() : ServingStatus.ServiceUnknown;
            if (status != last)
                await responseStream.WriteAsync(new() { Status = status }).ConfigureAwait(false);
            last = status;
            await Task.Delay(options.HealthWatchInterval, ending.Token).ConfigureAwait(false);
        }
    }

    private bool IsKnown(HealthV1.HealthCheckRequest request) =>
        request.Service.Length == 0 || services.Contains(request.Service);

    private ServingStatus Status() =>
        node.Health.IsReady ? ServingStatus.Serving : ServingStatus.NotServing;
}
