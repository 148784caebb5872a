using Google.Protobuf;
using Grpc.Core;
using V1 = Kvorum.Server.Grpc.V1;

namespace Kvorum.GrpcEcho;

/// <summary>Answers at once, with messages as large as a node's.</summary>
internal sealed class EchoService : V1.KV.KVBase
{
    private const int ValueBytes = 256;

    private static readonly V1.Header Header =
        new() { Leader = "127.0.0.1:50051", Partition = 21, Version = 1 << 20, Epoch = 1, Ack = "majority" };

    private static readonly ByteString Value = ByteString.CopyFrom(new byte[ValueBytes]);

    public override Task<V1.PutResponse> Put(V1.PutRequest request, ServerCallContext context) =>
        Task.FromResult(new V1.PutResponse { Header = Header });

    public override Task<V1.GetResponse> Get(V1.GetRequest request, ServerCallContext context) =>
        Task.FromResult(new V1.GetResponse { Header = Header, Found = true, Value = Value });
}
