using System.Text;
using Kvorum.Node.Access;
using Kvorum.Node.Administration;
using Kvorum.Node;
using Kvorum.Protocol;
using Kvorum.Server.Access;
using Kvorum.Server.Certificates;
using Kvorum.Server;
using Kvorum.Tests.Protocol;
using Kvorum.Tests.Server.Native;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Kvorum.Tests.Server.Access;

/// <summary>The one place where rights are enforced, for every kind of request and every role.</summary>
public class CallersNodeTests
{
    private const string Inside = "user:1";
    private const string Outside = "other";

    private static readonly (string Id, string Key, byte[] Hash) ShopKey = ApiKey.Draw();

    private readonly FakeTimeProvider _time = new();
    private readonly DoubleNode _node = new();
    private readonly NodeDoor _door;

    public CallersNodeTests()
    {
        _door = new(_node, 60_000, _time, new(NullLogger.Instance, _time), NullLogger.Instance);
        _node.Access = AccessTable.Empty
            .With(new RoleRecord("shop",
                [Grant(AccessActions.Read | AccessActions.Write | AccessActions.Scan)]))
            .With(new RoleRecord("cleaner", [Grant(AccessActions.Delete)]))
            .With(new UserRecord("shop", ["shop"], IsDisabled: false))
            .With(new ApiKeyRecord(ShopKey.Id, "shop", ShopKey.Hash, 1, 0)) with
        {
            IsOn = true,
        };
        foreach (var role in (string[])[.. AccessTable.BuiltIn.Select(static one => one.Name), "cleaner"])
            _node.Access = _node.Access.With(new UserRecord($"a-{role}", [role], IsDisabled: false));
    }

    /// <summary>Role by kind of request, inside and outside the prefix that the role has.</summary>
    [Theory]
    [InlineData("shop", "Put Get Scan", "")]
    [InlineData("a-cleaner", "Delete", "")]
    [InlineData("a-reader", "Get Scan", "Get Scan")]
    [InlineData("a-writer", "Put Get Delete Scan", "Put Get Delete Scan")]
    [InlineData("a-admin", "Put Get Delete Scan", "Put Get Delete Scan")]
    [InlineData("a-observer", "", "")]
    [InlineData("nobody", "", "")]
    public void A_role_allows_what_it_grants_and_nothing_else(string user, string inside, string outside)
    {
        var node = _door.For(Certificate(user), null, null);
        foreach (var (key, allowed) in new[] { (Inside, inside), (Outside, outside) })
        {
            foreach (var request in EveryRequest.About(key))
            {
                var asked = request is ScanRequest scan
                    ? scan with { End = KeyRange.OfPrefix(scan.Key).End } : request;
                var reply = Ask(node, asked);
                Assert.Equal(
                    (user, key, request.Kind, allowed.Split(' ').Contains($"{request.Kind}")),
                    (user, key, request.Kind, reply.Status == ReplyStatus.Ok));
                if (reply.Status != ReplyStatus.Ok)
                {
                    Assert.Equal(
                        user == "nobody" ? ReplyStatus.Unauthenticated : ReplyStatus.PermissionDenied,
                        reply.Status);
                }
            }
        }

        // What was refused never reached the node.
        Assert.All(_node.Seen, call => Assert.Contains(
            $"{call.Request.Kind}", call.Request.Key.Span.SequenceEqual("other"u8) ? outside : inside,
            StringComparison.Ordinal));
    }

    [Fact]
    public void Every_operators_request_takes_a_right_but_the_question_who_one_is()
    {
        var observer = _door.For(Certificate("a-observer"), null, null);
        foreach (var request in EveryAdminRequest())
        {
            var isFree = request is ShowIdentity;
            Assert.Equal(isFree, request.Need.Actions == AccessActions.None);
            Assert.Equal(
                (request.GetType(), isFree ? ReplyStatus.Unauthenticated : ReplyStatus.PermissionDenied),
                (request.GetType(), Ask(_door.For(Certificate("nobody"), null, null), request).Status switch
                {
                    ReplyStatus.Unauthenticated when !isFree => ReplyStatus.PermissionDenied,
                    var other => other,
                }));
            // An observer sees, and changes nothing; and sees no keys and no users.
            var isSeen = request.Need.Actions is AccessActions.Status or AccessActions.None;
            Assert.Equal(
                (request.GetType(), isSeen),
                (request.GetType(), Ask(observer, request).Status == ReplyStatus.Ok));
            Assert.Equal(
                (request.GetType(), ReplyStatus.Ok),
                (request.GetType(), Ask(_door.For(Certificate("a-admin"), null, null), request).Status));
        }
    }

