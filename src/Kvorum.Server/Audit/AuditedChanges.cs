using System.Net;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Microsoft.AspNetCore.Http;

namespace Kvorum.Server.Audit;

/// <summary>What operators change, as the audit log tells it.</summary>
internal static class AuditedChanges
{
    /// <summary>
    /// Told of the answer, writes who asked for a change and what became of it; null if nothing is to be
    /// written: there is no log, or nothing would be changed.
    /// </summary>
    public static Action<AdminReply>? Teller(
        this AuditLog? log, AdminRequest request, ConnectionIdentity? identity, string via, EndPoint? from)
    {
        if (log is null || request is not AdminChange { DryRun: false } change)
            return null;
        var (action, on) = Named(change);
        var whole = AdminJson.Encode(change); // The answer comes on a node loop.
        return reply => log.Record(new AuditEvent(action, ResultOf(reply.Status))
        {
            Via = via,
            On = on,
            Reason = reply.Status == ReplyStatus.Ok ? "" : $"{reply.Status}: {reply.Message}",
            Change = whole,
        }.Of(identity ?? ConnectionIdentity.Plain, from));
    }

    /// <summary>As the other, for a request of the web server.</summary>
    public static Action<AdminReply>? Teller(
        this AuditLog? log, AdminRequest request, HttpContext http, string via) =>
        log.Teller(
            request, http.Features.Get<ConnectionIdentity>(), via,
            http.Connection.RemoteIpAddress is { } address
                ? new IPEndPoint(address, http.Connection.RemotePort) : null);

    private static (string Action, string On) Named(AdminChange change) => change switch
    {
        ChangeMember it => ($"{it.Wish}_member".ToLowerInvariant(), $"member {it.Member}"),
        CreateKeyspace it => ("create_keyspace", $"keyspace {it.Keyspace}"),
        AlterKeyspace it => ("alter_keyspace", $"keyspace {it.Keyspace}"),
        DropKeyspace it => ("drop_keyspace", $"keyspace {it.Keyspace}"),
        TransferLeadership it => ("transfer_leadership", $"partition {it.Keyspace}/{it.Partition}"),
        ChangeLimits => ("change_limits", "cluster"),
        _ => (change.GetType().Name, "cluster"),
    };

    private static AuditResult ResultOf(ReplyStatus status) => status switch
    {
        ReplyStatus.Ok => AuditResult.Ok,
        ReplyStatus.DeadlineExceeded or ReplyStatus.OutcomeUnknown or ReplyStatus.Cancelled =>
            AuditResult.Unknown,
        _ => AuditResult.Refused,
    };
}
