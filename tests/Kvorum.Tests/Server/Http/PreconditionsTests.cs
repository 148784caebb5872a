namespace Kvorum.Tests.Server.Http;

/// <summary>Conditional requests, by the sections of RFC 9110. V stands for the key's version.</summary>
public class PreconditionsTests(HttpFixture fixture) : HttpTest(fixture)
{
    [Theory]
    // 13.1.1 If-Match: "*" holds if there is a representation; a tag by strong comparison.
    [InlineData("PUT", true, "*", "", 200)]
    [InlineData("PUT", false, "*", "", 412)]
    [InlineData("DELETE", true, "*", "", 200)]
    [InlineData("DELETE", false, "*", "", 412)]
    [InlineData("PUT", true, "\"V\"", "", 200)]
    [InlineData("PUT", true, "\"0\"", "", 412)]
    [InlineData("PUT", false, "\"0\"", "", 412)] // 0 is no version: an absent key has no tag.
    [InlineData("PUT", true, "\"0V\"", "", 412)] // Tags are compared letter by letter.
    [InlineData("PUT", true, "\"x\"", "", 412)]
    [InlineData("PUT", true, "\"999999\", \"V\"", "", 200)]
    [InlineData("PUT", true, " , \"999999\" ,, \"V\" ,", "", 200)] // 5.6.1.2: empty elements.
    [InlineData("PUT", true, "\"a,b\", \"V\"", "", 200)] // 8.8.3: a comma is of a tag's characters.
    [InlineData("PUT", true, "\"999998\", \"999999\"", "", 412)]
    [InlineData("PUT", true, "W/\"V\"", "", 412)]
    [InlineData("PUT", true, "W/\"V\", \"V\"", "", 200)]
    [InlineData("DELETE", true, "\"999999\", \"V\"", "", 200)]
    [InlineData("DELETE", false, "\"999999\", \"5\"", "", 412)]
    // 13.1.2 If-None-Match: "*" holds if there is none; a tag by weak comparison.
    [InlineData("PUT", false, "", "*", 200)]
    [InlineData("PUT", true, "", "*", 412)]
    [InlineData("DELETE", true, "", "*", 412)]
    [InlineData("PUT", true, "", "\"V\"", 412)]
    [InlineData("PUT", true, "", "W/\"V\"", 412)]
    [InlineData("PUT", true, "", "\"999999\"", 200)]
    [InlineData("PUT", true, "", "\"999999\", W/\"V\"", 412)]
    [InlineData("PUT", false, "", "\"999999\"", 200)]
    [InlineData("GET", true, "", "\"V\"", 304)]
    [InlineData("GET", true, "", "W/\"V\"", 304)]
    [InlineData("GET", true, "", "*", 304)]
    [InlineData("GET", true, "", "\"999999\", \"V\"", 304)]
    [InlineData("GET", true, "", "\"999999\"", 200)]
    [InlineData("HEAD", true, "", "\"V\"", 304)]
    [InlineData("HEAD", true, "", "\"999999\"", 200)]
    [InlineData("GET", true, "\"V\"", "", 200)]
    [InlineData("GET", true, "*", "", 200)]
    [InlineData("GET", true, "W/\"V\"", "", 412)]
    [InlineData("GET", true, "\"999999\"", "", 412)]
    [InlineData("HEAD", true, "\"999999\"", "", 412)]
    // 13.2.1: conditions do not count where the answer is no success without them.
    [InlineData("GET", false, "\"V\"", "", 404)]
    [InlineData("GET", false, "", "*", 404)]
    // 13.2.2: If-Match is looked at first.
    [InlineData("PUT", true, "\"V\"", "\"999999\"", 200)]
    [InlineData("PUT", true, "\"V\"", "\"V\"", 412)]
    [InlineData("GET", true, "\"999999\"", "\"V\"", 412)]
    [InlineData("GET", true, "\"V\"", "\"V\"", 304)]
    // What is no list of tags.
    [InlineData("PUT", true, "V", "", 400)]
    [InlineData("PUT", true, "\"V", "", 400)]
    [InlineData("PUT", true, "w/\"V\"", "", 400)]
    [InlineData("PUT", true, "\"V\" \"V\"", "", 400)]
    [InlineData("PUT", true, "*, \"V\"", "", 400)]
    [InlineData("PUT", true, ",", "", 400)]
    [InlineData("GET", true, "", "V", 400)]
    public async Task A_condition_is_held_against_the_version(
        string method, bool exists, string match, string noneMatch, int status)
    {
        await SendAsync("DELETE", "/v1/kv/condition");
        var version = exists
            ? (await SendAsync("PUT", "/v1/kv/condition", [1])).Header("Kvorum-Version")
            : "5";
        List<(string, string)> headers = [];
        if (match.Length > 0)
            headers.Add(("If-Match", match.Replace("V", version, StringComparison.Ordinal)));
        if (noneMatch.Length > 0)
            headers.Add(("If-None-Match", noneMatch.Replace("V", version, StringComparison.Ordinal)));
        var answer = await SendAsync(method, "/v1/kv/condition", method == "PUT" ? [2] : null, [.. headers]);
        Assert.Equal(status, answer.Status);

        if (method is "GET" or "HEAD" && exists && status is 200 or 304)
            Assert.Equal($"\"{version}\"", answer.Header("ETag"));
        if (status == 304)
            Assert.Empty(answer.Bytes);
        if (status == 412 && method != "HEAD")
            Assert.Equal(exists ? version : "0", answer.Json.GetProperty("version").GetRawText());
        var left = await SendAsync("GET", "/v1/kv/condition");
        var isChanged = status == 200 && method is "PUT" or "DELETE";
        var isThere = isChanged && status == 200 ? method == "PUT" : exists;
        Assert.Equal(isThere ? 200 : 404, left.Status);
        if (isThere)
            Assert.Equal(status == 200 && method == "PUT" ? 2 : 1, left.Bytes.Single());
    }

