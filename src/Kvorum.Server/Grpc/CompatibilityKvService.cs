using Kvorum.Node;
using Kvorum.Protocol;

namespace Kvorum.Server.Grpc;

/// <summary>
/// kv.KV, the service of the first design, over a node. A served write is <c>ok=true leader=""</c>. With
/// metadata <c>kvorum-no-redirect: true</c> a node that does not lead answers a write with <c>ok=false</c>
/// and the leader's client address. Whatever else fails is a gRPC status: never an ok=false without reason,
/// never a found=false for a key that could not be read.
/// </summary>
internal sealed class CompatibilityKvService(INode node, GrpcOptions options)
{
    public GrpcService Bind() => new GrpcService(Compatibility.KvReflection.Descriptor.Services[0])
        .Unary<Compatibility.PutRequest, Compatibility.PutResponse>("Put", PutAsync)
        .Unary<Compatibility.GetRequest, Compatibility.GetResponse>("Get", GetAsync)
        .Unary<Compatibility.DeleteRequest, Compatibility.DeleteResponse>("Delete", DeleteAsync)
        .Unary<Compatibility.HealthRequest, Compatibility.HealthResponse>("Health", HealthAsync);

    private async ValueTask<Compatibility.PutResponse> PutAsync(Compatibility.PutRequest put, GrpcCall call)
    {
        var request = new PutRequest
        {
            Key = Utf8Text.Encode("the key", put.Key),
            Value = put.Value.Memory,
            ClientId = put.ClientId,
            RequestId = put.RequestId,
            NoRedirect = IsNoRedirect(call),
        };
        var reply = await AskAsync(call, request).ConfigureAwait(false);
        return IsHint(reply)
            ? new() { Ok = false, Leader = reply.Leader }
            : new() { Ok = reply.OrThrow(request).Status == ReplyStatus.Ok };
    }

    private async ValueTask<Compatibility.GetResponse> GetAsync(Compatibility.GetRequest get, GrpcCall call)
    {
        var request = new GetRequest
        {
            Key = Utf8Text.Encode("the key", get.Key),
            NoRedirect = IsNoRedirect(call),
        };
        var reply = await AskAsync(call, request).ConfigureAwait(false);
        return new()
        {
            Found = reply.OrThrow(request).Found,
            Value = Google.Protobuf.UnsafeByteOperations.UnsafeWrap(reply.Value),
            Leader = reply.Leader,
        };
    }

    private async ValueTask<Compatibility.DeleteResponse> DeleteAsync(
        Compatibility.DeleteRequest delete, GrpcCall call)
    {
        var request = new DeleteRequest
        {
            Key = Utf8Text.Encode("the key", delete.Key),
            ClientId = delete.ClientId,
            RequestId = delete.RequestId,
            NoRedirect = IsNoRedirect(call),
        };
        var reply = await AskAsync(call, request).ConfigureAwait(false);
        return IsHint(reply)
            ? new() { Ok = false, Leader = reply.Leader }
            : new() { Ok = reply.OrThrow(request).Status == ReplyStatus.Ok };
    }

    private async ValueTask<Compatibility.HealthResponse> HealthAsync(
        Compatibility.HealthRequest request, GrpcCall call)
    {
        var status = await KvService.StatusAsync(node, call).ConfigureAwait(false);
        return new() { NodeId = status.Name, IsLeader = status.IsMetaLeader, Term = status.MetaTerm };
    }

    private Task<Reply> AskAsync(GrpcCall call, Request request) =>
        call.AskAsync(node, request, options.TimeoutDefault);

    private static bool IsNoRedirect(GrpcCall call) => call.Headers["kvorum-no-redirect"] == "true";

    private static bool IsHint(Reply reply) =>
        reply.Status == ReplyStatus.NotLeader && reply.Leader.Length > 0;
}
