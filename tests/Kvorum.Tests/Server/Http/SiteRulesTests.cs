namespace Kvorum.Tests.Server.Http;

/// <summary>What a web page can make a browser send to a node, over a real connection.</summary>
public class SiteRulesTests(HttpFixture fixture) : HttpTest(fixture)
{
    private const string Body = """{"key":"page","value":"v"}""";

    private static readonly string[] Routes =
    [
        "GET /kv/get?key=page", "POST /kv/set", "POST /kv/delete?key=page", "DELETE /kv/delete?key=page",
        "GET /v1/kv/page", "HEAD /v1/kv/page", "PUT /v1/kv/page", "DELETE /v1/kv/page", "GET /v1/kv",
        "GET /kv/stats", "GET /health", "GET /readyz", "GET /ready", "GET /livez", "GET /v1/status",
            "GET /v1/map",
        "GET /openapi/v1.json", "GET /nothing", "OPTIONS /kv/set",
    ];

    public static TheoryData<string> Everywhere => [.. Routes];

    /// <summary>A page of evil.example whose name now leads here: DNS rebinding.</summary>
    [Theory]
    [MemberData(nameof(Everywhere))]
    public async Task A_host_that_is_not_the_nodes_is_refused_on_every_route(string line)
    {
        var seen = Node.Seen.Count;
        var target = line.Split(' ')[1];
        var port = Fixture.Server.EndPoint.Port;
        var absolute = $"http://evil.example:{port}{target}";
        foreach (var asked in new[] { line, line.Replace(target, absolute, StringComparison.Ordinal) })
        {
            var answer = await RawAsync(
                $"{asked} HTTP/1.1\nHost: evil.example:{port}\nConnection: close\n"
                + $"Content-Type: application/json\nContent-Length: {Body.Length}\n\n{Body}");
            Assert.StartsWith("HTTP/1.1 421 ", answer);
            if (!line.StartsWith("HEAD", StringComparison.Ordinal))
                Assert.Contains("--http-host", answer);
        }

        Assert.Equal(seen, Node.Seen.Count);
    }

    /// <summary>RFC 9112, 3.2.2: the target's authority counts, and Host must not say another.</summary>
    [Fact]
    public async Task A_target_with_another_authority_than_host_is_refused()
    {
        var answer = await RawAsync(
            "GET http://evil.example/kv/get?key=a HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n\n");
        Assert.StartsWith("HTTP/1.1 400 ", answer);
        answer = await RawAsync(
            "GET http://127.0.0.1/kv/get?key=a HTTP/1.1\nHost: evil.example\nConnection: close\n\n");
        Assert.StartsWith("HTTP/1.1 4", answer);
    }

    [Theory]
    [InlineData("127.0.0.1", 404)]
    [InlineData("127.0.0.1:1", 404)]
    [InlineData("10.1.2.3:8080", 404)]
    [InlineData("[::1]:8080", 404)]
    [InlineData("[fe80::1]", 404)]
    [InlineData("localhost", 404)]
    [InlineData("LocalHost:8080", 404)]
    [InlineData("localhost.", 404)]
    [InlineData("kvorum.example", 404)]
    [InlineData("KVORUM.example:443", 404)]
    [InlineData("", 421)]
    [InlineData("evil.example", 421)]
    [InlineData("localhost.evil.example", 421)]
    [InlineData("kvorum.example.evil.example", 421)]
    [InlineData("127.0.0.1.evil.example", 421)]
    [InlineData("1", 421)]
    [InlineData("0x7f.1", 421)]
    [InlineData("0177.0.0.1", 421)]
    public async Task A_host_is_an_address_or_a_known_name(string host, int status) => Assert.StartsWith(
        $"HTTP/1.1 {status} ",
            await RawAsync($"GET /kv/get?key=none HTTP/1.1\nHost: {host}\nConnection: close\n\n"));

    /// <summary>RFC 9112, 3.2.</summary>
    [Theory]
    [InlineData("GET /kv/get?key=none HTTP/1.1\nConnection: close\n\n", 400)]
    [InlineData("GET /kv/get?key=none HTTP/1.1\nHost: localhost\nHost: evil.example\nConnection: close\n\n",
        400)]
    [InlineData("GET /kv/get?key=none HTTP/1.0\n\n", 404)]
    [InlineData("GET /kv/get?key=none HTTP/1.0\nHost: evil.example\n\n", 421)]
    public async Task Only_http_1_0_may_leave_host_out(string request, int status) =>
        Assert.StartsWith($"HTTP/1.1 {status} ", await RawAsync(request));

