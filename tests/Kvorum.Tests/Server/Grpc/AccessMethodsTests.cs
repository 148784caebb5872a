using Google.Protobuf;
using Kvorum.Node.Administration;
using V1 = Kvorum.Server.Grpc.V1;

namespace Kvorum.Tests.Server.Grpc;

/// <summary>
/// Users, roles and API keys over gRPC, and the answers; that the node is asked so is a test of
/// <see cref="AdminServiceTests"/>, which holds the list against all methods.
/// </summary>
public class AccessMethodsTests(GrpcFixture fixture) : IClassFixture<GrpcFixture>
{
    internal static readonly (string Method, IMessage Message, AdminRequest Expected)[] Requests =
    [
        ("GetIdentity", new V1.GetIdentityRequest(), new ShowIdentity()),
        ("GetAccess", new V1.GetAccessRequest(), new ShowAccess()),
        (
            "CreateUser", new V1.CreateUserRequest { User = "ann", Roles = { "a", "b" }, DryRun = true },
            new CreateUser("ann", ["a", "b"]) { DryRun = true }
        ),
        (
            "AlterUser",
            new V1.AlterUserRequest
            {
                User = "ann",
                Grant = { "a" },
                Revoke = { "b", "c" },
                DryRun = true,
                Force = true,
            },
            new AlterUser("ann") { Grant = ["a"], Revoke = ["b", "c"], DryRun = true, Force = true }
        ),
        // What is absent is not what is false.
        (
            "AlterUser", new V1.AlterUserRequest { User = "ann", Disabled = false },
            new AlterUser("ann") { Disabled = false }
        ),
        (
            "DropUser", new V1.DropUserRequest { User = "ann", DryRun = true, Force = true },
            new DropUser("ann") { DryRun = true, Force = true }
        ),
        ("CreateApiKey", new V1.CreateApiKeyRequest { User = "ann" }, new CreateApiKey("ann")),
        (
            "CreateApiKey", new V1.CreateApiKeyRequest { User = "ann", ExpiresMs = 0, DryRun = true },
            new CreateApiKey("ann") { ExpiresMs = 0, DryRun = true }
        ),
        (
            "RevokeApiKey", new V1.RevokeApiKeyRequest { Id = "0123456789abcdef", DryRun = true },
            new RevokeApiKey("0123456789abcdef") { DryRun = true }
        ),
        ("ListJoinTokens", new V1.ListJoinTokensRequest(), new ShowAccess()),
        (
            "CreateJoinToken",
            new V1.CreateJoinTokenRequest
            {
                Id = "00c0ffee00c0ffee",
                Node = "node-4",
                ProofHash = ByteString.CopyFrom(1, 255),
                Sealed = ByteString.CopyFrom(0, 2),
                ExpiresMs = 2000,
                DryRun = true,
            },
            new CreateJoinToken("00c0ffee00c0ffee", "node-4")
            {
                ProofHash = [1, 255],
                Sealed = [0, 2],
                ExpiresMs = 2000,
                DryRun = true,
            }
        ),
        (
            "RevokeJoinToken", new V1.RevokeJoinTokenRequest { Id = "00c0ffee00c0ffee", DryRun = true },
            new RevokeJoinToken("00c0ffee00c0ffee") { DryRun = true }
        ),
        (
            "SetRole",
            new V1.SetRoleRequest
            {
                Role = "shop",
                Grants =
                {
                    new V1.Grant
                    {
                        Keyspace = "orders",
                        Actions = { "read", "scan" },
                        Prefix = ByteString.CopyFrom(255, 0),
                    },
                    new V1.Grant { Keyspace = "*", Actions = { "status" } },
                },
                DryRun = true,
                Force = true,
            },
            new SetRole("shop", [new("orders", ["read", "scan"], [255, 0]), new("*", ["status"])])
            {
                DryRun = true,
                Force = true,
            }
        ),
        (
            "DropRole", new V1.DropRoleRequest { Role = "shop", DryRun = true, Force = true },
            new DropRole("shop") { DryRun = true, Force = true }
        ),
        (
            "EnforceRights", new V1.EnforceRightsRequest { Enforced = false },
            new EnforceRights(false)
        ),
        (
            "EnforceRights", new V1.EnforceRightsRequest { Enforced = true, DryRun = true, Force = true },
            new EnforceRights(true) { DryRun = true, Force = true }
        ),
    ];

    /// <summary>Each answer, as JSON, has all that the node's own answer has, and nothing else.</summary>
    [Fact]
    public async Task Answers_have_all_that_the_node_tells()
    {
        AdminServiceTests.Same(
            AdminServiceTests.Told(new ShowIdentity(), "identity"),
            await AskAsync("GetIdentity", new V1.GetIdentityRequest(), V1.IdentityReport.Parser));
        AdminServiceTests.Same(
            AdminServiceTests.Told(new ShowAccess(), "access"),
            await AskAsync("GetAccess", new V1.GetAccessRequest(), V1.AccessReport.Parser));
        var access = await AskAsync("GetAccess", new V1.GetAccessRequest(), V1.AccessReport.Parser);
        var tokens = await AskAsync(
            "ListJoinTokens", new V1.ListJoinTokensRequest(), V1.ListJoinTokensResponse.Parser);
        Assert.Equal(("node-5", true), (tokens.JoinTokens[1].Node, tokens.JoinTokens[1].Used));
        Assert.Equal(access.JoinTokens, tokens.JoinTokens);
        var made = await AskAsync(
            "CreateApiKey", new V1.CreateApiKeyRequest { User = "ann" }, V1.ChangeResponse.Parser);
        Assert.Equal(("done", "kvorum_key"), (made.Message, made.ApiKey));
    }

    /// <summary>An empty message would else end the enforcement of rights.</summary>
    [Fact]
    public async Task Whether_rights_are_enforced_must_be_said()
    {
        var seen = fixture.Node.Administered.Count;
        using var call = await GrpcStream.OpenAsync(
            fixture.Address, "/kvorum.v1.Admin/EnforceRights", new V1.EnforceRightsRequest { Force = true });
        await AdminServiceTests.DrainAsync(call);
        Assert.Equal(
            ("3", "enforced is missing: true or false"),
            (call.Trailer("grpc-status"), call.Trailer("grpc-message")));
        Assert.Equal(seen, fixture.Node.Administered.Count);
    }

    private Task<T> AskAsync<T>(string method, IMessage message, MessageParser<T> parser)
        where T : class, IMessage<T> =>
        GrpcStream.AskAsync(fixture.Address, $"/kvorum.v1.Admin/{method}", message, parser);
}
