using System.Text.Json;
using Kvorum.Protocol;

namespace Kvorum.Tests.Server.Http;

public class ScanRouteTests(HttpFixture fixture) : HttpTest(fixture)
{
    [Fact]
    public async Task Pages_follow_each_other_by_their_tokens()
    {
        for (var i = 0; i < 5; i++)
            await SendAsync("PUT", $"/v1/kv/page%2F{i}", [(byte)('0' + i)]);
        var first = (await SendAsync("GET", "/v1/kv?prefix=page%2F&limit=3")).Json;
        Assert.Equal(["page/0=0", "page/1=1", "page/2=2"], Entries(first));
        Assert.True(first.GetProperty("more").GetBoolean());
        Assert.Equal("majority", first.GetProperty("ack").GetString());
        var token = first.GetProperty("token").GetString();
        var second = (await SendAsync("GET", $"/v1/kv?prefix=page%2F&limit=3&token={token}")).Json;
        Assert.Equal(["page/3=3", "page/4=4"], Entries(second));
        Assert.False(second.GetProperty("more").GetBoolean());
        Assert.False(second.TryGetProperty("token", out _));

        var back = (await SendAsync("GET", "/v1/kv?from=page%2F1&end=page%2F3&reverse=true&keys_only")).Json;
        Assert.Equal(["page/2=", "page/1="], Entries(back));
        var scan = Assert.IsType<ScanRequest>(Node.Seen[^1]);
        Assert.True(scan is { Reverse: true, KeysOnly: true });
    }

    [Fact]
    public async Task Bytes_that_are_no_text_are_base64()
    {
        await SendAsync("PUT", "/v1/kv/bin%FF%01", [0xfe]);
        var entry = (await SendAsync("GET", "/v1/kv?prefix=bin%FF")).Json.GetProperty("entries")[0];
        Assert.Equal("Ymlu/wE=", entry.GetProperty("key_base64").GetString());
        Assert.Equal("/g==", entry.GetProperty("value_base64").GetString());
    }

    [Fact]
    public async Task Lines_are_the_whole_range_and_end_with_a_line_that_says_so()
    {
        for (var i = 0; i < 40; i++)
            await SendAsync("PUT", $"/v1/kv/line{i:00}", new byte[40_000]);
        var all = await LinesAsync("/v1/kv?prefix=line");
        Assert.Equal(
            Enumerable.Range(0, 40).Select(i => $"line{i:00}"),
            all[..^1].Select(line => line.GetProperty("key").GetString()));
        Assert.Equal("""{"more":false}""", all[^1].GetRawText());
        Assert.True(Node.Seen.OfType<ScanRequest>().Count(scan => !scan.Token.IsEmpty) >= 5, "in pages");

        var some = await LinesAsync("/v1/kv?prefix=line&limit=10");
        Assert.Equal(11, some.Length);
        Assert.True(some[^1].GetProperty("more").GetBoolean());
        var token = some[^1].GetProperty("token").GetString();
        Assert.Equal(31, (await LinesAsync($"/v1/kv?prefix=line&token={token}")).Length);
    }

    [Theory]
    [InlineData("?limit=-1", "limit")]
    [InlineData("?prefixx=a", "prefixx")]
    [InlineData("?token=a%20b", "base64url")]
    [InlineData("?token=AAAA", "damaged")]
    [InlineData("?from=b&end=a", "reversed")]
    [InlineData("?no_redirect=true", "no_redirect")]
    [InlineData("?key_base64=YQ&prefix=a", "prefix")]
    [InlineData("/", "empty")]
    public async Task What_makes_no_sense_is_refused(string target, string why)
    {
        var answer = await SendAsync("GET", "/v1/kv" + target);
        Assert.Equal((400, "invalid-argument"), (answer.Status, answer.Error));
        Assert.Contains(why, answer.Message, StringComparison.Ordinal);
        var lines = await SendAsync("GET", "/v1/kv" + target, null, ("Accept", "application/x-ndjson"));
        Assert.Equal(400, lines.Status);
    }

    private async Task<JsonElement[]> LinesAsync(string target)
    {
        var answer = await SendAsync("GET", target, null, ("Accept", "application/x-ndjson"));
        Assert.Equal("application/x-ndjson", answer.ContentHeaders.ContentType!.MediaType);
        return [.. answer.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement)];
    }

    private static IEnumerable<string> Entries(JsonElement page) =>
        page.GetProperty("entries").EnumerateArray()
        .Select(entry => entry.GetProperty("key").GetString() + "="
            + (entry.TryGetProperty("value", out var value) ? value.GetString() : ""));
}
