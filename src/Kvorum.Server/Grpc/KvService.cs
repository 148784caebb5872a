using Grpc.Core;
using Kvorum.Node;
using Kvorum.Protocol;
using Kvorum.Server.Access;

namespace Kvorum.Server.Grpc;

/// <summary>kvorum.v1.KV over a node. Its contract is in proto/kvorum/v1/kv.proto.</summary>
internal sealed class KvService(INode node, GrpcOptions options) : V1.KV.KVBase
{
    private static readonly TimeSpan StatusTimeout = TimeSpan.FromSeconds(5);

    public override async Task<V1.PutResponse> Put(V1.PutRequest request, ServerCallContext context)
    {
        var put = KvMessages.From(request);
        return KvMessages.ToPut(put, await AskAsync(put, context).ConfigureAwait(false));
    }

    public override async Task<V1.GetResponse> Get(V1.GetRequest request, ServerCallContext context)
    {
        var get = KvMessages.From(request);
        return KvMessages.ToGet(get, await AskAsync(get, context).ConfigureAwait(false));
    }

    public override async Task<V1.DeleteResponse> Delete(
        V1.DeleteRequest request, ServerCallContext context)
    {
        var delete = KvMessages.From(request);
        return KvMessages.ToDelete(delete, await AskAsync(delete, context).ConfigureAwait(false));
    }

    public override async Task Scan(
        V1.ScanRequest request, IServerStreamWriter<V1.ScanReply> responseStream, ServerCallContext context)
    {
        var call = GrpcCall.Of(context);
        var pages = new ScanPages(KvMessages.From(request), request.Limit);
        while (!pages.IsEnd)
        {
            if (call.Stopping.IsCancellationRequested)
                throw GrpcErrors.Of(
                    StatusCode.Unavailable, "the node is shutting down: go on elsewhere with the last token");
            var reply = await AskAsync(pages.Next, context).ConfigureAwait(false);
            var page = pages.Take(reply);
            // Much may have to be passed over before the next key: that is no news for the client.
            if (page.Entries.Count == 0 && !pages.IsEnd)
                continue;
            await responseStream.WriteAsync(KvMessages.ToScan(page, reply)).ConfigureAwait(false);
            call.Lease.Release();
        }
    }

    public override Task Pipeline(
        IAsyncStreamReader<V1.KeyRequest> requestStream, IServerStreamWriter<V1.KeyReply> responseStream,
        ServerCallContext context) =>
        new Pipeline(node.For(context), options, requestStream, responseStream, context).RunAsync();

    public override async Task<V1.HealthResponse> Health(
        V1.HealthRequest request, ServerCallContext context) =>
        KvMessages.ToHealth(await StatusAsync(node, context).ConfigureAwait(false));

    private async ValueTask<Reply> AskAsync(Request request, ServerCallContext context) =>
        (await GrpcCall.Of(context).AskAsync(
            node, request, options.TimeoutDefault, context.CancellationToken).ConfigureAwait(false))
        .OrThrow(request);

    internal static async ValueTask<NodeStatus> StatusAsync(INode node, ServerCallContext context)
    {
        var left = GrpcCall.Of(context).TimeLeft;
        try
        {
            return await node.For(context).AskStatusAsync(
                left ?? StatusTimeout, context.CancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException) when (left is null)
        {
            throw GrpcErrors.Of(
                StatusCode.Unavailable,
                $"the node did not tell its state within {StatusTimeout.TotalSeconds} s");
        }
    }
}