    [Theory]
    [InlineData("", "", 200)]
    [InlineData("http://127.0.0.1:8080", "", 200)]
    [InlineData("http://127.0.0.1:8080", "same-origin", 200)]
    [InlineData("https://127.0.0.1:8080", "same-origin", 200)] // A proxy ends TLS.
    [InlineData("", "none", 200)]
    [InlineData("http://127.0.0.1:3000", "same-site", 403)]
    [InlineData("http://localhost:8080", "", 403)]
    [InlineData("http://evil.example", "", 403)]
    [InlineData("http://evil.example", "cross-site", 403)]
    [InlineData("null", "", 403)]
    [InlineData("file://", "", 403)]
    [InlineData("", "cross-site", 403)]
    [InlineData("", "same-site", 403)]
    public async Task A_page_of_another_origin_changes_nothing(string origin, string site, int status)
    {
        var headers = "Host: 127.0.0.1:8080\nConnection: close\n"
            + (origin.Length > 0 ? $"Origin: {origin}\n" : "") + (site.Length > 0
                ? $"Sec-Fetch-Site: {site}\n" : "");
        foreach (var (line, body) in new[]
        {
            ("POST /kv/set", Body), ("POST /kv/delete?key=page", ""), ("DELETE /kv/delete?key=page", ""),
            ("PUT /v1/kv/page", "v"), ("DELETE /v1/kv/page", ""),
        })
        {
            var seen = Node.Seen.Count;
            var answer = await RawAsync($"{line} HTTP/1.1\n{headers}Content-Type: application/json\n"
                + $"Content-Length: {body.Length}\n\n{body}");
            Assert.StartsWith($"HTTP/1.1 {status} ", answer);
            Assert.Equal(status == 200 ? seen + 1 : seen, Node.Seen.Count);
        }

        var read = await RawAsync($"GET /kv/get?key=none HTTP/1.1\n{headers}\n");
        Assert.StartsWith("HTTP/1.1 404 ", read);
    }

    /// <summary>What a page may send without asking first, and what curl -d sends.</summary>
    [Theory]
    [InlineData("application/json", "http://127.0.0.1:8080", "same-origin", 200)]
    [InlineData("Application/JSON; charset=\"utf-8\"", "http://127.0.0.1:8080", "", 200)]
    [InlineData("application/json; charset=latin1", "", "", 415)]
    [InlineData("text/plain", "http://127.0.0.1:8080", "", 415)]
    [InlineData("text/plain", "", "same-origin", 415)]
    [InlineData("application/x-www-form-urlencoded", "", "none", 415)]
    [InlineData("", "http://127.0.0.1:8080", "", 415)]
    [InlineData("application/x-www-form-urlencoded", "", "", 200)]
    [InlineData("text/plain", "", "", 200)]
    [InlineData("", "", "", 200)]
    public async Task A_page_says_json(string type, string origin, string site, int status)
    {
        var seen = Node.Seen.Count;
        var answer = await RawAsync("POST /kv/set HTTP/1.1\nHost: 127.0.0.1:8080\nConnection: close\n"
            + (type.Length > 0 ? $"Content-Type: {type}\n" : "") + (origin.Length > 0 ? $"Origin: {origin}\n"
                : "")
            + (site.Length > 0 ? $"Sec-Fetch-Site: {site}\n" : "")
                + $"Content-Length: {Body.Length}\n\n{Body}");
        Assert.StartsWith($"HTTP/1.1 {status} ", answer);
        Assert.Equal(status == 200 ? seen + 1 : seen, Node.Seen.Count);
    }

    [Fact]
    public async Task A_preflight_gets_no_permission()
    {
        foreach (var route in Routes)
        {
            var answer = await RawAsync($"OPTIONS {route.Split(' ')[1]} HTTP/1.1\nHost: 127.0.0.1\n"
                + "Connection: close\nOrigin: http://evil.example\nAccess-Control-Request-Method: PUT\n"
                + "Access-Control-Request-Headers: content-type\n\n");
            Assert.StartsWith("HTTP/1.1 4", answer);
            Assert.DoesNotContain("access-control", answer, StringComparison.OrdinalIgnoreCase);
        }

        var read = await RawAsync(
            "GET /kv/stats HTTP/1.1\nHost: 127.0.0.1\nConnection: close\nOrigin: http://evil.example\n\n");
        Assert.StartsWith("HTTP/1.1 200 ", read);
        Assert.DoesNotContain("access-control", read, StringComparison.OrdinalIgnoreCase);
    }
}
