using Kvorum.Node.Administration;

namespace Kvorum.Server.Http;

/// <summary>What operators read of the cluster. Every node answers.</summary>
internal static class ClusterRoutes
{
    private const string Tag = "cluster";

    private static readonly Operation Cluster = new(
        "adminCluster", Tag, "Members, keyspaces, moves under way, and what is in their way.")
    {
        Query = [Fields.Timeout],
        Answers = [new(200, "The cluster.") { Json = [BodyContext.Default.ClusterReport] }],
        Failures = FailureStatuses.OfReports,
    };

    private static readonly Operation Nodes = new("adminNodes", Tag, "The members.")
    {
        Query = [Fields.Timeout],
        Answers = [new(200, "The members.") { Json = [BodyContext.Default.MembersBody] }],
        Failures = FailureStatuses.OfReports,
    };

    private static readonly Operation Keyspaces = new("adminKeyspaces", Tag, "The keyspaces.")
    {
        Query = [Fields.Timeout],
        Answers = [new(200, "The keyspaces.") { Json = [BodyContext.Default.KeyspacesBody] }],
        Failures = FailureStatuses.OfReports,
    };

    private static readonly Operation Keyspace = new("adminKeyspace", Tag, "A keyspace.")
    {
        Path = [AdminFields.Keyspace],
        Query = [Fields.Timeout],
        Answers = [new(200, "The keyspace.") { Json = [BodyContext.Default.KeyspaceReport] }],
        Failures = FailureStatuses.OfReports,
    };

    private static readonly Operation Partitions = new(
        "adminPartitions", Tag, "Where each partition is, and which member leads it.")
    {
        Query = [Fields.Timeout],
        Answers = [new(200, "The partitions.") { Json = [BodyContext.Default.PartitionsBody] }],
        Failures = FailureStatuses.OfReports,
    };

    private static readonly Operation Stats = new("partitionStats", Tag, "The partitions, counted.")
    {
        Query = [Fields.Timeout],
        Answers = [new(200, "The numbers.") { Json = [BodyContext.Default.PartitionStatsBody] }],
        Failures = FailureStatuses.OfReports,
    };

    private static readonly Operation Limits = new("adminLimits", Tag, "The limits of moves.")
    {
        Query = [Fields.Timeout],
        Answers = [new(200, "The limits.") { Json = [BodyContext.Default.MoveLimits] }],
        Failures = FailureStatuses.OfReports,
    };

    private static readonly Operation Locate = new(
        "adminLocate", Tag, "Where a key is, by the asked node's own map.")
    {
        Query = [Fields.Key, Fields.KeyBase64, Fields.Keyspace, Fields.Timeout],
        Answers = [new(200, "Where it is.") { Json = [BodyContext.Default.KeyLocation] }],
        Failures = FailureStatuses.OfReports,
    };

    public static void MapAll(RouteTable routes)
    {
        EventsRoute.Map(routes);
        routes.Read("/v1/admin/cluster", Cluster, ClusterAsync);
        routes.Read(
            "/cluster", Cluster with { Id = "cluster", Summary = "As /v1/admin/cluster." }, ClusterAsync);
        routes.Read("/v1/admin/nodes", Nodes, NodesAsync);
        routes.Read("/v1/admin/keyspaces", Keyspaces, KeyspacesAsync);
        routes.Read("/v1/admin/keyspaces/{name}", Keyspace, KeyspaceAsync);
        routes.Read("/v1/admin/partitions", Partitions, PartitionsAsync);
        routes.Read(
            "/partitions", Partitions with { Id = "partitions", Summary = "As /v1/admin/partitions." },
            PartitionsAsync);
        routes.Read("/partitions/stats", Stats, StatsAsync);
        routes.Read("/v1/admin/limits", Limits, LimitsAsync);
        routes.Read("/v1/admin/locate", Locate, LocateAsync);
    }

    private static async Task<ClusterReport> ReportAsync(HttpExchange exchange) =>
        (await exchange.AdministerAsync(new ShowCluster()).ConfigureAwait(false)).Cluster!;

    private static async Task ClusterAsync(HttpExchange exchange)
    {
        var report = await ReportAsync(exchange).ConfigureAwait(false);
        await exchange.JsonAsync(200, report, BodyContext.Default.ClusterReport).ConfigureAwait(false);
    }

    private static async Task NodesAsync(HttpExchange exchange)
    {
        var report = await ReportAsync(exchange).ConfigureAwait(false);
        await exchange.JsonAsync(
            200, new() { Leader = report.Leader, Reason = report.Reason, Members = report.Members },
            BodyContext.Default.MembersBody).ConfigureAwait(false);
    }

    private static async Task KeyspacesAsync(HttpExchange exchange)
    {
        var report = await ReportAsync(exchange).ConfigureAwait(false);
        await exchange.JsonAsync(
            200, new() { Keyspaces = report.Keyspaces }, BodyContext.Default.KeyspacesBody)
            .ConfigureAwait(false);
    }

    private static async Task KeyspaceAsync(HttpExchange exchange)
    {
        var name = exchange.PathText(AdminFields.Keyspace);
        var report = await ReportAsync(exchange).ConfigureAwait(false);
        var found = ClusterParts.Keyspace(report, name, out var refusal)
            ?? throw HttpFailure.Of(new ShowCluster(), refusal);
        await exchange.JsonAsync(200, found, BodyContext.Default.KeyspaceReport).ConfigureAwait(false);
    }

    private static async Task PartitionsAsync(HttpExchange exchange)
    {
        var reply = await exchange.AdministerAsync(new ShowPartitions()).ConfigureAwait(false);
        await exchange.JsonAsync(
            200, new() { Reason = reply.Message, Partitions = reply.Partitions! },
            BodyContext.Default.PartitionsBody).ConfigureAwait(false);
    }

    private static async Task StatsAsync(HttpExchange exchange)
    {
        var reply = await exchange.AdministerAsync(new ShowPartitions()).ConfigureAwait(false);
        var partitions = reply.Partitions!;
        await exchange.JsonAsync(200, new()
        {
            Partitions = partitions.Count,
            WithLeader = partitions.Count(static one => one.Leader.Length > 0),
            AtTarget = partitions.Count(static one => one.AtTarget == true),
            Bytes = partitions.Sum(static one => one.Bytes ?? 0),
        }, BodyContext.Default.PartitionStatsBody).ConfigureAwait(false);
    }

    private static async Task LimitsAsync(HttpExchange exchange)
    {
        var report = await ReportAsync(exchange).ConfigureAwait(false);
        var limits = ClusterParts.MoveLimits(report, out var refusal)
            ?? throw HttpFailure.Of(new ShowCluster(), refusal);
        await exchange.JsonAsync(200, limits, BodyContext.Default.MoveLimits).ConfigureAwait(false);
    }

    private static async Task LocateAsync(HttpExchange exchange)
    {
        var key = exchange.Query.Key() ?? throw HttpFailure.Invalid(
            "the parameter 'key' is missing: ?key=..., or ?key_base64=... for any bytes");
        var reply = await exchange.AdministerAsync(new LocateKey(exchange.Query.Keyspace(), key))
            .ConfigureAwait(false);
        await exchange.JsonAsync(200, reply.Location!, BodyContext.Default.KeyLocation).ConfigureAwait(false);
    }
}