    [Fact]
    public void What_the_node_tells_of_itself_takes_rights_but_whether_it_is_ready()
    {
        Assert.True(_door.Health.IsReady);
        foreach (var stranger in (INode[])[_door, _door.For(ConnectionIdentity.Anonymous, null, null)])
        {
            Assert.Equal(ReplyStatus.Unauthenticated, Refused(() => _ = stranger.Map));
            Assert.Equal(ReplyStatus.Unauthenticated, Refused(() => stranger.AskStatus(static _ => { })));
            Assert.True(stranger.Health.IsReady);
        }

        var shop = _door.For(Certificate("shop"), null, null);
        Assert.NotNull(shop.Map);
        Assert.Equal(ReplyStatus.PermissionDenied, Refused(() => shop.AskStatus(static _ => { })));
        NodeStatus? told = null;
        _door.For(Certificate("a-observer"), null, null).AskStatus(status => told = status);
        Assert.NotNull(told);
        Assert.True(_door.Refusals > 0);
    }

    /// <summary>A front end that forgets to say who asks serves nobody.</summary>
    [Fact]
    public void The_door_itself_is_a_strangers()
    {
        Assert.All(
            EveryRequest.About(Inside),
            request => Assert.Equal(ReplyStatus.Unauthenticated, Ask(_door, request).Status));
        Assert.Empty(_node.Seen);
        _node.Access = _node.Access! with { IsOn = false };
        Assert.Equal(ReplyStatus.Ok, Ask(_door, Get(Inside)).Status);
    }

    [Fact]
    public void A_change_holds_for_callers_that_are_there()
    {
        var node = _door.For(Certificate("shop"), null, null);
        Assert.Equal(ReplyStatus.Ok, Ask(node, Get(Inside)).Status);
        _node.Access = _node.Access!.With(new UserRecord("shop", [], IsDisabled: false));
        Assert.Equal(ReplyStatus.PermissionDenied, Ask(node, Get(Inside)).Status);
        _node.Access = _node.Access.WithoutUser("shop");
        Assert.Equal(ReplyStatus.Unauthenticated, Ask(node, Get(Inside)).Status);
    }

    [Fact]
    public void An_api_key_is_its_users_until_it_expires_or_is_revoked()
    {
        var node = _door.For(ConnectionIdentity.Plain, ShopKey.Key, null);
        Assert.Equal(ReplyStatus.Ok, Ask(node, Get(Inside)).Status);
        var expires = (ulong)_time.GetUtcNow().AddSeconds(10).ToUnixTimeMilliseconds();
        _node.Access = _node.Access!.With(new ApiKeyRecord(ShopKey.Id, "shop", ShopKey.Hash, 1, expires));
        Assert.Equal(ReplyStatus.Ok, Ask(node, Get(Inside)).Status);
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(ReplyStatus.Unauthenticated, Ask(node, Get(Inside)).Status);
        _node.Access = _node.Access.With(new ApiKeyRecord(ShopKey.Id, "shop", ShopKey.Hash, 1, 0));
        Assert.Equal(ReplyStatus.Ok, Ask(node, Get(Inside)).Status);
        _node.Access = _node.Access.WithoutKey(ShopKey.Id);
        Assert.Equal(ReplyStatus.Unauthenticated, Ask(node, Get(Inside)).Status);
    }

    /// <summary>A bad token is never made good by the certificate beside it.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("kvorum_0123456789abcdef_")]
    public void A_token_that_is_none_is_refused_whatever_else_is_shown(string token) => Assert.Equal(
        ReplyStatus.Unauthenticated,
        Ask(_door.For(Certificate("a-admin"), token, null), Get(Inside)).Status);

