using System.Text;

namespace Kvorum.Tests.Server.Http;

/// <summary>
/// What cannot be read is the client's fault, and nothing happened; what would be passed over is refused by
/// name.
/// </summary>
public class StrictRequestTests(HttpFixture fixture) : HttpTest(fixture)
{
    [Theory]
    [InlineData("NaNs")]
    [InlineData("NaN")]
    [InlineData("nanms")]
    [InlineData("Infinitys")]
    [InlineData("-Infinitym")]
    [InlineData("\u221es")]
    [InlineData("1e400s")]
    [InlineData("-1s")]
    [InlineData("+1s")]
    [InlineData("0x10s")]
    [InlineData("1,5s")]
    [InlineData("1 s")]
    [InlineData(" 1s")]
    [InlineData("1s ")]
    [InlineData(".s")]
    [InlineData("s")]
    [InlineData("")]
    [InlineData("\u0661s")]
    [InlineData("0.0000001s")]
    [InlineData("99999999999999999999999999999999999999999999999999s")]
    public async Task A_timeout_that_is_none_is_refused(string timeout)
    {
        var escaped = Uri.EscapeDataString(timeout);
        foreach (var (method, target, body) in new (string, string, byte[]?)[]
        {
            ("GET", "/kv/get?key=a&timeout=", null), ("PUT", "/v1/kv/a?timeout=", [1]),
            ("POST", "/kv/set?timeout=", """{"key":"a","value":"b"}"""u8.ToArray()), ("GET",
                "/v1/kv?timeout=", null),
            ("POST", "/kv/delete?key=a&timeout=", null), ("DELETE", "/v1/kv/a?timeout=", null),
        })
            await RefusedAsync(method, target + escaped, body, 400, "timeout");
    }

    [Theory]
    [InlineData("request_id")]
    [InlineData("if_version")]
    [InlineData("ttl_ms")]
    public async Task A_number_that_is_none_is_refused(string name)
    {
        foreach (var number in new[] { "", "-1", "+1", "1.0", "1e3", "0x1", " 1", "NaN",
            "18446744073709551616", "\u0661" })
            await RefusedAsync("PUT", $"/v1/kv/a?{name}={Uri.EscapeDataString(number)}", [1], 400, "number");
    }

