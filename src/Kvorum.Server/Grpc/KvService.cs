using Kvorum.Node;
using Kvorum.Protocol;

namespace Kvorum.Server.Grpc;

/// <summary>kvorum.v1.KV over a node. Its contract is in proto/kvorum/v1/kv.proto.</summary>
internal sealed class KvService(INode node, GrpcOptions options)
{
    private static readonly TimeSpan StatusTimeout = TimeSpan.FromSeconds(5);

    public GrpcService Bind() => new GrpcService(V1.KvReflection.Descriptor.Services[0])
        .Unary<V1.PutRequest, V1.PutResponse>("Put", PutAsync)
        .Unary<V1.GetRequest, V1.GetResponse>("Get", GetAsync)
        .Unary<V1.DeleteRequest, V1.DeleteResponse>("Delete", DeleteAsync)
        .ServerStreaming<V1.ScanRequest, V1.ScanReply>("Scan", ScanAsync)
        .Bidirectional<V1.KeyRequest, V1.KeyReply>("Pipeline", PipelineAsync)
        .Unary<V1.HealthRequest, V1.HealthResponse>("Health", HealthAsync);

    private async ValueTask<V1.PutResponse> PutAsync(V1.PutRequest put, GrpcCall call) =>
        KvMessages.ToPut(await AskAsync(KvMessages.From(put), call).ConfigureAwait(false));

    private async ValueTask<V1.GetResponse> GetAsync(V1.GetRequest get, GrpcCall call)
    {
        var request = KvMessages.From(get);
        return KvMessages.ToGet(request, await AskAsync(request, call).ConfigureAwait(false));
    }

    private async ValueTask<V1.DeleteResponse> DeleteAsync(V1.DeleteRequest delete, GrpcCall call) =>
        KvMessages.ToDelete(await AskAsync(KvMessages.From(delete), call).ConfigureAwait(false));

    private async Task ScanAsync(V1.ScanRequest scan, GrpcReplies<V1.ScanReply> replies, GrpcCall call)
    {
        var pages = new ScanPages(KvMessages.From(scan), scan.Limit);
        while (!pages.IsEnd)
        {
            if (call.Stopping.IsCancellationRequested)
                throw new GrpcException(
                    GrpcStatus.Unavailable, "the node is shutting down: go on elsewhere with the last token");
            var reply = await AskAsync(pages.Next, call).ConfigureAwait(false);
            var page = pages.Take(reply);
            // Much may have to be passed over before the next key: that is no news for the client.
            if (page.Entries.Count == 0 && !pages.IsEnd)
                continue;
            replies.Write(KvMessages.ToScan(page, reply.Stale));
            await call.FlushAsync().ConfigureAwait(false);
        }
    }

    private Task PipelineAsync(
        GrpcRequests<V1.KeyRequest> requests, GrpcReplies<V1.KeyReply> replies, GrpcCall call) =>
        new Pipeline(node, options, requests, replies, call).RunAsync();

    private async ValueTask<V1.HealthResponse> HealthAsync(V1.HealthRequest request, GrpcCall call) =>
        KvMessages.ToHealth(await StatusAsync(node, call).ConfigureAwait(false));

    private async ValueTask<Reply> AskAsync(Request request, GrpcCall call) =>
        (await call.AskAsync(node, request, options.TimeoutDefault).ConfigureAwait(false)).OrThrow(request);

    internal static async ValueTask<NodeStatus> StatusAsync(INode node, GrpcCall call)
    {
        try
        {
            return await node.AskStatusAsync(
                call.TimeLeft ?? StatusTimeout, call.Cancelled).ConfigureAwait(false);
        }
        catch (TimeoutException) when (call.TimeLeft is null)
        {
            throw new GrpcException(
                GrpcStatus.Unavailable,
                $"the node did not tell its state within {StatusTimeout.TotalSeconds} s");
        }
    }
}
