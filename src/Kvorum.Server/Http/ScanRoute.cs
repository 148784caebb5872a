using System.Buffers;
using System.Buffers.Text;
using System.Text.Json.Serialization.Metadata;
using Kvorum.Protocol;
using Microsoft.AspNetCore.Http;

namespace Kvorum.Server.Http;

/// <summary>
/// GET /v1/kv: the keys of a range. One page as a JSON object; or, if Accept asks for application/x-ndjson,
/// all pages as lines, read as fast as the client takes them.
/// </summary>
internal static class ScanRoute
{
    private const string Lines = "application/x-ndjson";

    private static readonly byte[] NewLine = "\n"u8.ToArray();

    /// <summary>Query parameters that only a scan has. Bounds are percent-encoded bytes.</summary>
    public static Field[] Parameters { get; } =
    [
        Fields.Prefix, Fields.From, Fields.End, Fields.Limit, Fields.Reverse, Fields.KeysOnly, Fields.Token,
    ];

    public static Task ScanAsync(HttpExchange exchange)
    {
        if (exchange.Query.Flag(Fields.NoRedirect))
            throw HttpFailure.Invalid("no_redirect is for one key: every node answers a scan");
        exchange.Http.Response.Headers.Vary = "Accept";
        var limit = exchange.Query.Number(Fields.Limit) ?? 0;
        return exchange.Http.Request.Headers.Accept.ToString()
            .Contains(Lines, StringComparison.OrdinalIgnoreCase)
            ? LinesAsync(exchange, RequestOf(exchange), limit)
            : PageAsync(exchange, RequestOf(exchange), limit);
    }

    private static async Task PageAsync(HttpExchange exchange, ScanRequest scan, ulong limit)
    {
        var pages = new ScanPages(scan, limit);
        var reply = await exchange.AskAsync(pages.Next).ConfigureAwait(false);
        var page = pages.Take(reply);
        SetHeaders(exchange.Http.Response, scan, reply);
        await exchange.JsonAsync(200, new()
        {
            Entries = [.. page.Entries.Select(entry => ReplyBodies.Of(entry, scan.KeysOnly))],
            More = !page.Token.IsEmpty,
            Token = TextOf(page.Token),
            Epoch = reply.Epoch,
            Ack = ReplyAck.Of(scan, reply),
            Receipt = ReceiptBody.Of(reply.Receipt),
        }, BodyContext.Default.ScanPageBody).ConfigureAwait(false);
    }

    private static async Task LinesAsync(HttpExchange exchange, ScanRequest scan, ulong limit)
    {
        var response = exchange.Http.Response;
        var pages = new ScanPages(scan, limit);
        // What is wrong with the request itself is told with a status: nothing was sent yet.
        var reply = await exchange.AskAsync(pages.Next).ConfigureAwait(false);
        SetHeaders(response, scan, reply);
        response.ContentType = Lines;
        if (HttpMethods.IsHead(exchange.Http.Request.Method))
            return;
        ScanEndBody end;
        while (true)
        {
            var page = pages.Take(reply);
            foreach (var entry in page.Entries)
                Write(response, ReplyBodies.Of(entry, scan.KeysOnly), BodyContext.Default.ScanEntryBody);
            await response.BodyWriter.FlushAsync(exchange.Http.RequestAborted).ConfigureAwait(false);
            exchange.Traffic.Replies.Release();
            end = new()
            {
                More = !page.Token.IsEmpty,
                Token = TextOf(page.Token),
                Receipt = ReceiptBody.Of(reply.Receipt),
            };
            if (pages.IsEnd)
                break;
            try
            {
                reply = await exchange.AskAsync(pages.Next).ConfigureAwait(false);
            }
            catch (HttpFailure failure)
            {
                end = end with { Failed = failure.Body };
                break;
            }
        }

        Write(response, end, BodyContext.Default.ScanEndBody);
        await response.BodyWriter.FlushAsync(exchange.Http.RequestAborted).ConfigureAwait(false);
    }

    private static ScanRequest RequestOf(HttpExchange exchange)
    {
        var query = exchange.Query;
        var range = KeyRange.Of(
            query.Bytes(Fields.Prefix), query.Bytes(Fields.From), query.Bytes(Fields.End));
        return new()
        {
            Keyspace = query.Keyspace(),
            Key = range.From,
            End = range.End,
            Reverse = query.Flag(Fields.Reverse),
            KeysOnly = query.Flag(Fields.KeysOnly),
            Consistency = query.Consistency(),
            Quorum = ResourceRoutes.QuorumOf(exchange),
            WantsReceipt = query.Flag(Fields.Receipt),
            Token = query.Text(Fields.Token) is { } token ? BytesOf(token) : default,
        };
    }

    private static void SetHeaders(HttpResponse response, ScanRequest scan, Reply reply)
    {
        response.Headers[Fields.Epoch.Name] = $"{reply.Epoch}";
        response.Headers[Fields.Ack.Name] = ReplyAck.Of(scan, reply);
        ReplyBodies.SetReceipt(response, reply);
    }

    private static void Write<T>(HttpResponse response, T body, JsonTypeInfo<T> type)
    {
        HttpExchange.Write(response.BodyWriter, body, type);
        response.BodyWriter.Write(NewLine);
    }

    private static string? TextOf(ReadOnlyMemory<byte> token) =>
        token.IsEmpty ? null : Base64Url.EncodeToString(token.Span);

    private static byte[] BytesOf(string token)
    {
        try
        {
            return Base64Url.DecodeFromChars(token);
        }
        catch (FormatException)
        {
            throw HttpFailure.Invalid(
                "the token is no base64url: give it exactly as the page before gave it");
        }
    }
}
