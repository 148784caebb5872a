using Grpc.Core;
using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Server.Access;
using Kvorum.Server.Audit;

namespace Kvorum.Server.Grpc;

/// <summary>
/// kvorum.v1.Admin over a node. Its contract is in proto/kvorum/v1/admin.proto; what is asked and answered is
/// that of <see cref="INode.Administer"/>, as over HTTP.
/// </summary>
internal sealed class AdminService(INode node, GrpcOptions options) : V1.Admin.AdminBase
{
    private static readonly WriteOptions MoreFollows = new(WriteFlags.BufferHint);

    public override async Task<V1.ClusterReport> GetCluster(
        V1.GetClusterRequest request, ServerCallContext context) =>
        AdminMessages.Of(await ReportAsync(context).ConfigureAwait(false));

    public override async Task<V1.ListMembersResponse> ListMembers(
        V1.ListMembersRequest request, ServerCallContext context) =>
        AdminMessages.MembersOf(await ReportAsync(context).ConfigureAwait(false));

    public override async Task<V1.ListKeyspacesResponse> ListKeyspaces(
        V1.ListKeyspacesRequest request, ServerCallContext context) =>
        AdminMessages.KeyspacesOf(await ReportAsync(context).ConfigureAwait(false));

    public override async Task<V1.KeyspaceReport> GetKeyspace(
        V1.GetKeyspaceRequest request, ServerCallContext context)
    {
        var report = await ReportAsync(context).ConfigureAwait(false);
        return AdminMessages.Of(ClusterParts.Keyspace(report, request.Keyspace, out var refusal)
            ?? throw AdminErrors.Of(new ShowCluster(), refusal));
    }

    public override async Task<V1.MoveLimits> GetLimits(
        V1.GetLimitsRequest request, ServerCallContext context)
    {
        var report = await ReportAsync(context).ConfigureAwait(false);
        return AdminMessages.Of(ClusterParts.MoveLimits(report, out var refusal)
            ?? throw AdminErrors.Of(new ShowCluster(), refusal));
    }

    public override async Task<V1.ListPartitionsResponse> ListPartitions(
        V1.ListPartitionsRequest request, ServerCallContext context) =>
        AdminMessages.PartitionsOf(
            await AskAsync(new ShowPartitions(request.Keyspace), context).ConfigureAwait(false));

    public override async Task<V1.KeyLocation> LocateKey(
        V1.LocateKeyRequest request, ServerCallContext context)
    {
        var asked = new LocateKey(KeyspaceOf(request.Keyspace), request.Key.ToByteArray());
        return AdminMessages.Of((await AskAsync(asked, context).ConfigureAwait(false)).Location!);
    }

    public override async Task<V1.KeyspaceExplanation> ExplainKeyspace(
        V1.ExplainKeyspaceRequest request, ServerCallContext context)
    {
        var asked = new ExplainKeyspace(request.Keyspace);
        return ExplainMessages.Of((await AskAsync(asked, context).ConfigureAwait(false)).Promise!);
    }

    public override async Task<V1.KeyExplanation> ExplainKey(
        V1.ExplainKeyRequest request, ServerCallContext context)
    {
        var asked = new ExplainKey(KeyspaceOf(request.Keyspace), request.Key.ToByteArray());
        return ExplainMessages.Of((await AskAsync(asked, context).ConfigureAwait(false)).Holders!);
    }

    public override Task<V1.ChangeResponse> ChangeLimits(
        V1.ChangeLimitsRequest request, ServerCallContext context) =>
        ChangeAsync(AdminMessages.From(request), context);

    public override Task<V1.ChangeResponse> DrainMember(
        V1.MemberRequest request, ServerCallContext context) =>
        ChangeAsync(AdminMessages.From(request, MemberWish.Drain), context);

    public override Task<V1.ChangeResponse> UndrainMember(
        V1.MemberRequest request, ServerCallContext context) =>
        ChangeAsync(AdminMessages.From(request, MemberWish.Undrain), context);

    public override Task<V1.ChangeResponse> DecommissionMember(
        V1.MemberRequest request, ServerCallContext context) =>
        ChangeAsync(AdminMessages.From(request, MemberWish.Decommission), context);

    public override Task<V1.ChangeResponse> ReplaceMember(
        V1.MemberRequest request, ServerCallContext context) =>
        ChangeAsync(AdminMessages.From(request, MemberWish.Replace), context);

    public override Task<V1.ChangeResponse> CreateKeyspace(
        V1.CreateKeyspaceRequest request, ServerCallContext context) =>
        ChangeAsync(AdminMessages.From(request), context);

    public override Task<V1.ChangeResponse> AlterKeyspace(
        V1.AlterKeyspaceRequest request, ServerCallContext context) =>
        ChangeAsync(AdminMessages.From(request), context);

    public override Task<V1.ChangeResponse> DropKeyspace(
        V1.DropKeyspaceRequest request, ServerCallContext context) =>
        ChangeAsync(AdminMessages.From(request), context);

    public override Task<V1.ChangeResponse> TransferLeadership(
        V1.TransferLeadershipRequest request, ServerCallContext context) =>
        ChangeAsync(AdminMessages.From(request), context);

    public override async Task<V1.ListEventsResponse> ListEvents(
        V1.ListEventsRequest request, ServerCallContext context)
    {
        var asked = new ShowEvents(request.After) { ClusterId = ClusterOf(request.ClusterId) };
        return AdminMessages.EventsOf(await AskAsync(asked, context).ConfigureAwait(false));
    }

