using System.Text;
using Kvorum.Protocol;

namespace Kvorum.Tests.Server.Http;

public class ResourceRoutesTests(HttpFixture fixture) : HttpTest(fixture)
{
    private static readonly byte[] AllBytes = [.. Enumerable.Range(0, 256).Select(static i => (byte)i)];

    [Fact]
    public async Task A_value_is_its_bytes()
    {
        var put = await SendAsync("PUT", "/v1/kv/raw", AllBytes);
        Assert.Equal(200, put.Status);
        var got = await SendAsync("GET", "/v1/kv/raw");
        Assert.Equal(AllBytes, got.Bytes);
        Assert.Equal("application/octet-stream", got.ContentHeaders.ContentType!.MediaType);
        Assert.Equal(put.Header("ETag"), got.Header("ETag"));
        Assert.Equal(DictionaryNode.Leader, got.Header("Kvorum-Leader"));
        Assert.Equal(("3", "7", "majority"), (
            got.Header("Kvorum-Partition"), got.Header("Kvorum-Epoch"), got.Header("Kvorum-Ack")));
        Assert.Equal($"\"{got.Header("Kvorum-Version")}\"", got.Header("ETag"));

        var json = await SendAsync("GET", "/v1/kv/raw", null, ("Accept", "application/json"));
        Assert.Equal(Convert.ToBase64String(AllBytes), json.Json.GetProperty("value_base64").GetString());

        var head = await SendAsync("HEAD", "/v1/kv/raw");
        Assert.Equal((200, 256L, 0), (head.Status, head.ContentHeaders.ContentLength, head.Bytes.Length));

        Assert.Equal(200, (await SendAsync("DELETE", "/v1/kv/raw")).Status);
        Assert.Equal(404, (await SendAsync("GET", "/v1/kv/raw")).Status);
        Assert.Equal(404, (await SendAsync("HEAD", "/v1/kv/raw")).Status);
        Assert.Equal(200, (await SendAsync("DELETE", "/v1/kv/raw")).Status);
    }

    [Fact]
    public async Task An_empty_value_is_not_an_absence()
    {
        await SendAsync("PUT", "/v1/kv/empty", []);
        var got = await SendAsync("GET", "/v1/kv/empty");
        Assert.Equal((200, 0), (got.Status, got.Bytes.Length));
    }

    [Theory]
    [InlineData("a%2Fb", "a/b")]
    [InlineData("a/b", "a/b")]
    [InlineData("a//b/", "a//b/")]
    [InlineData("a+b", "a+b")]
    [InlineData("%20a%20", " a ")]
    [InlineData("..", "..")]
    [InlineData("../x", "../x")]
    [InlineData("%2E%2E", "..")]
    [InlineData("a/../../b", "a/../../b")]
    [InlineData("%25", "%")]
    [InlineData("key", "key")]
    [InlineData("a%3Fb", "a?b")]
    [InlineData("%7B%7D", "{}")]
    [InlineData("%D0%BA", "к")]
    public async Task Path_keys_are_exact(string escaped, string key)
    {
        await SendAsync("PUT", $"/v1/kv/{escaped}", Encoding.UTF8.GetBytes(key + "!"));
        Assert.Equal(key, Encoding.UTF8.GetString(Node.Seen[^1].Key.Span));
        Assert.Equal(key + "!", (await SendAsync("GET", $"/v1/kv/{escaped}")).Text);
        var json = await SendAsync("GET", $"/kv/get?key={Uri.EscapeDataString(key)}");
        Assert.Equal(key + "!", json.Json.GetProperty("value").GetString());
    }

    [Fact]
    public async Task Every_byte_but_zero_can_be_in_a_path_and_every_byte_in_base64()
    {
        var escaped = string.Concat(AllBytes.Skip(1).Select(static b => $"%{b:X2}"));
        await SendAsync("PUT", $"/v1/kv/{escaped}", [1]);
        Assert.Equal(AllBytes[1..], Node.Seen[^1].Key.ToArray());
        var base64 = Uri.EscapeDataString(Convert.ToBase64String(AllBytes));
        await SendAsync("PUT", $"/v1/kv?key_base64={base64}", [2]);
        Assert.Equal(AllBytes, Node.Seen[^1].Key.ToArray());
    }

    [Fact]
    public async Task A_key_at_its_limit_fits_even_if_all_of_it_is_escaped()
    {
        var escaped = string.Concat(Enumerable.Repeat("%FF", Limits.KeyBytesMax));
        Assert.Equal(200, (await SendAsync("PUT", $"/v1/kv/{escaped}", [1])).Status);
        var over = await SendAsync("PUT", $"/v1/kv/{escaped}%FF", [1]);
        Assert.Equal(400, over.Status);
        Assert.Contains("4096", over.Message);
    }

    [Fact]
    public async Task A_version_makes_a_condition()
    {
        var first = await SendAsync("PUT", "/v1/kv/cas", [1], ("If-None-Match", "*"));
        Assert.Equal(200, first.Status);
        Assert.Equal(412, (await SendAsync("PUT", "/v1/kv/cas", [2], ("If-None-Match", "*"))).Status);
        var failed = await SendAsync("PUT", "/v1/kv/cas", [2], ("If-Match", "\"999999\""));
        Assert.Equal(412, failed.Status);
        Assert.Equal(first.Header("Kvorum-Version"), failed.Json.GetProperty("version").GetRawText());
        var second = await SendAsync("PUT", "/v1/kv/cas", [2], ("If-Match", first.Header("ETag")));
        Assert.Equal(200, second.Status);
        Assert.Equal(412, (await SendAsync("DELETE", "/v1/kv/cas?if_version=999999")).Status);
        var got = await SendAsync("GET", "/v1/kv/cas");
        var same = await SendAsync("GET", "/v1/kv/cas", null, ("If-None-Match", got.Header("ETag")));
        Assert.Equal(304, same.Status);
        Assert.Equal(200, (await SendAsync("GET", "/v1/kv/cas", null, ("If-None-Match", "\"1\""))).Status);
    }

