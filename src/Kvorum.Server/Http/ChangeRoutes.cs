using Kvorum.Node.Administration;

namespace Kvorum.Server.Http;

/// <summary>What all routes share by which operators change something.</summary>
internal static class ChangeRoutes
{
    /// <summary>
    /// A change with these parameters, and those of every change. An answer of 200 means that a majority has
    /// it on disk.
    /// </summary>
    public static Operation Of(string id, string tag, string summary, params Field[] query)
    {
        var done = new Answer(200, "Done, on the disks of a majority; or with dry_run, what would be.")
        {
            Json = [BodyContext.Default.ChangedBody],
        };
        return new(id, tag, summary)
        {
            Query = [.. query, AdminFields.DryRun, Fields.Timeout],
            Answers = [done],
            Failures = FailureStatuses.OfChanges,
        };
    }

    /// <summary>Does what the path and the query ask for; 400 if there is a body.</summary>
    public static async Task ChangeAsync(HttpExchange exchange, AdminChange change)
    {
        await exchange.NoBodyAsync().ConfigureAwait(false);
        await AskAsync(exchange, change).ConfigureAwait(false);
    }

    /// <summary>Asks for the change, as a dry run if the query says so, and answers.</summary>
    public static async Task AskAsync(HttpExchange exchange, AdminChange change)
    {
        change = change with { DryRun = exchange.Query.Flag(AdminFields.DryRun) };
        var reply = await exchange.AdministerAsync(change).ConfigureAwait(false);
        await exchange.JsonAsync(200, new()
        {
            Message = reply.Message,
            DryRun = reply.DryRun,
            MovedBytes = reply.MovedBytes,
            Reasons = reply.Reasons,
            Limits = reply.Limits,
            ApiKey = reply.ApiKey,
        }, BodyContext.Default.ChangedBody).ConfigureAwait(false);
    }

    /// <summary>true or false; null if absent.</summary>
    public static bool? Chosen(HttpExchange exchange, Field field) =>
        field.Chosen(exchange.Query.Text(field)) is { } chosen ? chosen == "true" : null;
}
