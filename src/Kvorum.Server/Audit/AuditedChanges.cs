using System.Net;
using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Server.Access;
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
        this AuditLog? log, AdminRequest request, INode asked, ConnectionIdentity? identity, string via,
        EndPoint? from)
    {
        if (log is null || request is not AdminChange { DryRun: false } change)
            return null;
        var (action, on) = Named(change);
        var whole = AdminJson.Encode(WithoutSecrets(change)); // The answer comes on a node loop.
        var happened = new AuditEvent(action, AuditResult.Ok) { Via = via, On = on, Change = whole }
            .Of(identity ?? ConnectionIdentity.Plain, from);
        if (asked is CallersNode { TokenUser: { Length: > 0 } user } caller)
        {
            happened = happened with
            {
                Who = $"user {user}",
                By = ConnectionIdentity.NameOf(caller.Caller.Means),
            };
        }

        return reply => log.Record(happened with
        {
            Result = ResultOf(reply.Status),
            Reason = reply.Status == ReplyStatus.Ok ? "" : $"{reply.Status}: {reply.Message}",
        });
    }

    /// <summary>A login by a token, or a refusal.</summary>
    public static AuditEvent Of(AccessEvent happened) =>
        new AuditEvent(
            happened.Status == ReplyStatus.PermissionDenied ? "refuse_request" : "log_in",
            ResultOf(happened.Status))
        {
            Reason = happened.Why,
        }.Of(ConnectionIdentity.Plain, happened.Remote) with
        {
            Who = happened.Who.Length == 0 ? "" : $"user {happened.Who}",
            By = ConnectionIdentity.NameOf(happened.Means),
        };

    /// <summary>As the other, for a request of the web server.</summary>
    public static Action<AdminReply>? Teller(
        this AuditLog? log, AdminRequest request, INode asked, HttpContext http, string via) =>
        log.Teller(
            request, asked, http.Features.Get<ConnectionIdentity>(), via,
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
        SetRole it => ("set_role", $"role {it.Role}"),
        DropRole it => ("drop_role", $"role {it.Role}"),
        CreateUser it => ("create_user", $"user {it.User}"),
        AlterUser it => ("alter_user", $"user {it.User}"),
        DropUser it => ("drop_user", $"user {it.User}"),
        CreateApiKey it => ("create_api_key", $"user {it.User}"),
        RevokeApiKey it => ("revoke_api_key", $"api key {it.Id}"),
        CreateJoinToken it => ("create_join_token", $"join token {it.Id} of node {it.Node}"),
        RevokeJoinToken it => ("revoke_join_token", $"join token {it.Id}"),
        UseJoinToken it => ("use_join_token", $"join token {it.Id}"),
        ConfirmAccess it => ("recover_users", $"order {it.Order}"),
        EnforceRights it => (it.On ? "enforce_rights" : "end_rights", "cluster"),
        _ => (change.GetType().Name, "cluster"),
    };

    private static AdminChange WithoutSecrets(AdminChange change) => change switch
    {
        CreateJoinToken it => it with { Sealed = [], ProofHash = [] },
        UseJoinToken it => it with { Proof = [], Claimant = [] },
        _ => change,
    };

    private static AuditResult ResultOf(ReplyStatus status) => status switch
    {
        ReplyStatus.Ok => AuditResult.Ok,
        ReplyStatus.DeadlineExceeded or ReplyStatus.OutcomeUnknown or ReplyStatus.Cancelled =>
            AuditResult.Unknown,
        _ => AuditResult.Refused,
    };
}
