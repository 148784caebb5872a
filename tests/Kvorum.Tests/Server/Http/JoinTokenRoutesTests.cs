using System.Text;
using Kvorum.Node.Administration;

namespace Kvorum.Tests.Server.Http;

/// <summary>Join tokens over HTTP, as the node is asked; more: <see cref="OpenApiTests"/>.</summary>
public class JoinTokenRoutesTests(HttpFixture fixture) : HttpTest(fixture)
{
    private const string Route = "/v1/admin/join-tokens/00c0ffee00c0ffee";
    private const string Good = """{"node":"node-4","proof_hash":"Af8=","sealed":"AAI=","expires_ms":2000}""";

    [Theory]
    [InlineData("")]
    [InlineData("?dry_run=true")]
    public async Task A_token_has_what_the_body_says(string query)
    {
        var answer = await SendAsync("PUT", Route + query, Encoding.UTF8.GetBytes(Good));
        Assert.Equal(200, answer.Status);
        Assert.Equal(
            Json(new CreateJoinToken("00c0ffee00c0ffee", "node-4")
            {
                ProofHash = [1, 255],
                Sealed = [0, 2],
                ExpiresMs = 2000,
                DryRun = query.Length > 0,
            }),
            Json(Node.Administered[^1]));
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("?dry_run=true", true)]
    public async Task A_token_is_revoked_by_its_number(string query, bool isDry)
    {
        Assert.Equal(200, (await SendAsync("DELETE", Route + query)).Status);
        Assert.Equal(
            Json(new RevokeJoinToken("00c0ffee00c0ffee") { DryRun = isDry }), Json(Node.Administered[^1]));
    }

    [Fact]
    public async Task Tokens_are_listed_without_what_could_use_them()
    {
        var answer = await SendAsync("GET", "/v1/admin/join-tokens");
        Assert.Equal(
            """{"join_tokens":["""
            + """{"id":"00c0ffee00c0ffee","node":"node-4","created_ms":1000,"expires_ms":2000,"used":false}"""
            + """,{"id":"11c0ffee00c0ffee","node":"node-5","created_ms":1001,"expires_ms":2001,"used":true}"""
            + "]}",
            answer.Text);
        Assert.IsType<ShowAccess>(Node.Administered[^1]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"node":"n","proof_hash":"Af8=","sealed":"AAI="}""")]
    [InlineData("""{"node":null,"proof_hash":"Af8=","sealed":"AAI=","expires_ms":2000}""")]
    [InlineData("""{"node":"n","proof_hash":"Af8","sealed":"AAI=","expires_ms":2000}""")]
    [InlineData("""{"node":"n","proof_hash":"Af8=","sealed":null,"expires_ms":2000}""")]
    [InlineData("""{"node":"n","proof_hash":"Af8=","sealed":"AAI=","expires_ms":-1}""")]
    [InlineData("""{"node":"n","proof_hash":"Af8=","sealed":"AAI=","expires_ms":2000,"id":1}""")]
    [InlineData("""{"node":"n","node":"n","proof_hash":"Af8=","sealed":"AAI=","expires_ms":2000}""")]
    public async Task A_body_that_is_no_token_is_refused(string json)
    {
        var seen = Node.Administered.Count;
        var answer = await SendAsync("PUT", Route, Encoding.UTF8.GetBytes(json));
        Assert.Equal((json, 400), (json, answer.Status));
        Assert.Contains("\"proof_hash\"", answer.Message, StringComparison.Ordinal);
        Assert.Equal(seen, Node.Administered.Count);
    }

    private static string Json(AdminRequest request) => Encoding.UTF8.GetString(AdminJson.Encode(request));
}