    /// <summary>Whatever stands in a query, the answer is no fault of the server's.</summary>
    [Fact]
    public async Task Any_query_gets_an_answer_below_500()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        string[] names = ["key", "key_base64", "keyspace", "timeout", "consistency", "encoding",
            "no_redirect", "x", ""];
        string[] parts = ["%", "%f", "%ff", "%00", "%C3%A9", "+", "=", "&", "NaN", "-", "1", "s", "\"", "'",
            ";", "%EF%BF%BD"];
        for (var i = 0; i < 500; i++)
        {
            var query = new StringBuilder();
            for (var pairs = random.Next(4); pairs >= 0; pairs--)
            {
                query.Append(names[random.Next(names.Length)]).Append('=');
                for (var length = random.Next(4); length > 0; length--)
                    query.Append(parts[random.Next(parts.Length)]);
                query.Append('&');
            }

            var answer = await SendAsync("GET", $"/kv/get?{query}");
            Assert.True(answer.Status is 200 or 400 or 404,
                $"seed {seed}: {query}: {answer.Status} {answer.Text}");
        }
    }

    /// <summary>RFC 9112, 7.1: a recipient must anticipate chunk sizes that no number of its own
    /// holds.</summary>
    [Theory]
    [InlineData("FFFFFFFFFFFFFFFF\nx\n0\n\n", false)]
    [InlineData("FFFFFFFF\nx\n0\n\n", false)]
    [InlineData("7FFFFFFF\nx\n0\n\n", true)]
    [InlineData("80000000\nx\n0\n\n", false)]
    [InlineData("10000000000000001\nx\n0\n\n", false)]
    [InlineData("-1\nx\n0\n\n", false)]
    [InlineData("0x1\nx\n0\n\n", false)]
    [InlineData("G\nx\n0\n\n", false)]
    [InlineData("\nx\n0\n\n", false)]
    [InlineData("1 \nx\n0\n\n", false)]
    [InlineData("1\nxy\n0\n\n", false)]
    [InlineData("2\nx\n0\n\n", false)]
    [InlineData("1\nx\n", true)]
    [InlineData("5\nx", true)]
    public async Task A_malformed_chunk_is_the_clients_fault(string chunks, bool isCut)
    {
        var seen = Node.Seen.Count;
        foreach (var line in new[] { "PUT /v1/kv/chunk", "POST /kv/set", "DELETE /v1/kv/chunk",
            "POST /kv/delete?key=chunk" })
        {
            var answer = await RawAsync(
                $"{line} HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n"
                + $"Transfer-Encoding: chunked\n\n{chunks}",
                closeOutput: isCut);
            // A client that ends in the middle has gone, and may get no answer.
            Assert.True(answer.StartsWith("HTTP/1.1 4", StringComparison.Ordinal) || (isCut
                && answer.Length == 0));
            Assert.DoesNotContain("\"indeterminate\":true", answer);
        }

        Assert.Equal(seen, Node.Seen.Count);
    }

    [Theory]
    [InlineData("Content-Length: 5\n\nabc", true)]
    [InlineData("Content-Length: -1\n\nabc", false)]
    [InlineData("Content-Length: 99999999999999999999\n\nabc", false)]
    [InlineData("Content-Length: 3\nContent-Length: 4\n\nabc", false)]
    [InlineData("Content-Length: 3, 3\n\nabc", false)]
    [InlineData("Content-Length: 0x3\n\nabc", false)]
    [InlineData("Content-Length: 3\nTransfer-Encoding: gzip\n\nabc", false)]
    [InlineData("Transfer-Encoding: gzip, chunked\n\n3\nabc\n0\n\n", false)]
    [InlineData("\nabc", false)]
    public async Task A_length_that_is_a_lie_is_the_clients_fault(string rest, bool closeOutput)
    {
        var seen = Node.Seen.Count;
        var answer = await RawAsync(
            $"POST /kv/set HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n{rest}", closeOutput);
        Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 4", StringComparison.Ordinal), answer);
        Assert.DoesNotContain("\"indeterminate\":true", answer);
        Assert.Equal(seen, Node.Seen.Count);
    }

    [Theory]
    [InlineData("""{"key":"a","value":"b","key":"c"}""", "'key' is given twice")]
    [InlineData("""{"key":"a","value":"b","k\u0065y":"c"}""", "'key' is given twice")]
    [InlineData("""{"key":"a","value":"b","if_version":1,"if_version":2}""", "'if_version' is given twice")]
    [InlineData("""{"key":"a","value":"b","if_version":null,"if_version":2}""",
        "'if_version' is given twice")]
    [InlineData("""{"key":"a","value":"b","no_redirect":true,"no_redirect":false}""",
        "'no_redirect' is given twice")]
    [InlineData("""{"key":"a","value":"b","Key":"c"}""", "no member 'Key' here")]
    [InlineData("""{"key":"a","value":"b","ifVersion":1}""", "no member 'ifVersion' here")]
    [InlineData("""{"key":"a","value":"b","if_version":"1"}""", "'if_version' is a number")]
    [InlineData("""{"key":"a","value":"b","if_version":1.5}""", "'if_version' is a number")]
    [InlineData("""{"key":"a","value":"b","if_version":1e3}""", "'if_version' is a number")]
    [InlineData("""{"key":"a","value":"b","ttl_ms":18446744073709551616}""", "'ttl_ms' is a number")]
    [InlineData("""{"key":"a","value":"b","no_redirect":"yes"}""", "'no_redirect' is true or false")]
    [InlineData("""{"key":["a"],"value":"b"}""", "'key' is a string")]
    [InlineData("""{"key":"a","value":"b"} {}""", "no JSON")]
    [InlineData("""{"key":"a","value":"b",}""", "no JSON")]
    [InlineData("""{"key":"a" /* c */,"value":"b"}""", "no JSON")]
    [InlineData("""{"key_base64":"YQ ==","value":"b"}""", "key_base64 is not base64")]
    public Task A_body_is_taken_whole_or_not_at_all(string body, string says) =>
        RefusedAsync("POST", "/kv/set", Encoding.UTF8.GetBytes(body), 400, says);

    [Fact]
    public async Task What_is_unknown_is_repeated_only_in_part()
    {
        var huge = new string('x', 50_000);
        await RefusedAsync(
            "POST", "/kv/set", Encoding.UTF8.GetBytes($$"""{"{{huge}}":1}"""), 400, "xxx...'");
        await RefusedAsync("POST", "/kv/set", Encoding.UTF8.GetBytes(
            $$"""{"key":"a","value":"b","encoding":"{{huge}}"}"""), 400, "xxx...'");
        await RefusedAsync("GET", $"/kv/get?key=a&{huge[..5000]}=1", null, 400, "xxx...'");
        await RefusedAsync("GET", $"/kv/get?key=a&consistency={huge[..5000]}", null, 400, "xxx...'");
        await RefusedAsync("GET", $"/kv/get?key=a&timeout={huge[..5000]}", null, 400, "xxx...'");
        await RefusedAsync("GET", $"/{huge[..5000]}", null, 404, "xxx...");
        await RefusedAsync("PUT", "/v1/kv/a", [1], 400, "xxx...'", ("Kvorum-" + huge[..5000], "1"));
    }

    [Theory]
    [InlineData("PUT", "/v1/kv/a?key_base64=YQ")]
    [InlineData("GET", "/v1/kv/a?key_base64=YQ")]
    [InlineData("HEAD", "/v1/kv/a?key_base64=YQ")]
    [InlineData("DELETE", "/v1/kv/a?key_base64=YQ")]
    [InlineData("PUT", "/v1/kv/?key_base64=YQ")]
    [InlineData("GET", "/v1/kv/?key_base64=YQ")]
    [InlineData("PUT", "/v1/kv/a?key_base64=YQ&key_base64=YQ")]
    public Task A_key_is_given_once(string method, string target) =>
        RefusedAsync(method, target, method == "PUT" ? [1] : null, 400, "");

    [Theory]
    [InlineData("POST", "/KV/set")]
    [InlineData("POST", "/kv/Set")]
    [InlineData("POST", "/kv/set/")]
    [InlineData("POST", "/kv//set")]
    [InlineData("POST", "/kv/./set")]
    [InlineData("POST", "/x/../kv/set")]
    [InlineData("POST", "/kv/%73et")]
    [InlineData("PUT", "/V1/kv/a")]
    [InlineData("PUT", "/v1/KV/a?key_base64=YQ")]
    [InlineData("PUT", "/v1/%6bv/a?key_base64=YQ")]
    [InlineData("PUT", "/v1/kv%2Fa?key_base64=YQ")]
    [InlineData("DELETE", "/V1/KV?key_base64=YQ")]
    [InlineData("GET", "/Health")]
    [InlineData("GET", "/health/")]
    [InlineData("GET", "/kv/get/a?key=a")]
    public Task A_path_is_spelt_in_one_way(string method, string target) => RefusedAsync(
        method, target, method == "POST" ? """{"key":"a","value":"b"}"""u8.ToArray() : method == "PUT" ? [1]
            : null,
        404, "");

    [Fact]
    public async Task A_part_of_a_value_is_not_stored_as_a_value()
    {
        await RefusedBodyAsync("Content-Range: bytes 0-0/9", 400, "Content-Range");
        await RefusedBodyAsync("Content-Encoding: gzip", 415, "Content-Encoding");
        await RefusedBodyAsync("Transfer-Encoding: gzip, chunked", 400, "Transfer-Encoding");
        var answer = await RawAsync("PUT /v1/kv/whole HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n"
            + "Content-Encoding: identity\nContent-Length: 1\n\nx");
        Assert.StartsWith("HTTP/1.1 200", answer);
    }

    [Fact]
    public async Task A_body_that_nobody_reads_is_refused()
    {
        var body = """{"if_version":7}"""u8.ToArray();
        await RefusedAsync("POST", "/kv/delete?key=a", body, 400, "takes no body");
        await RefusedAsync("DELETE", "/kv/delete?key=a", body, 400, "takes no body");
        await RefusedAsync("DELETE", "/v1/kv/a", body, 400, "takes no body");
        Assert.Equal(200, (await SendAsync("POST", "/kv/delete?key=a", [])).Status);
        var empty = await RawAsync("DELETE /v1/kv/a HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n"
            + "Transfer-Encoding: chunked\n\n0\n\n");
        Assert.StartsWith("HTTP/1.1 200", empty);
    }

    [Theory]
    [InlineData("POST", "/kv/set", "Kvorum-Client-Id")]
    [InlineData("POST", "/kv/delete?key=a", "Kvorum-Request-Id")]
    [InlineData("PUT", "/v1/kv/a", "Kvorum-ClientId")]
    [InlineData("DELETE", "/v1/kv/a", "Kvorum-If-Version")]
    [InlineData("GET", "/v1/kv/a", "Kvorum-Consistency")]
    public Task A_header_of_ours_that_a_route_does_not_know_is_refused(string method, string target,
        string name) =>
        RefusedAsync(method, target, method is "PUT" or "POST" ? [] : null, 400, $"no header '{name}' here",
            (name, "1"));

    private async Task RefusedBodyAsync(string header, int status, string says)
    {
        var seen = Node.Seen.Count;
        foreach (var line in new[] { "PUT /v1/kv/whole", "POST /kv/set" })
        {
            var answer = await RawAsync(
                $"{line} HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n{header}\n"
                + (header.StartsWith("Transfer", StringComparison.Ordinal)
                    ? "\n1\nx\n0\n\n"
                    : "Content-Length: 1\n\nx"));
            Assert.StartsWith($"HTTP/1.1 {status} ", answer);
            Assert.Contains(says, answer);
        }

        Assert.Equal(seen, Node.Seen.Count);
    }

    private async Task RefusedAsync(
        string method, string target, byte[]? body, int status, string says, params (string,
            string)[] headers)
    {
        var seen = Node.Seen.Count;
        var answer = await SendAsync(method, target, body, headers);
        Assert.Equal(status, answer.Status);
        if (method != "HEAD")
        {
            Assert.Contains(says, answer.Message);
            Assert.InRange(answer.Bytes.Length, 1, 1000);
            Assert.False(answer.Json.GetProperty("indeterminate").GetBoolean());
            Assert.Equal("never", answer.Member("retry"));
        }

        Assert.Equal(seen, Node.Seen.Count);
    }
}
