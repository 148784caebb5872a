using Google.Protobuf;
using Google.Protobuf.Reflection;
using Kvorum.Server.Grpc;
using V1 = Kvorum.Server.Grpc.V1;

namespace Kvorum.Tests.Server.Grpc;

/// <summary>The service of tests/interop/echo.proto: every kind of call, and every way to end one.</summary>
internal sealed class EchoService
{
    public const string ManyScripts = "100% проверка – 検証 «ü»\n";

    private int _cancelled;

    /// <summary>Calls that waited and saw their cancellation.</summary>
    public int Cancelled => Volatile.Read(ref _cancelled);

    public GrpcService Bind() => new GrpcService(Descriptor())
        .Unary<V1.PutRequest, V1.GetResponse>("One", OneAsync)
        .ServerStreaming<V1.PutRequest, V1.GetResponse>("Repeat", RepeatAsync)
        .ClientStreaming<V1.PutRequest, V1.GetResponse>("Join", JoinAsync)
        .Bidirectional<V1.PutRequest, V1.GetResponse>("Talk", TalkAsync);

    internal static ServiceDescriptor Descriptor()
    {
        var service = new ServiceDescriptorProto { Name = "Echo" };
        service.Method.Add(Method("One", false, false));
        service.Method.Add(Method("Repeat", false, true));
        service.Method.Add(Method("Join", true, false));
        service.Method.Add(Method("Talk", true, true));
        var file =
            new FileDescriptorProto { Name = "echo.proto", Package = "kvorum.test", Syntax = "proto3" };
        file.Dependency.Add(V1.KvReflection.Descriptor.Name);
        file.Service.Add(service);
        return FileDescriptor.FromGeneratedCode(
            file.ToByteArray(),
            [V1.KvReflection.Descriptor],
            new GeneratedClrTypeInfo(null, null, null)).Services[0];
    }

    private static MethodDescriptorProto Method(string name, bool clientStreams, bool serverStreams) => new()
    {
        Name = name,
        InputType = ".kvorum.v1.PutRequest",
        OutputType = ".kvorum.v1.GetResponse",
        ClientStreaming = clientStreams,
        ServerStreaming = serverStreams,
    };

    private async ValueTask<V1.GetResponse> OneAsync(V1.PutRequest request, GrpcCall call)
    {
        switch (request.Key.ToStringUtf8())
        {
            case "throw":
                throw new InvalidOperationException("a secret of the server");
            case "abort":
                throw new GrpcException(GrpcStatus.Aborted, ManyScripts)
                {
                    Trailers = new() { { "why", "because" }, { "why-bin", [0, 255, 1] } },
                };
            case "wait":
                await WaitAsync(call);
                break;
            case "metadata":
                call.ResponseHeaders["x-initial"] = "first";
                call.Trailers.Add("x-text", call.Headers["x-text"].ToString());
                call.Trailers.Add("x-bytes-bin", call.BinaryHeader("x-bytes-bin") ?? []);
                break;
        }

        return new() { Found = true, Value = request.Value };
    }

    private async Task RepeatAsync(V1.PutRequest request, GrpcReplies<V1.GetResponse> replies, GrpcCall call)
    {
        for (var i = 0ul; i < request.RequestId; i++)
            await replies.WriteAsync(new() { Value = request.Value });
        if (request.Key.ToStringUtf8() == "late")
            throw new GrpcException(GrpcStatus.Aborted, "late");
        if (request.Key.ToStringUtf8() == "wait")
            await WaitAsync(call);
    }

    private static async ValueTask<V1.GetResponse> JoinAsync(
        GrpcRequests<V1.PutRequest> requests, GrpcCall call)
    {
        var joined = new MemoryStream();
        while (await requests.ReadAsync() is { } request)
        {
            EndEarly(request);
            request.Value.WriteTo(joined);
        }

        return new() { Value = ByteString.CopyFrom(joined.ToArray()) };
    }

    private static async Task TalkAsync(
        GrpcRequests<V1.PutRequest> requests, GrpcReplies<V1.GetResponse> replies, GrpcCall call)
    {
        while (await requests.ReadAsync() is { } request)
        {
            EndEarly(request);
            await replies.WriteAsync(new() { Value = request.Value });
        }
    }

    private static void EndEarly(V1.PutRequest request)
    {
        if (request.Key.ToStringUtf8() == "early")
            throw new GrpcException(GrpcStatus.Aborted, "enough");
    }

    private async Task WaitAsync(GrpcCall call)
    {
        try
        {
            await Task.Delay(TimeSpan.FromSeconds(30), call.Cancelled);
        }
        catch (OperationCanceledException)
        {
            Interlocked.Increment(ref _cancelled);
            throw;
        }
    }
}
