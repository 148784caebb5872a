using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Frozen;
using System.IO.Pipelines;
using Google.Protobuf;
using Grpc.Core;
using Kvorum.Node;
using Kvorum.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Kvorum.Server.Grpc;

/// <summary>
/// The common calls by a short way: a put, get or delete of kvorum.v1 whose message is here whole and
/// uncompressed is served without routing and without the library, which take a timer and seven asynchronous
/// methods for each call. Whatever is unusual is left to the library as it came: one place knows what is
/// wrong with a request.
/// </summary>
/// <param name="node">Serves the requests.</param>
/// <param name="options">The time of a call without a deadline.</param>
internal sealed class DirectCalls(INode node, GrpcOptions options)
{
    private const int PrefixBytes = 5;
    private const string ContentType = "application/grpc";

    private static readonly FrozenDictionary<string, Method> Methods = new Dictionary<string, Method>
    {
        ["/kvorum.v1.KV/Put"] = new(
            static bytes => KvMessages.From(V1.PutRequest.Parser.ParseFrom(bytes)),
            KvMessages.ToPut),
        ["/kvorum.v1.KV/Get"] = new(
            static bytes => KvMessages.From(V1.GetRequest.Parser.ParseFrom(bytes)),
            static (get, reply) => KvMessages.ToGet((GetRequest)get, reply)),
        ["/kvorum.v1.KV/Delete"] = new(
            static bytes => KvMessages.From(V1.DeleteRequest.Parser.ParseFrom(bytes)),
            KvMessages.ToDelete),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Serves the call, or leaves it as it came: null then.</summary>
    public Task? TryServe(HttpContext http, GrpcCall call, HandlerFailures failures)
    {
        if (!Methods.TryGetValue(http.Request.Path.Value ?? "", out var method)
            || !HttpMethods.IsPost(http.Request.Method) || http.Request.ContentType != ContentType
            || TryTake(call.Body, method) is not { } request)
            return null;
        return ServeAsync(http, call, request, method, failures);
    }

    /// <summary>The request, if all of it is here and there is nothing wrong with it.</summary>
    private static Request? TryTake(AdmittedBody body, Method method)
    {
        if (!body.TryReadWhole(out var message))
            return null;
        try
        {
            var request = method.Read(message.Slice(PrefixBytes));
            body.AdvanceTo(message.End);
            return request;
        }
        catch (Exception wrong) when (wrong is InvalidProtocolBufferException or RpcException)
        {
            body.AdvanceTo(message.Start);
            return null;
        }
    }

    private async Task ServeAsync(
        HttpContext http, GrpcCall call, Request request, Method method, HandlerFailures failures)
    {
        IMessage message;
        try
        {
            var reply = await call.AskAsync(node, request, options.TimeoutDefault, http.RequestAborted)
                .ConfigureAwait(false);
            message = method.Answer(request, reply.OrThrow(request));
        }
        catch (Exception failure)
        {
            var refusal = failures.Of(failure, http);
            GrpcHeaders.Refuse(http, refusal.Status, refusal.Trailers);
            return;
        }

        http.Response.Headers.ContentType = ContentType;
        Write(message, http.Response.BodyWriter);
        http.Features.GetRequiredFeature<IHttpResponseTrailersFeature>().Trailers["grpc-status"] = "0";
    }

    private static void Write(IMessage message, PipeWriter output)
    {
        var bytes = message.CalculateSize();
        var prefix = output.GetSpan(PrefixBytes);
        prefix[0] = 0;
        BinaryPrimitives.WriteInt32BigEndian(prefix[1..], bytes);
        output.Advance(PrefixBytes);
        message.WriteTo(output);
    }

    private sealed record Method(
        Func<ReadOnlySequence<byte>, Request> Read, Func<Request, Reply, IMessage> Answer);
}
