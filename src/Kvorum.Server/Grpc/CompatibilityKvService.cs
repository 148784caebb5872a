using Grpc.Core;
using Kvorum.Node;
using Kvorum.Protocol;

namespace Kvorum.Server.Grpc;

/// <summary>
/// kv.KV, the service of the first design, over a node. A served write is <c>ok=true leader=""</c>. With
/// metadata <c>kvorum-no-redirect: true</c> a node that does not lead answers a write with <c>ok=false</c>
/// and the leader's client address. Whatever else fails is a gRPC status: never an ok=false without reason,
/// never a found=false for a key that could not be read.
/// </summary>
internal sealed class CompatibilityKvService(INode node, GrpcOptions options) : Compatibility.KV.KVBase
{
    public override async Task<Compatibility.PutResponse> Put(
        Compatibility.PutRequest request, ServerCallContext context)
    {
        var asked = new PutRequest
        {
            Key = Utf8Text.Encode("the key", request.Key),
            Value = request.Value.Memory,
            ClientId = request.ClientId,
            RequestId = request.RequestId,
            NoRedirect = IsNoRedirect(context),
        };
        var reply = await AskAsync(context, asked).ConfigureAwait(false);
        return IsHint(reply)
            ? new() { Ok = false, Leader = reply.Leader }
            : new() { Ok = reply.OrThrow(asked).Status == ReplyStatus.Ok };
    }

    public override async Task<Compatibility.GetResponse> Get(
        Compatibility.GetRequest request, ServerCallContext context)
    {
        var asked = new GetRequest
        {
            Key = Utf8Text.Encode("the key", request.Key),
            NoRedirect = IsNoRedirect(context),
        };
        var reply = await AskAsync(context, asked).ConfigureAwait(false);
        return new()
        {
            Found = reply.OrThrow(asked).Found,
            Value = Google.Protobuf.UnsafeByteOperations.UnsafeWrap(reply.Value),
            Leader = reply.Leader,
        };
    }

    public override async Task<Compatibility.DeleteResponse> Delete(
        Compatibility.DeleteRequest request, ServerCallContext context)
    {
        var asked = new DeleteRequest
        {
            Key = Utf8Text.Encode("the key", request.Key),
            ClientId = request.ClientId,
            RequestId = request.RequestId,
            NoRedirect = IsNoRedirect(context),
        };
        var reply = await AskAsync(context, asked).ConfigureAwait(false);
        return IsHint(reply)
            ? new() { Ok = false, Leader = reply.Leader }
            : new() { Ok = reply.OrThrow(asked).Status == ReplyStatus.Ok };
    }

    public override async Task<Compatibility.HealthResponse> Health(
        Compatibility.HealthRequest request, ServerCallContext context)
    {
        var status = await KvService.StatusAsync(node, context).ConfigureAwait(false);
        return new() { NodeId = status.Name, IsLeader = status.IsMetaLeader, Term = status.MetaTerm };
    }

    private Task<Reply> AskAsync(ServerCallContext context, Request request) =>
        GrpcCall.Of(context).AskAsync(node, request, options.TimeoutDefault, context.CancellationToken);

    private static bool IsNoRedirect(ServerCallContext context) =>
        context.GetHttpContext().Request.Headers["kvorum-no-redirect"] == "true";

    private static bool IsHint(Reply reply) =>
        reply.Status == ReplyStatus.NotLeader && reply.Leader.Length > 0;
}
