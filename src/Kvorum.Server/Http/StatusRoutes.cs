using Kvorum.Node;
using Kvorum.Protocol;

namespace Kvorum.Server.Http;

/// <summary>
/// What the node says of itself: health, statistics, state, map, and the description of these routes.
/// </summary>
internal static class StatusRoutes
{
    private static readonly Operation Health = new("health", "node", "Whether the node can serve.")
    {
        IsPublic = true,
        Answers =
        [
            new(200, "It can.") { Json = [BodyContext.Default.HealthBody] },
            new(503, "It cannot; reason says why.") { Json = [BodyContext.Default.HealthBody] },
        ],
        Failures = FailureStatuses.OfAny,
    };

    private static readonly Operation Alive = new(
        "livez", "node", "Whether the node's loops run, whether or not its cluster can serve.")
    {
        IsPublic = true,
        Answers = [new(200, "They do.") { Json = [BodyContext.Default.HealthBody] }],
        Failures = FailureStatuses.OfProbes,
    };

    private static readonly Operation Stats = new("stats", "node", "Counters of the node.")
    {
        Answers = [new(200, "The counters.") { Json = [BodyContext.Default.StatsBody] }],
        Failures = FailureStatuses.OfStatus,
    };

    private static readonly Operation Status = new("status", "node", "State of the node and of its replicas.")
    {
        Answers = [new(200, "The state.") { Json = [BodyContext.Default.NodeStatus] }],
        Failures = FailureStatuses.OfStatus,
    };

    private static readonly Operation Map = new(
        "map", "node", "The cluster as the node knows it, with leaders.")
    {
        Answers = [new(200, "The cluster.") { Json = [BodyContext.Default.ClusterMap] }],
        Failures = FailureStatuses.OfKnown,
    };

    private static readonly Operation OpenApi = new("openapi", "node", "This document.")
    {
        IsPublic = true,
        Answers = [new(200, "The document.") { Json = [BodyContext.Default.JsonObject] }],
        Failures = FailureStatuses.OfAny,
    };

    public static void MapAll(RouteTable routes)
    {
        routes.Read("/health", Health, ReadyAsync);
        routes.Read("/readyz", Health with { Id = "readyz", Summary = "As /health." }, ReadyAsync);
        routes.Read("/ready", Health with { Id = "ready", Summary = "As /health." }, ReadyAsync);
        routes.Read("/livez", Alive, LiveAsync);
        routes.Read("/kv/stats", Stats, StatsAsync);
        routes.Read("/v1/status", Status, StatusAsync);
        routes.Read("/v1/map", Map, static exchange =>
            exchange.JsonAsync(200, exchange.Map, BodyContext.Default.ClusterMap));
        routes.Read("/openapi/v1.json", OpenApi, exchange =>
            HttpExchange.JsonAsync(exchange.Http, 200, routes.Document));
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
        await exchange.ProbeAsync().ConfigureAwait(false);
        await exchange.JsonAsync(
            200, new("ok", "", exchange.Health.Name), BodyContext.Default.HealthBody).ConfigureAwait(false);
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
            Superseded = replicas.Sum(static replica => replica.Superseded),
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
}