    [Fact]
    public void A_key_with_another_secret_or_number_is_refused()
    {
        var other = ApiKey.Draw();
        foreach (var token in (string[])
            [
                other.Key, ShopKey.Key[..^1] + (ShopKey.Key[^1] == 'A' ? 'B' : 'A'), ShopKey.Key + "x",
                other.Key[..24] + ShopKey.Key[24..], ShopKey.Key[..24] + other.Key[24..],
                ShopKey.Key.ToUpperInvariant(),
            ])
        {
            Assert.Equal(
                (token, ReplyStatus.Unauthenticated),
                (token, Ask(_door.For(ConnectionIdentity.Plain, token, null), Get(Inside)).Status));
        }
    }

    [Fact]
    public void A_node_is_no_user() => Assert.Equal(
        ReplyStatus.Unauthenticated,
        Ask(
            _door.For(
                new(IdentityMeans.Certificate, new(CertificateRole.Node, "a-admin")), null, null),
            Get(Inside)).Status);

    [Fact]
    public void Rights_are_believed_for_the_grace_and_no_longer()
    {
        var node = _door.For(Certificate("shop"), null, null);
        _node.MetadataSilenceMs = 60_000;
        Assert.Equal(ReplyStatus.Ok, Ask(node, Get(Inside)).Status);
        _node.MetadataSilenceMs = 60_001;
        var refused = Ask(node, Get(Inside));
        Assert.Equal(ReplyStatus.Unavailable, refused.Status);
        Assert.Contains("--rights-grace", refused.Message, StringComparison.Ordinal);
        // Who is not known here may be known by now: another node can tell.
        Assert.Equal(
            ReplyStatus.Unavailable, Ask(_door.For(Certificate("new"), null, null), Get(Inside)).Status);
    }

    /// <summary>Rights that were enforced meanwhile are not overlooked for longer than others.</summary>
    [Fact]
    public void Where_there_are_users_the_grace_holds_before_rights_are_enforced()
    {
        var node = _door.For(Certificate("shop"), null, null);
        _node.Access = _node.Access! with { IsOn = false };
        _node.MetadataSilenceMs = 60_000;
        Assert.Equal(ReplyStatus.Ok, Ask(node, Get(Outside)).Status);
        _node.MetadataSilenceMs = 60_001;
        Assert.Equal(ReplyStatus.Unavailable, Ask(node, Get(Outside)).Status);
        _node.Access = AccessTable.Empty;
        Assert.Equal(ReplyStatus.Ok, Ask(node, Get(Outside)).Status);
    }

