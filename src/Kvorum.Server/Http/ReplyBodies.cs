using System.Globalization;
using System.Text.Json;
using Kvorum.Protocol;
using Microsoft.AspNetCore.Http;

namespace Kvorum.Server.Http;

/// <summary>A node's replies as HTTP answers.</summary>
internal static class ReplyBodies
{
    /// <summary>Headers of all answers about a key.</summary>
    public static readonly Field[] Headers =
    [
        Fields.Leader, Fields.Partition, Fields.Version, Fields.Epoch, Fields.Ack, Fields.ReceiptHeader,
    ];

    /// <summary>The answer to a served write.</summary>
    public static readonly Answer Written = new(
        200,
        "Done: on the disks of a majority, or of as many replicas of a quorum keyspace as were asked for.")
    {
        Json = [BodyContext.Default.WrittenBody],
        Headers = Headers,
    };

    /// <summary>The answer to a read, as JSON.</summary>
    public static readonly Answer Value = new(200, "The value.")
    {
        Json = [BodyContext.Default.ValueBody],
        Headers = [Fields.Tag, .. Headers],
    };

    /// <summary>The answer to a read whose If-None-Match names the present version.</summary>
    public static readonly Answer NotChanged = new(304, "Not changed.");

    /// <summary>Answers a served write, with headers that say the same.</summary>
    public static Task WriteAsync(HttpExchange exchange, WriteRequest request, Reply reply)
    {
        SetHeaders(exchange.Http.Response, request, reply);
        var previous = request.ReturnPrevious && reply.Found ? reply.Value : (ReadOnlyMemory<byte>?)null;
        var text = previous is { } bytes ? Utf8Text.DecodeOrNull(bytes.Span) : null;
        return exchange.JsonAsync(200, new WrittenBody
        {
            Version = reply.Version,
            Partition = reply.Partition,
            Epoch = reply.Epoch,
            Leader = reply.Leader,
            Ack = ReplyAck.Of(request, reply),
            Replayed = reply.Replayed,
            HadPrevious = request.ReturnPrevious ? reply.Found : null,
            Previous = text,
            PreviousBase64 = text is null && previous is { } binary
                ? Convert.ToBase64String(binary.Span)
                : null,
            Receipt = ReceiptBody.Of(reply.Receipt),
        }, BodyContext.Default.WrittenBody);
    }

    /// <summary>Answers a read with JSON; 404 if the key is absent.</summary>
    public static Task ValueAsync(HttpExchange exchange, GetRequest request, Reply reply, bool asBase64)
    {
        SetHeaders(exchange.Http.Response, request, reply);
        if (!reply.Found)
            throw Absent(reply);
        if (!Preconditions.AllowAnswer(exchange, request, reply, isExact: false))
            return Task.CompletedTask;
        var key = asBase64 ? null : Utf8Text.DecodeOrNull(request.Key.Span);
        var value = asBase64 ? null : Utf8Text.DecodeOrNull(reply.Value.Span);
        return exchange.JsonAsync(200, new ValueBody
        {
            Key = key,
            KeyBase64 = key is null ? Convert.ToBase64String(request.Key.Span) : null,
            Value = value,
            ValueBase64 = value is null ? Convert.ToBase64String(reply.Value.Span) : null,
            Version = reply.Version,
            Partition = reply.Partition,
            Epoch = reply.Epoch,
            Leader = reply.Leader,
            Ack = ReplyAck.Of(request, reply),
            Receipt = ReceiptBody.Of(reply.Receipt),
        }, BodyContext.Default.ValueBody);
    }

    /// <summary>One key of a scan.</summary>
    public static ScanEntryBody Of(ScanEntry entry, bool keysOnly)
    {
        var key = Utf8Text.DecodeOrNull(entry.Key.Span);
        var value = keysOnly ? null : Utf8Text.DecodeOrNull(entry.Value.Span);
        return new()
        {
            Key = key,
            KeyBase64 = key is null ? Convert.ToBase64String(entry.Key.Span) : null,
            Value = value,
            ValueBase64 = value is null && !keysOnly ? Convert.ToBase64String(entry.Value.Span) : null,
            Version = entry.Version,
        };
    }

    /// <summary>The key is not there. No failure of the store: the only 404 that a read knows.</summary>
    public static HttpFailure Absent(Reply reply) => new(404, new()
    {
        Error = "not-found",
        Message = "the key does not exist",
        Retry = "never",
        Leader = reply.Leader,
    });

    /// <summary>Where the reply comes from and what stands behind it, as headers.</summary>
    public static void SetHeaders(HttpResponse response, Request request, Reply reply)
    {
        var headers = response.Headers;
        headers[Fields.Leader.Name] = reply.Leader;
        headers[Fields.Partition.Name] = reply.Partition.ToString(CultureInfo.InvariantCulture);
        headers[Fields.Version.Name] = reply.Version.ToString(CultureInfo.InvariantCulture);
        headers[Fields.Epoch.Name] = reply.Epoch.ToString(CultureInfo.InvariantCulture);
        headers[Fields.Ack.Name] = ReplyAck.Of(request, reply);
        SetReceipt(response, reply);
    }

    /// <summary>What stands behind the answer, if that was asked for, as a header.</summary>
    public static void SetReceipt(HttpResponse response, Reply reply)
    {
        // Headers take no letters beyond ASCII: the serializer writes those of nodes' names as escapes.
        if (ReceiptBody.Of(reply.Receipt) is { } receipt)
        {
            response.Headers[Fields.ReceiptHeader.Name] =
                JsonSerializer.Serialize(receipt, BodyContext.Default.ReceiptBody);
        }
    }
}
