using System.Net.Http.Headers;

namespace Kvorum.Tests.Server.Http;

/// <summary>HEAD, Allow and ETag on every route (RFC 9110, 9.3.2, 10.2.1, 8.8.3).</summary>
public class MethodsTests(HttpFixture fixture) : HttpTest(fixture)
{
    private static readonly string[] Reads =
    [
        "/kv/get?key=head", "/v1/kv/head", "/v1/kv?key_base64=aGVhZA", "/v1/kv", "/v1/kv?limit=1",
            "/kv/stats",
        "/health", "/readyz", "/ready", "/livez", "/v1/status", "/v1/map", "/openapi/v1.json", "/v1/kv/none",
        "/kv/get?key=none", "/kv/get", "/nothing",
    ];

    public static TheoryData<string> Targets => [.. Reads];

    [Theory]
    [MemberData(nameof(Targets))]
    public async Task Head_is_get_without_the_body(string target)
    {
        await SendAsync("PUT", "/v1/kv/head", [1, 2, 3]);
        foreach (var accept in new[] { "*/*", "application/json" })
        {
            var get = await SendAsync("GET", target, null, ("Accept", accept));
            var head = await SendAsync("HEAD", target, null, ("Accept", accept));
            Assert.Equal(get.Status, head.Status);
            Assert.Equal(get.Bytes.Length, head.ContentHeaders.ContentLength);
            Assert.Equal(get.ContentHeaders.ContentType, head.ContentHeaders.ContentType);
            Assert.Equal(Own(get.Headers), Own(head.Headers));
            Assert.Empty(head.Bytes);
        }
    }

    /// <summary>What follows on the same connection is not read as the body.</summary>
    [Fact]
    public async Task A_head_leaves_the_connection_in_order()
    {
        await SendAsync("PUT", "/v1/kv/head", [1, 2, 3]);
        var heads = string.Concat(Reads.Append("/v1/kv?x=1").Select(static target =>
            $"HEAD {target} HTTP/1.1\nHost: localhost\nAccept: application/x-ndjson\n\n"));
        var answer = await RawAsync($"{heads}GET /livez HTTP/1.1\nHost: localhost\nConnection: close\n\n");
        Assert.Equal(Reads.Length + 2, answer.Split("HTTP/1.1 ").Length - 1);
        Assert.EndsWith("\"node_id\":\"node-1\"}", answer);
    }

    [Fact]
    public void Head_is_there_where_get_is() => Assert.All(Fixture.Server.Routes, static route =>
    {
        var methods = route.Metadata
            .OfType<Microsoft.AspNetCore.Routing.HttpMethodMetadata>().Single().HttpMethods;
        Assert.Equal(methods.Contains("GET"), methods.Contains("HEAD"));
    });

    [Theory]
    [InlineData("GET", "/kv/set", "POST")]
    [InlineData("PUT", "/kv/get", "GET, HEAD")]
    [InlineData("GET", "/kv/delete", "DELETE, POST")]
    [InlineData("POST", "/v1/kv/a", "DELETE, GET, HEAD, PUT")]
    [InlineData("PATCH", "/v1/kv", "DELETE, GET, HEAD, PUT")]
    [InlineData("POST", "/health", "GET, HEAD")]
    [InlineData("OPTIONS", "/v1/status", "GET, HEAD")]
    [InlineData("BREW", "/openapi/v1.json", "GET, HEAD")]
    public async Task A_method_that_is_not_there_gets_those_that_are(string method, string target,
        string allow)
    {
        var answer = await RawAsync(
            $"{method} {target} HTTP/1.1\nHost: localhost\nContent-Length: 0\nConnection: close\n\n");
        Assert.StartsWith("HTTP/1.1 405 ", answer);
        var line = answer.Split("\r\n").Single(
            static header => header.StartsWith("Allow: ", StringComparison.OrdinalIgnoreCase));
        Assert.Equal(allow, string.Join(", ",
            line["Allow: ".Length..].Split(", ").Order(StringComparer.Ordinal)));
    }

    [Fact]
    public async Task Answers_about_a_value_have_its_tag()
    {
        var put = await SendAsync("PUT", "/v1/kv/tag", [1]);
        var tag = $"\"{put.Header("Kvorum-Version")}\"";
        Assert.Equal(tag, put.Header("ETag"));
        Assert.Equal(tag, (await SendAsync("GET", "/v1/kv/tag")).Header("ETag"));
        Assert.Equal(tag, (await SendAsync("HEAD", "/v1/kv/tag")).Header("ETag"));
        Assert.Equal($"W/{tag}", (await SendAsync("GET", "/kv/get?key=tag")).Header("ETag"));
        Assert.False((await SendAsync("GET", "/v1/kv/none")).Headers.Contains("ETag"));
    }

    private static IEnumerable<string> Own(HttpResponseHeaders headers) => headers
        .Where(static header => header.Key != "Date")
        .Select(static header =>
            $"{header.Key}: {string.Join(',', header.Value)}").Order(StringComparer.Ordinal);
}
