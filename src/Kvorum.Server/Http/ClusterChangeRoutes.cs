using Kvorum.Node.Administration;

namespace Kvorum.Server.Http;

/// <summary>
/// By what operators change the cluster. All of it is in the path and the query; none takes a body. An answer
/// of 200 means that a majority has it on disk.
/// </summary>
internal static class ClusterChangeRoutes
{
    private static readonly Operation Create =
        Of("createKeyspace", "Makes a keyspace.", AdminFields.Partitions, AdminFields.Replicas,
            AdminFields.Mode, AdminFields.WriteQuorum, AdminFields.ReadQuorum, AdminFields.Sloppy,
            AdminFields.ClientTimestamps) with
        {
            Path = [AdminFields.Keyspace],
        };

    private static readonly Operation Alter =
        Of("alterKeyspace",
            "Changes how many replicas it has, or whether clients may give timestamps: one at a time.",
            AdminFields.Replicas, AdminFields.ClientTimestamps, AdminFields.Force) with
        {
            Path = [AdminFields.Keyspace],
        };

    private static readonly Operation Drop =
        Of("dropKeyspace", "Deletes it with all its keys, for ever.") with
        {
            Path = [AdminFields.Keyspace],
        };

    private static readonly Operation Transfer =
        Of("transferLeadership", "Makes another member the leader of a partition.", AdminFields.To) with
        {
            Path = [AdminFields.KeyspaceOfPartition, AdminFields.Partition],
        };

    private static readonly Operation Limits = Of(
        "changeLimits", "Changes the limits of moves.", AdminFields.Paused, AdminFields.MovesMax,
        AdminFields.BatchSize, AdminFields.BatchTimeoutMs, AdminFields.RetryAttempts, AdminFields.GraceMs,
        AdminFields.MarginPercent);

    public static void MapAll(RouteTable routes)
    {
        Member(routes, MemberWish.Drain, "drain", "Empties a member, which stays one.", AdminFields.Force);
        Member(routes, MemberWish.Undrain, "undrain", "Lets a member hold replicas again.");
        Member(
            routes, MemberWish.Decommission, "decommission", "Empties a member and removes it.",
            AdminFields.Force);
        Member(
            routes, MemberWish.Replace, "replace",
            "Gives a member up whose data is lost: others get what it had, and it never comes back.");
        routes.Map("POST", "/v1/admin/keyspaces/{name}", Create, CreateAsync);
        routes.Map("PATCH", "/v1/admin/keyspaces/{name}", Alter, AlterAsync);
        routes.Map("DELETE", "/v1/admin/keyspaces/{name}", Drop, DropAsync);
        routes.Map("POST", "/v1/admin/partitions/{keyspace}/{partition}/transfer", Transfer, TransferAsync);
        routes.Map("PATCH", "/v1/admin/limits", Limits, LimitsAsync);
    }

    private static Operation Of(string id, string summary, params Field[] query) =>
        ChangeRoutes.Of(id, "cluster", summary, query);

    private static void Member(
        RouteTable routes, MemberWish wish, string verb, string summary, params Field[] query)
    {
        var operation = Of($"{verb}Node", summary, query) with { Path = [AdminFields.Member] };
        routes.Map("POST", $"/v1/admin/nodes/{{name}}/{verb}", operation, exchange => ChangeAsync(
            exchange, new ChangeMember(exchange.PathText(AdminFields.Member), wish)
            {
                Force = exchange.Query.Flag(AdminFields.Force),
            }));
    }

    private static Task CreateAsync(HttpExchange exchange) => ChangeAsync(
        exchange, new CreateKeyspace(exchange.PathText(AdminFields.Keyspace))
        {
            Partitions = Int(exchange, AdminFields.Partitions),
            Replicas = Int(exchange, AdminFields.Replicas),
            Mode = exchange.Query.Text(AdminFields.Mode),
            WriteQuorum = Int(exchange, AdminFields.WriteQuorum),
            ReadQuorum = Int(exchange, AdminFields.ReadQuorum),
            IsSloppy = exchange.Query.Flag(AdminFields.Sloppy),
            ClientTimestamps = Chosen(exchange, AdminFields.ClientTimestamps),
        });

    private static Task AlterAsync(HttpExchange exchange)
    {
        var change = new AlterKeyspace(
            exchange.PathText(AdminFields.Keyspace), Int(exchange, AdminFields.Replicas))
        {
            ClientTimestamps = Chosen(exchange, AdminFields.ClientTimestamps),
            Force = exchange.Query.Flag(AdminFields.Force),
        };
        return change is not { Replicas: null, ClientTimestamps: null } ? ChangeAsync(exchange, change)
            : throw HttpFailure.Invalid(
                "nothing is to change: give ?replicas=..., the replicas of each partition, or "
                + "?client_timestamps=...");
    }

    private static Task DropAsync(HttpExchange exchange) =>
        ChangeAsync(exchange, new DropKeyspace(exchange.PathText(AdminFields.Keyspace)));

    private static Task TransferAsync(HttpExchange exchange)
    {
        var number = Query.Number(
            AdminFields.Partition.Name, exchange.PathText(AdminFields.Partition));
        return ChangeAsync(exchange, new TransferLeadership(
            exchange.PathText(AdminFields.KeyspaceOfPartition), (uint)Math.Min(number, uint.MaxValue),
            exchange.Query.Text(AdminFields.To) ?? ""));
    }

    private static Task LimitsAsync(HttpExchange exchange) => ChangeAsync(
        exchange, new ChangeLimits
        {
            Paused = Chosen(exchange, AdminFields.Paused),
            MovesMax = Int(exchange, AdminFields.MovesMax),
            BatchSize = Int(exchange, AdminFields.BatchSize),
            BatchTimeoutMs = Long(exchange, AdminFields.BatchTimeoutMs),
            RetryAttempts = Int(exchange, AdminFields.RetryAttempts),
            GraceMs = Long(exchange, AdminFields.GraceMs),
            MarginPercent = Int(exchange, AdminFields.MarginPercent),
        });

    private static bool? Chosen(HttpExchange exchange, Field field) =>
        ChangeRoutes.Chosen(exchange, field);

    private static Task ChangeAsync(HttpExchange exchange, AdminChange change) =>
        ChangeRoutes.ChangeAsync(exchange, change);

    // What is too great for a number here is beyond every bound, which the node names.
    private static int? Int(HttpExchange exchange, Field field) =>
        exchange.Query.Number(field) is { } number ? (int)Math.Min(number, int.MaxValue) : null;

    private static long? Long(HttpExchange exchange, Field field) =>
        exchange.Query.Number(field) is { } number ? (long)Math.Min(number, long.MaxValue) : null;
}