    /// <summary>What is on the disk of a node that was started may be of any age.</summary>
    [Fact]
    public void Before_the_metadata_group_is_heard_nobody_is_served_by_rights_from_before_the_start()
    {
        var node = _door.For(Certificate("shop"), null, null);
        _node.MetadataSilenceMs = long.MaxValue;
        var refused = Ask(node, Get(Inside));
        Assert.Equal(ReplyStatus.Unavailable, refused.Status);
        Assert.Contains("since its start", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>A node that does not know whether rights are enforced changes nothing.</summary>
    [Fact]
    public void A_node_that_was_told_nothing_serves_nobody()
    {
        _node.Access = null;
        var node = _door.For(Certificate("a-admin"), null, null);
        Assert.Equal(ReplyStatus.Unavailable, Ask(node, Get(Inside)).Status);
        Assert.Equal(ReplyStatus.Unavailable, Ask(node, new DropKeyspace("k")).Status);
        Assert.Equal(ReplyStatus.Ok, Ask(node, new ShowCluster()).Status);
    }

    [Fact]
    public void Who_has_rights_enforced_must_have_some()
    {
        _node.Access = _node.Access! with { IsOn = false };
        foreach (var locked in (CallersNode[])
            [
                _door.For(ConnectionIdentity.Plain, null, null),
                    _door.For(Certificate("shop"), null, null),
            ])
        {
            Assert.Equal(ReplyStatus.ConditionFailed, Ask(locked, new EnforceRights(true)).Status);
            Assert.Equal(ReplyStatus.Ok, Ask(locked, new EnforceRights(true) { Force = true }).Status);
        }

        Assert.Equal(
            ReplyStatus.Ok, Ask(_door.For(Certificate("a-admin"), null, null),
                new EnforceRights(true)).Status);
    }

    [Fact]
    public void A_drawn_key_is_told_once_and_only_its_hash_is_asked_for()
    {
        var admin = _door.For(Certificate("a-admin"), null, null);
        var key = Ask(admin, new CreateApiKey("shop")).ApiKey!;
        var asked = Assert.IsType<CreateApiKey>(_node.Administered[^1].Request);
        Assert.StartsWith("user 'a-admin', ", _node.LastBy, StringComparison.Ordinal);
        Assert.DoesNotContain(
            key[24..], Encoding.UTF8.GetString(AdminJson.Encode(asked)), StringComparison.Ordinal);
        _node.Access = _node.Access!.With(new ApiKeyRecord(asked.Id, "shop", asked.Hash, 1, 0));
        Assert.Equal(
            ReplyStatus.Ok, Ask(_door.For(ConnectionIdentity.Plain, key, null), Get(Inside)).Status);
        Assert.Null(Ask(admin, new CreateApiKey("shop") { DryRun = true }).ApiKey);
    }

    [Fact]
    public void One_is_told_who_one_is()
    {
        var identity = Ask(_door.For(ConnectionIdentity.Plain, ShopKey.Key, null),
            new ShowIdentity()).Identity!;
        Assert.Equal(("shop", "api_key", true), (identity.Name, identity.Means, identity.Enforced));
        Assert.Equal("user:", Encoding.UTF8.GetString(Assert.Single(identity.Grants).Prefix!));
        _node.Access = _node.Access! with { IsOn = false };
        identity = Ask(_door, new ShowIdentity()).Identity!;
        Assert.Equal(("", "none", false), (identity.Name, identity.Means, identity.Enforced));
    }

    private static Grant Grant(AccessActions actions) =>
        new(KeyspaceName.Default, "user:"u8.ToArray(), actions);

    private static ConnectionIdentity Certificate(string name) =>
        new(IdentityMeans.Certificate, new(CertificateRole.Client, name));

    private static GetRequest Get(string key) => new() { Key = Encoding.UTF8.GetBytes(key) };

    private static Reply Ask(INode node, Request request)
    {
        var call = new Kept(request);
        node.Submit(call);
        return call.Reply!;
    }

    private static AdminReply Ask(INode node, AdminRequest request)
    {
        AdminReply? told = null;
        node.Administer(request, TimeSpan.FromSeconds(1), reply => told = reply);
        return told!;
    }

    private static ReplyStatus Refused(Action act) =>
        Assert.Throws<AccessRefusedException>(act).Refusal.Status;

    // Every kind that there is, with texts where texts belong.
    private static IEnumerable<AdminRequest> EveryAdminRequest() => typeof(AdminRequest).Assembly.GetTypes()
        .Where(static type => type.IsSubclassOf(typeof(AdminRequest)) && !type.IsAbstract)
        .Select(static type => (AdminRequest)type.GetConstructors()[0].Invoke(
            [.. type.GetConstructors()[0].GetParameters().Select(static one => ValueOf(one.ParameterType))]));

    private static object? ValueOf(Type type) => type switch
    {
        _ when type == typeof(string) => "k",
        _ when type == typeof(byte[]) => new byte[] { 1 },
        _ when type.IsValueType => Activator.CreateInstance(type),
        _ when type == typeof(IReadOnlyList<string>) => Array.Empty<string>(),
        _ when type == typeof(IReadOnlyList<GrantSpec>) => Array.Empty<GrantSpec>(),
        _ => throw new NotSupportedException($"{type} is new here"),
    };

    private sealed class Kept(Request request) : Call(request, TimeSpan.FromSeconds(1))
    {
        public Reply? Reply { get; private set; }

        public override void Complete(Reply reply) => Reply = reply;
    }
}
