using System.Text;
using Kvorum.Node.Access;
using Kvorum.Node.Administration;

namespace Kvorum.Tests.Server.Http;

/// <summary>Users, roles and API keys over HTTP, as the node is asked; more: <see cref="OpenApiTests"/>.
/// </summary>
public class AccessRoutesTests(HttpFixture fixture) : HttpTest(fixture)
{
    public static TheoryData<string, string, AdminRequest> Requests => new()
    {
        { "GET", "/v1/admin/access", new ShowAccess() },
        { "PUT", "/v1/admin/users/ann", new CreateUser("ann", []) },
        {
            "PUT", "/v1/admin/users/a%2Fb?roles=reader,writer&dry_run=true",
            new CreateUser("a/b", ["reader", "writer"]) { DryRun = true }
        },
        // The node has the words for a name that is none.
        { "PUT", "/v1/admin/users/ann?roles=a,,b", new CreateUser("ann", ["a", "", "b"]) },
        {
            "PATCH", "/v1/admin/users/ann?grant=a,b&revoke=c&force=true",
            new AlterUser("ann") { Grant = ["a", "b"], Revoke = ["c"], Force = true }
        },
        { "PATCH", "/v1/admin/users/ann?disabled=true", new AlterUser("ann") { Disabled = true } },
        { "PATCH", "/v1/admin/users/ann?disabled=false", new AlterUser("ann") { Disabled = false } },
        {
            "DELETE", "/v1/admin/users/ann?force=true&dry_run=true",
            new DropUser("ann") { Force = true, DryRun = true }
        },
        { "DELETE", "/v1/admin/keys/0123456789abcdef", new RevokeApiKey("0123456789abcdef") },
        { "DELETE", "/v1/admin/roles/shop?force=true", new DropRole("shop") { Force = true } },
        { "PUT", "/v1/admin/rights?enforced=false", new EnforceRights(false) },
        {
            "PUT", "/v1/admin/rights?enforced=true&force=true&dry_run=true",
            new EnforceRights(true) { Force = true, DryRun = true }
        },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task A_route_asks_the_node(string method, string target, AdminRequest expected)
    {
        var answer = await SendAsync(method, target);
        Assert.Equal((target, 200), (target, answer.Status));
        Assert.Equal(Json(expected), Json(Node.Administered[^1]));
    }

    [Fact]
    public async Task A_role_has_the_grants_of_the_body()
    {
        var answer = await RoleAsync(
            """{"grants":[{"keyspace":"orders","actions":["read","scan"],"prefix":"/wA="},"""
            + """{"actions":["status"],"keyspace":"*","prefix":null}]}""", "?force=true");
        Assert.Equal(200, answer.Status);
        var expected = new SetRole(
            "shop", [new("orders", ["read", "scan"], [255, 0]), new("*", ["status"])])
        {
            Force = true,
        };
        Assert.Equal(Json(expected), Json(Node.Administered[^1]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"grants":null}""")]
    [InlineData("""{"grants":[]}x""")]
    [InlineData("""{"grants":[],"grants":[]}""")]
    [InlineData("""{"grants":[],"dry_run":true}""")]
    [InlineData("""{"Grants":[]}""")]
    [InlineData("""{"grants":[{"keyspace":"a"}]}""")]
    [InlineData("""{"grants":[{"actions":["read"]}]}""")]
    [InlineData("""{"grants":[{"keyspace":"a","actions":"read"}]}""")]
    [InlineData("""{"grants":[{"keyspace":"a","actions":["read"],"prefixes":"YQ=="}]}""")]
    [InlineData("""{"grants":[{"keyspace":"a","actions":["read"],"prefix":"user:"}]}""")]
    [InlineData("""{"grants":[{"keyspace":"\ud800","actions":["read"]}]}""")]
    [InlineData("{\"grants\":[{\"keyspace\":\"\u00ff\",\"actions\":[]}]}")]
    public async Task A_body_that_is_no_role_is_refused(string json)
    {
        var seen = Node.Administered.Count;
        // One byte for each character, so that the last one is no UTF-8.
        var answer = await SendAsync("PUT", "/v1/admin/roles/shop", Encoding.Latin1.GetBytes(json));
        Assert.Equal((json, 400), (json, answer.Status));
        Assert.Contains("\"grants\":[{\"keyspace\"", answer.Message, StringComparison.Ordinal);
        Assert.Equal(seen, Node.Administered.Count);
    }

    [Theory]
    [InlineData("PATCH", "/v1/admin/users/ann", "grant=")]
    [InlineData("PATCH", "/v1/admin/users/ann?disabled=maybe", "true or false")]
    [InlineData("PUT", "/v1/admin/rights", "'enforced' is missing")]
    [InlineData("PUT", "/v1/admin/rights?enforced", "true or false")]
    [InlineData("POST", "/v1/admin/users/ann/keys?expires_ms=1d", "expires_ms")]
    [InlineData("POST", "/v1/admin/users/ann/keys?force=true", "there is no parameter 'force' here")]
    public async Task What_is_wrong_is_refused(string method, string target, string why)
    {
        var seen = Node.Administered.Count;
        var answer = await SendAsync(method, target);
        Assert.Equal((target, 400), (target, answer.Status));
        Assert.Contains(why, answer.Message, StringComparison.Ordinal);
        Assert.Equal(seen, Node.Administered.Count);
    }

    [Fact]
    public async Task A_key_is_told_once_and_kept_by_nothing_on_the_way()
    {
        var answer = await SendAsync("POST", "/v1/admin/users/ann/keys?expires_ms=2000");
        Assert.Equal((200, "no-store"), (answer.Status, answer.Header("Cache-Control")));
        var asked = Assert.IsType<CreateApiKey>(Node.Administered[^1]);
        Assert.Equal(("ann", 2000ul), (asked.User, asked.ExpiresMs));
        var key = answer.Member("api_key")!;
        Assert.StartsWith($"kvorum_{asked.Id}_", key);
        Assert.Equal(asked.Hash, System.Security.Cryptography.SHA256.HashData(Encoding.ASCII.GetBytes(key)));

        var dry = await SendAsync("POST", "/v1/admin/users/ann/keys?dry_run=true");
        Assert.False(dry.Json.TryGetProperty("api_key", out _));
    }

    [Fact]
    public async Task What_is_told_of_users_has_their_keys_without_hashes()
    {
        var told = (await SendAsync("GET", "/v1/admin/access")).Json;
        Assert.True(told.GetProperty("enforced").GetBoolean());
        Assert.Equal(
            """{"keyspace":"orders","actions":["read","scan"],"prefix":"/wA="}""",
            told.GetProperty("roles")[0].GetProperty("grants")[0].GetRawText());
        Assert.Equal(
            """[{"id":"0123456789abcdef","created_ms":1000,"expires_ms":2000},"""
            + """{"id":"fedcba9876543210","created_ms":1000}]""",
            told.GetProperty("users")[0].GetProperty("api_keys").GetRawText());
    }

    [Fact]
    public async Task A_caller_is_told_who_it_is()
    {
        var nobody = await SendAsync("GET", "/v1/admin/identity");
        Assert.Equal(
            """{"name":"","means":"none","enforced":false,"grants":[]}""", nobody.Text);
        Node.Access = HttpFixture.Enforced;
        try
        {
            var poor = await SendAsync(
                "GET", "/v1/admin/identity", null, ("Authorization", $"Bearer {HttpFixture.PoorKey}"));
            Assert.Equal(
                """{"name":"poor","means":"api_key","enforced":true,"grants":[]}""", poor.Text);
            Assert.Equal(401, (await SendAsync("GET", "/v1/admin/identity")).Status);
        }
        finally
        {
            Node.Access = AccessTable.Empty;
        }
    }

    [Fact]
    public async Task Who_would_be_locked_out_is_told_so()
    {
        var answer = await SendAsync("PUT", "/v1/admin/rights?enforced=true");
        Assert.Equal(412, answer.Status);
        Assert.Contains("you would be locked out", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_of_another_site_makes_no_role()
    {
        var answer = await SendAsync(
            "PUT", "/v1/admin/roles/shop", """{"grants":[]}"""u8.ToArray(), ("Sec-Fetch-Site", "same-origin"),
            ("Content-Type", "text/plain"));
        Assert.Equal(415, answer.Status);
    }

    private static string Json(AdminRequest request) => Encoding.UTF8.GetString(AdminJson.Encode(request));

    private Task<Answer> RoleAsync(string json, string query) =>
        SendAsync("PUT", $"/v1/admin/roles/shop{query}", Encoding.UTF8.GetBytes(json));
}