    [Fact]
    public async Task A_client_is_named_once()
    {
        var answer = await SendAsync("PUT", "/v1/kv/two?client_id=a", [1], ("Kvorum-Client-Id", "b"));
        Assert.Equal(400, answer.Status);
        answer = await SendAsync("PUT", "/v1/kv/two", [1], ("Kvorum-Request-Id", "one"));
        Assert.Equal(400, answer.Status);
        Assert.Equal(404, (await SendAsync("GET", "/v1/kv/two")).Status);
    }

    [Fact]
    public async Task Options_come_as_headers_or_parameters()
    {
        await SendAsync("PUT", "/v1/kv/opt?ttl_ms=9", [1],
            ("Kvorum-Client-Id", "c"), ("Kvorum-Request-Id", "4"));
        var put = Assert.IsType<PutRequest>(Node.Seen[^1]);
        Assert.Equal(("c", 4ul, 9ul), (put.ClientId, put.RequestId, put.TtlMs));
        var again = await SendAsync("PUT", "/v1/kv/opt?client_id=c&request_id=4", [2]);
        Assert.True(again.Json.GetProperty("replayed").GetBoolean());
        var previous = await SendAsync("PUT", "/v1/kv/opt?return_previous=true", [0xFF]);
        Assert.Equal("\u0001", previous.Json.GetProperty("previous").GetString());
        previous = await SendAsync("DELETE", "/v1/kv/opt?return_previous=true");
        Assert.Equal("/w==", previous.Json.GetProperty("previous_base64").GetString());
    }

    [Theory]
    [InlineData("\u00c3\u00a9", "\u00e9")] // One character for each byte.
    [InlineData("\u00e2\u0082\u00ac", "\u20ac")]
    public async Task A_client_id_in_a_header_is_utf8(string bytes, string clientId)
    {
        var answer = await PutWithClientAsync(bytes);
        Assert.StartsWith("HTTP/1.1 200", answer);
        Assert.Equal(clientId, Assert.IsType<PutRequest>(Node.Seen[^1]).ClientId);
    }

    [Fact]
    public async Task A_client_id_that_is_not_utf8_is_refused()
    {
        var seen = Node.Seen.Count;
        foreach (var id in new[] { "caf\u00e9", "caf\u00e8" })
        {
            var answer = await PutWithClientAsync(id);
            Assert.StartsWith("HTTP/1.1 400", answer);
            Assert.Contains($"Kvorum-Client-Id is not UTF-8: byte 0x{(int)id[3]:x2} at position 3", answer);
        }

        var inQuery = await SendAsync("PUT", "/v1/kv/text?client_id=a%FF", [1]);
        Assert.Contains("client_id is not UTF-8: byte 0xff at position 1", inQuery.Message);
        Assert.Equal(seen, Node.Seen.Count);
    }

    [Fact]
    public async Task A_value_over_the_limit_is_refused_with_and_without_announcement()
    {
        Assert.Equal(200, (await SendAsync("PUT", "/v1/kv/big", new byte[HttpFixture.ValueBytesMax])).Status);
        var over = await SendAsync("PUT", "/v1/kv/big", new byte[HttpFixture.ValueBytesMax + 1]);
        Assert.Equal(413, over.Status);
        Assert.Contains($"{HttpFixture.ValueBytesMax} bytes", over.Message);

        using var chunked = new HttpRequestMessage(
            HttpMethod.Put, $"http://{Fixture.Server.EndPoint}/v1/kv/big")
        {
            Content = new StreamContent(new MemoryStream(new byte[HttpFixture.ValueBytesMax + 1])),
        };
        chunked.Headers.TransferEncodingChunked = true;
        using var response = await Fixture.Client.SendAsync(chunked, TestContext.Current.CancellationToken);
        Assert.Equal(413, (int)response.StatusCode);
    }

    [Fact]
    public async Task Without_key_nothing_is_done()
    {
        foreach (var target in new[] { "/v1/kv/", "/v1/kv", "/v1/kv?key_base64=" })
        {
            // GET /v1/kv is a scan; the slash says that a key was meant.
            foreach (var method in new[] { "PUT", "GET", "DELETE" }
                .Where(method => (method, target) != ("GET", "/v1/kv")))
                Assert.Equal(400, (await SendAsync(method, target, method == "PUT" ? [1] : null)).Status);
        }

        Assert.Equal(400, (await SendAsync("GET", "/v1/kv/%zz")).Status);
    }

    [Theory]
    [InlineData("GET http://kvorum.example/v1/kv/proxied HTTP/1.1", "404")]
    [InlineData("GET /v1/kv/%00 HTTP/1.1", "400")]
    [InlineData("GET /v1/kv/\u00e9 HTTP/1.1", "400")]
    [InlineData("GET /v1/kv/a b HTTP/1.1", "400")]
    [InlineData("TRACE /v1/kv/a HTTP/1.1", "405")]
    public async Task Odd_request_lines_get_an_answer(string line, string status)
    {
        var answer = await RawAsync($"{line}\nHost: kvorum.example\nConnection: close\n\n");
        Assert.StartsWith($"HTTP/1.1 {status}", answer);
    }

    private Task<string> PutWithClientAsync(string clientId) => RawAsync(
        "PUT /v1/kv/text HTTP/1.1\nHost: 127.0.0.1\nConnection: close\nContent-Length: 1\n"
        + $"Kvorum-Request-Id: 1\nKvorum-Client-Id: {clientId}\n\nx");
}
