using Kvorum.Node;
using Kvorum.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;

namespace Kvorum.Server.Http;

/// <summary>
/// What the node says of itself: health, statistics, state, map, and the description of these routes.
/// </summary>
internal static class StatusRoutes
{
    private const string OpenApiResource = "Kvorum.Server.Http.openapi.json";

    public static void Map(IEndpointRouteBuilder routes, RouteFactory route)
    {
        foreach (var pattern in new[] { "/health", "/readyz", "/ready" })
            routes.MapMethods(pattern, RouteFactory.Reads, route.Of(ReadyAsync));
        routes.MapMethods("/livez", RouteFactory.Reads, route.Of(LiveAsync));
        routes.MapMethods("/kv/stats", RouteFactory.Reads, route.Of(StatsAsync));
        routes.MapMethods("/v1/status", RouteFactory.Reads, route.Of(StatusAsync));
        routes.MapMethods("/v1/map", RouteFactory.Reads, route.Of(
            exchange => exchange.JsonAsync(200, exchange.Map, BodyContext.Default.ClusterMap)));
        routes.MapMethods("/openapi/v1.json", RouteFactory.Reads, route.Of(OpenApiAsync));
    }

    private static async Task StatusAsync(HttpExchange exchange)
    {
        var status = await exchange.StatusAsync().ConfigureAwait(false);
        await exchange.JsonAsync(200, status, BodyContext.Default.NodeStatus).ConfigureAwait(false);
    }

    /// <summary>Probes come often: answered from what the node keeps.</summary>
    private static async Task ReadyAsync(HttpExchange exchange)
    {
        var health = exchange.Health;
        var body = health.IsReady
            ? new HealthBody("ok", "", health.Name)
            : new HealthBody("unavailable", health.NotReadyReason, health.Name);
        await exchange.JsonAsync(
            health.IsReady ? 200 : 503, body, BodyContext.Default.HealthBody).ConfigureAwait(false);
    }

    /// <summary>Alive is a node whose loops answer, whether or not its cluster can serve.</summary>
    private static async Task LiveAsync(HttpExchange exchange)
    {
        var status = await exchange.StatusAsync().ConfigureAwait(false);
        await exchange.JsonAsync(
            200, new("ok", "", status.Name), BodyContext.Default.HealthBody).ConfigureAwait(false);
    }

    private static async Task StatsAsync(HttpExchange exchange)
    {
        var status = await exchange.StatusAsync().ConfigureAwait(false);
        var map = exchange.Map;
        var replicas = status.Partitions
            .Where(static replica => replica.Keyspace != KeyspaceName.System).ToList();
        await exchange.JsonAsync(200, new()
        {
            NodeId = status.Name,
            LocalKeys = replicas.Sum(static replica => replica.Keys),
            Nodes = status.Members.Count,
            NodesUp = status.MembersUp.Count,
            Partitions = map.Keyspaces.Sum(static keyspace => keyspace.Partitions.Count),
            LocalReplicas = replicas.Count,
            LocalLeaders = replicas.Count(static replica => replica.Role == "leader"),
            Bytes = replicas.Sum(static replica => replica.Bytes),
            LogBytes = status.LogBytes,
            Ops = new(status.Reads, status.Writes),
            Lag = LagOf(status.Partitions),
        }, BodyContext.Default.StatsBody).ConfigureAwait(false);
    }

    private static SortedDictionary<string, ulong> LagOf(IEnumerable<PartitionStatus> partitions)
    {
        var lag = new SortedDictionary<string, ulong>(StringComparer.Ordinal);
        foreach (var (name, behind) in partitions.SelectMany(static partition => partition.FollowerLag))
            lag[name] = lag.GetValueOrDefault(name) + behind;
        return lag;
    }

    private static async Task OpenApiAsync(HttpExchange exchange)
    {
        await using var document = typeof(StatusRoutes).Assembly.GetManifestResourceStream(OpenApiResource)!;
        exchange.Http.Response.ContentType = "application/json";
        exchange.Http.Response.ContentLength = document.Length;
        await document.CopyToAsync(
            exchange.Http.Response.Body, exchange.Http.RequestAborted).ConfigureAwait(false);
    }
}
