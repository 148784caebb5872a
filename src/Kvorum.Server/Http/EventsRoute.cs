using System.Buffers;
using System.Text.Json.Serialization.Metadata;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Microsoft.AspNetCore.Http;

namespace Kvorum.Server.Http;

/// <summary>
/// GET /v1/admin/events: what has happened in the cluster. Some of it as a JSON object; or, if Accept asks
/// for application/x-ndjson, all of it and what happens from then on as lines, each when the node is told.
/// </summary>
internal static class EventsRoute
{
    private const string Lines = "application/x-ndjson";

    private static readonly byte[] NewLine = "\n"u8.ToArray();

    private static readonly Operation Events = new(
        "adminEvents", "cluster",
        "What has happened in the cluster, the oldest first, as the node was told; if Accept asks for "
        + "application/x-ndjson, also what happens from then on, as lines without end.")
    {
        Query = [AdminFields.After, AdminFields.FromNow, AdminFields.ClusterId, Fields.Timeout],
        Answers =
        [
            new(200, "Some events, or none. Lines with a position alone say that nothing has happened since.")
            {
                Json = [BodyContext.Default.EventsBody],
                Lines = [BodyContext.Default.ClusterEvent, BodyContext.Default.EventsMarkBody],
            },
        ],
        Failures = FailureStatuses.OfEvents,
    };

    public static void Map(RouteTable routes) => routes.Read("/v1/admin/events", Events, EventsAsync);

    private static Task EventsAsync(HttpExchange exchange)
    {
        var after = exchange.Query.Text(AdminFields.After) is { } text
            ? Query.Number(AdminFields.After.Name, text) : 0;
        var isFromNow = exchange.Query.Flag(AdminFields.FromNow);
        if (isFromNow && after > 0)
        {
            throw HttpFailure.Invalid(
                $"from_now and after = {after} exclude each other: give one of them");
        }

        exchange.Http.Response.Headers.Vary = "Accept";
        if (exchange.Http.Request.Headers.Accept.ToString()
            .Contains(Lines, StringComparison.OrdinalIgnoreCase))
            return LinesAsync(exchange, exchange.Events(after, isFromNow, ClusterOf(exchange.Query)));
        return isFromNow
            ? throw HttpFailure.Invalid($"from_now is for lines: ask with Accept: {Lines}")
            : PageAsync(exchange, new ShowEvents(after) { ClusterId = ClusterOf(exchange.Query) });
    }

    private static Guid? ClusterOf(Query query) => query.Text(AdminFields.ClusterId) is not { } text ? null
        : Guid.TryParse(text, out var cluster) ? cluster
        : throw HttpFailure.Invalid($"cluster_id is '{HttpFailure.Shown(text)}', which is no UUID");

    private static async Task PageAsync(HttpExchange exchange, ShowEvents asked)
    {
        var reply = await exchange.AdministerAsync(asked).ConfigureAwait(false);
        await exchange.JsonAsync(200, new()
        {
            Events = reply.Events!,
            OldestEvent = reply.OldestEvent ?? 0,
            NewestEvent = reply.NewestEvent ?? 0,
            ClusterId = reply.ClusterId ?? Guid.Empty,
            Message = reply.Message,
        }, BodyContext.Default.EventsBody).ConfigureAwait(false);
    }

    private static async Task LinesAsync(HttpExchange exchange, EventFeed feed)
    {
        var (response, aborted) = (exchange.Http.Response, exchange.Http.RequestAborted);
        // What is wrong with the position is told with a status: nothing was sent yet.
        var reply = await feed.NextAsync(aborted).ConfigureAwait(false);
        if (reply.Status != ReplyStatus.Ok)
            throw HttpFailure.Of(new ShowEvents(feed.Position), reply);
        response.ContentType = Lines;
        if (HttpMethods.IsHead(exchange.Http.Request.Method))
            return;
        for (; reply.Status == ReplyStatus.Ok; reply = await feed.NextAsync(aborted).ConfigureAwait(false))
        {
            foreach (var one in reply.Events!)
                Write(response, one, BodyContext.Default.ClusterEvent);
            // A client that is gone is noticed by what cannot be sent to it.
            if (reply.Events!.Count == 0)
                Write(response, new() { Position = feed.Position }, BodyContext.Default.EventsMarkBody);
            await response.BodyWriter.FlushAsync(aborted).ConfigureAwait(false);
        }

        Write(response, new()
        {
            Position = feed.Position,
            Failed = HttpFailure.Of(new ShowEvents(feed.Position), reply).Body,
        }, BodyContext.Default.EventsMarkBody);
        await response.BodyWriter.FlushAsync(aborted).ConfigureAwait(false);
    }

    private static void Write<T>(HttpResponse response, T body, JsonTypeInfo<T> type)
    {
        HttpExchange.Write(response.BodyWriter, body, type);
        response.BodyWriter.Write(NewLine);
    }
}
