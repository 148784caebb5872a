using Grpc.Core;
using Kvorum.Node;
using Kvorum.Protocol;

namespace Kvorum.Server.Grpc;

/// <summary>
/// kvstore.KVStore, the service of the ring design, over a keyspace of a node. Its contract is in
/// proto/kvstore.proto.
/// </summary>
internal sealed class KvStoreService(INode node, GrpcOptions options) : Ring.KVStore.KVStoreBase
{
    public override async Task<Ring.GetResponse> Get(Ring.GetRequest request, ServerCallContext context)
    {
        var asked = new GetRequest
        {
            Keyspace = options.KvStoreKeyspace,
            Key = Utf8Text.Encode("the key", request.Key),
        };
        var reply = await AskAsync(context, asked).ConfigureAwait(false);
        return new()
        {
            Value = TextOf("the value", reply),
            Timestamp = reply.Found ? reply.Version : 0,
            Exists = reply.Found,
        };
    }

    public override async Task<Ring.PutResponse> Put(Ring.PutRequest request, ServerCallContext context)
    {
        var asked = new PutRequest
        {
            Keyspace = options.KvStoreKeyspace,
            Key = Utf8Text.Encode("the key", request.Key),
            Value = Utf8Text.Encode("the value", request.Value),
            ReturnPrevious = true,
        };
        var reply = await AskAsync(context, asked).ConfigureAwait(false);
        return new() { OldValue = TextOf("it is written; the old value", reply), HadOldValue = reply.Found };
    }

    private async Task<Reply> AskAsync(ServerCallContext context, Request request) =>
        (await GrpcCall.Of(context)
            .AskAsync(node, request, options.TimeoutDefault, context.CancellationToken).ConfigureAwait(false))
        .OrThrow(request);

    private static string TextOf(string what, Reply reply) => !reply.Found ? ""
        : Utf8Text.DecodeOrNull(reply.Value.Span) ?? throw GrpcErrors.Of(
            StatusCode.FailedPrecondition,
            $"{what} is not UTF-8, as a string of this service must be: kvorum.v1.KV gives its bytes");
}