    /// <summary>8.8.3.3: two representations never share a strong tag.</summary>
    [Fact]
    public async Task Json_has_a_weak_tag()
    {
        var put = await SendAsync("PUT", "/v1/kv/weak", [1]);
        var weak = $"W/{put.Header("ETag")}";
        foreach (var (target, accept) in new[]
        {
            ("/v1/kv/weak", "application/json"), ("/kv/get?key=weak", "*/*"),
        })
        {
            Assert.Equal(weak, (await SendAsync("GET", target, null, ("Accept", accept))).Header("ETag"));
            var same = await SendAsync("GET", target, null, ("Accept", accept), ("If-None-Match", weak));
            Assert.Equal((304, 0), (same.Status, same.Bytes.Length));
            Assert.Equal(weak, same.Header("ETag"));
            var strong = await SendAsync(
                "GET", target, null, ("Accept", accept), ("If-Match", put.Header("ETag")));
            Assert.Equal(412, strong.Status);
            Assert.Equal(
                200, (await SendAsync("GET", target, null, ("Accept", accept), ("If-Match", "*"))).Status);
        }
    }

    /// <summary>The first attempt's record would answer the second.</summary>
    [Theory]
    [InlineData("If-Match", "*", 400)]
    [InlineData("If-Match", "\"1\", \"2\"", 400)]
    [InlineData("If-Match", "W/\"1\"", 400)]
    [InlineData("If-None-Match", "\"1\"", 400)]
    [InlineData("If-Match", "\"999999\"", 412)]
    [InlineData("If-None-Match", "*", 200)]
    public async Task With_a_client_id_a_condition_is_one_version(string header, string value, int status)
    {
        var seen = Node.Seen.Count;
        await SendAsync("DELETE", "/v1/kv/once");
        var answer = await SendAsync("PUT", "/v1/kv/once", [1],
            (header, value), ("Kvorum-Client-Id", $"{header}{value}"), ("Kvorum-Request-Id", "1"));
        Assert.Equal(status, answer.Status);
        Assert.Equal(status == 400 ? seen + 1 : seen + 2, Node.Seen.Count);
    }

    [Fact]
    public async Task A_list_is_atomic_with_the_write()
    {
        await SendAsync("PUT", "/v1/kv/race", [0]);
        var writers = Enumerable.Range(0, 8).Select(async writer =>
        {
            for (var i = 0; i < 5; i++)
            {
                var present = await SendAsync("GET", "/v1/kv/race");
                var answer = await SendAsync("PUT", "/v1/kv/race", [(byte)(present.Bytes[0] + 1)],
                    ("If-Match", $"\"999999\", {present.Header("ETag")}"));
                if (answer.Status == 200)
                    return 1;
                Assert.Equal(412, answer.Status);
            }

            return 0;
        });
        var done = (await Task.WhenAll(writers)).Sum();
        Assert.InRange(done, 1, 8);
        Assert.Equal(done, (await SendAsync("GET", "/v1/kv/race")).Bytes[0]); // No increment is lost.
    }

    [Fact]
    public async Task If_version_and_a_header_are_one_too_many()
    {
        var answer = await SendAsync("PUT", "/v1/kv/two?if_version=1", [1], ("If-Match", "\"1\""));
        Assert.Equal(400, answer.Status);
    }

    /// <summary>They would be passed over, and a write that was meant to be conditional would not
    /// be.</summary>
    [Fact]
    public async Task Routes_without_conditions_refuse_them()
    {
        var seen = Node.Seen.Count;
        var set = await SendAsync(
            "POST", "/kv/set", """{"key":"a","value":"b"}"""u8.ToArray(), ("If-Match", "\"1\""));
        Assert.Equal((400, true), (set.Status, set.Message.Contains("If-Match", StringComparison.Ordinal)));
        Assert.Equal(400, (await SendAsync("POST", "/kv/delete?key=a", null, ("If-None-Match", "*"))).Status);
        Assert.Equal(seen, Node.Seen.Count);
    }
}
