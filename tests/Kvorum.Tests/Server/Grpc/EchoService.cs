using Google.Protobuf;
using Grpc.Core;
using Kvorum.Server.Grpc;
using Microsoft.AspNetCore.Http.Features;
using V1 = Kvorum.Server.Grpc.V1;

namespace Kvorum.Tests.Server.Grpc;

/// <summary>The service of tests/interop/echo.proto: every kind of call, and every way to end one.</summary>
internal sealed class EchoService : Echoes.Echo.EchoBase
{
    public const string ManyScripts = "100% проверка – 検証 «ü»\n";

    private int _cancelled;

    /// <summary>Calls that waited and saw their cancellation.</summary>
    public int Cancelled => Volatile.Read(ref _cancelled);

    public GrpcService Bind() => new(
        Echoes.Echo.Descriptor, binder => Echoes.Echo.BindService(binder, this));

    public override async Task<V1.GetResponse> One(V1.PutRequest request, ServerCallContext context)
    {
        switch (request.Key.ToStringUtf8())
        {
            case "throw":
                throw new InvalidOperationException("a secret of the server");
            case "abort":
                throw new RpcException(
                    new(StatusCode.Aborted, ManyScripts),
                    new Metadata { { "why", "because" }, { "why-bin", [0, 255, 1] } });
            case "wait":
                await WaitAsync(context);
                break;
            case "metadata":
                var headers = context.RequestHeaders;
                await context.WriteResponseHeadersAsync(new() { { "x-initial", "first" } });
                context.ResponseTrailers.Add("x-text", headers.GetValue("x-text") ?? "");
                var bytes = headers.GetValueBytes("x-bytes-bin") ?? [];
                if (bytes.Length > 0)
                    context.ResponseTrailers.Add("x-bytes-bin", bytes);
                else // The library leaves out trailers without a value.
                    context.GetHttpContext().Features.GetRequiredFeature<IHttpResponseTrailersFeature>()
                        .Trailers["x-bytes-bin"] = "";
                break;
        }

        return new() { Found = true, Value = request.Value };
    }

    public override async Task Repeat(
        V1.PutRequest request, IServerStreamWriter<V1.GetResponse> responseStream, ServerCallContext context)
    {
        for (var i = 0ul; i < request.RequestId; i++)
            await responseStream.WriteAsync(new() { Value = request.Value });
        if (request.Key.ToStringUtf8() == "late")
            throw new RpcException(new(StatusCode.Aborted, "late"));
        if (request.Key.ToStringUtf8() == "wait")
            await WaitAsync(context);
    }

    public override async Task<V1.GetResponse> Join(
        IAsyncStreamReader<V1.PutRequest> requestStream, ServerCallContext context)
    {
        var joined = new MemoryStream();
        while (await requestStream.MoveNext(context.CancellationToken))
        {
            EndEarly(requestStream.Current);
            requestStream.Current.Value.WriteTo(joined);
        }

        return new() { Value = ByteString.CopyFrom(joined.ToArray()) };
    }

    public override async Task Talk(
        IAsyncStreamReader<V1.PutRequest> requestStream, IServerStreamWriter<V1.GetResponse> responseStream,
        ServerCallContext context)
    {
        while (await requestStream.MoveNext(context.CancellationToken))
        {
            EndEarly(requestStream.Current);
            await responseStream.WriteAsync(new() { Value = requestStream.Current.Value });
        }
    }

    private static void EndEarly(V1.PutRequest request)
    {
        if (request.Key.ToStringUtf8() == "early")
            throw new RpcException(new(StatusCode.Aborted, "enough"));
    }

    private async Task WaitAsync(ServerCallContext context)
    {
        try
        {
            await Task.Delay(TimeSpan.FromSeconds(30), context.CancellationToken);
        }
        catch (OperationCanceledException)
        {
            Interlocked.Increment(ref _cancelled);
            throw;
        }
    }
}