    public override async Task WatchEvents(
        V1.WatchEventsRequest request, IServerStreamWriter<V1.ClusterEvent> responseStream,
        ServerCallContext context)
    {
        if (request.FromNow && request.After > 0)
        {
            throw GrpcErrors.Of(
                StatusCode.InvalidArgument,
                $"from_now and after = {request.After} exclude each other: give one of them");
        }

        using var ending = CancellationTokenSource.CreateLinkedTokenSource(
            context.CancellationToken, GrpcCall.Of(context).Stopping);
        var feed = new EventFeed(
            node.For(context), request.After, request.FromNow, ClusterOf(request.ClusterId));
        for (var isFirst = true; ; isFirst = false)
        {
            var reply = (await feed.NextAsync(ending.Token).ConfigureAwait(false))
                .OrThrow(new ShowEvents(feed.Position));
            // Who watches from now on must hear when that is.
            if (isFirst)
                await context.WriteResponseHeadersAsync([]).ConfigureAwait(false);
            foreach (var (at, one) in reply.Events!.Index())
            {
                // The last one takes those before it along.
                responseStream.WriteOptions = at < reply.Events!.Count - 1 ? MoreFollows : null;
                await responseStream.WriteAsync(AdminMessages.Of(one)).ConfigureAwait(false);
            }
        }
    }

    public override async Task<V1.IdentityReport> GetIdentity(
        V1.GetIdentityRequest request, ServerCallContext context) =>
        AccessMessages.Of((await AskAsync(new ShowIdentity(), context).ConfigureAwait(false)).Identity!);

    public override async Task<V1.AccessReport> GetAccess(
        V1.GetAccessRequest request, ServerCallContext context) =>
        AccessMessages.Of((await AskAsync(new ShowAccess(), context).ConfigureAwait(false)).Access!);

    public override Task<V1.ChangeResponse> CreateUser(
        V1.CreateUserRequest request, ServerCallContext context) =>
        ChangeAsync(AccessMessages.From(request), context);

    public override Task<V1.ChangeResponse> AlterUser(
        V1.AlterUserRequest request, ServerCallContext context) =>
        ChangeAsync(AccessMessages.From(request), context);

    public override Task<V1.ChangeResponse> DropUser(
        V1.DropUserRequest request, ServerCallContext context) =>
        ChangeAsync(AccessMessages.From(request), context);

    public override Task<V1.ChangeResponse> CreateApiKey(
        V1.CreateApiKeyRequest request, ServerCallContext context) =>
        ChangeAsync(AccessMessages.From(request), context);

    public override Task<V1.ChangeResponse> RevokeApiKey(
        V1.RevokeApiKeyRequest request, ServerCallContext context) =>
        ChangeAsync(AccessMessages.From(request), context);

    public override async Task<V1.ListJoinTokensResponse> ListJoinTokens(
        V1.ListJoinTokensRequest request, ServerCallContext context) =>
        AccessMessages.TokensOf((await AskAsync(new ShowAccess(), context).ConfigureAwait(false)).Access!);

    public override Task<V1.ChangeResponse> CreateJoinToken(
        V1.CreateJoinTokenRequest request, ServerCallContext context) =>
        ChangeAsync(AccessMessages.From(request), context);

    public override Task<V1.ChangeResponse> RevokeJoinToken(
        V1.RevokeJoinTokenRequest request, ServerCallContext context) =>
        ChangeAsync(AccessMessages.From(request), context);

    public override Task<V1.ChangeResponse> SetRole(
        V1.SetRoleRequest request, ServerCallContext context) =>
        ChangeAsync(AccessMessages.From(request), context);

    public override Task<V1.ChangeResponse> DropRole(
        V1.DropRoleRequest request, ServerCallContext context) =>
        ChangeAsync(AccessMessages.From(request), context);

    public override Task<V1.ChangeResponse> EnforceRights(
        V1.EnforceRightsRequest request, ServerCallContext context) =>
        ChangeAsync(AccessMessages.From(request), context);

    private static string KeyspaceOf(string name) => name.Length > 0 ? name : KeyspaceName.Default;

    private static Guid? ClusterOf(string text)
    {
        if (text.Length == 0)
            return null;
        return Guid.TryParse(text, out var cluster) ? cluster : throw GrpcErrors.Of(
            StatusCode.InvalidArgument,
            $"cluster_id is '{Utf8Text.Message(text, Guid.Empty.ToString().Length)}', which is no UUID");
    }

    private async Task<ClusterReport> ReportAsync(ServerCallContext context) =>
        (await AskAsync(new ShowCluster(), context).ConfigureAwait(false)).Cluster!;

    private async Task<V1.ChangeResponse> ChangeAsync(AdminChange change, ServerCallContext context) =>
        AdminMessages.ChangeOf(await AskAsync(change, context).ConfigureAwait(false));

    private async Task<AdminReply> AskAsync(AdminRequest request, ServerCallContext context)
    {
        var timeout = GrpcCall.Of(context).TimeLeft ?? options.TimeoutDefault;
        var http = context.GetHttpContext();
        request = OperatorOrigin.Of(request, "grpc", http.Connection.RemoteIpAddress);
        var asked = node.For(context);
        var audit = options.Audit.Teller(request, asked, http, "grpc");
        return (await asked.AdministerAsync(request, timeout, context.CancellationToken, audit)
            .ConfigureAwait(false)).OrThrow(request);
    }
}
