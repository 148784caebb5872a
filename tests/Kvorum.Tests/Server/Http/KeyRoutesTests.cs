using Kvorum.Protocol;
using Kvorum.Server;

namespace Kvorum.Tests.Server.Http;

public class KeyRoutesTests(HttpFixture fixture) : HttpTest(fixture)
{
    [Fact]
    public async Task Sets_gets_and_deletes()
    {
        var set = await SetAsync("""{"key":"user:1","value":"john_doe"}""");
        Assert.Equal(200, set.Status);
        Assert.True(set.Json.GetProperty("ok").GetBoolean());
        Assert.Equal("majority", set.Member("ack"));
        Assert.Equal(DictionaryNode.Leader, set.Member("leader"));

        var got = await SendAsync("GET", "/kv/get?key=user:1");
        Assert.Equal(200, got.Status);
        Assert.Equal("john_doe", got.Member("value"));
        Assert.Equal(set.Json.GetProperty(
            "version").GetUInt64(), got.Json.GetProperty("version").GetUInt64());

        Assert.Equal(200, (await SendAsync("POST", "/kv/delete?key=user:1")).Status);
        Assert.Equal(200, (await SendAsync("DELETE", "/kv/delete?key=user:1")).Status);
        var gone = await SendAsync("GET", "/kv/get?key=user:1");
        Assert.Equal(404, gone.Status);
        Assert.Equal("not-found", gone.Error);
    }

    [Fact]
    public async Task Json_has_letters_and_quotes_as_they_are()
    {
        await SetAsync("""{"key":"readable","value":"ключ's – 検証 <b>"}""");
        var got = await SendAsync("GET", "/kv/get?key=readable");
        Assert.True(got.IsJson);
        Assert.Contains("ключ's – 検証 <b>", got.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a b", "a%20b")]
    [InlineData("a b", "a+b")]
    [InlineData("a+b", "a%2Bb")]
    [InlineData(" padded ", "%20padded%20")]
    [InlineData("ключ/检证&=#?%", "%D0%BA%D0%BB%D1%8E%D1%87%2F%E6%A3%80%E8%AF%81%26%3D%23%3F%25")]
    [InlineData("../..", "../..")]
    public async Task Query_keys_are_exact(string key, string escaped)
    {
        await SetAsync(System.Text.Json.JsonSerializer.Serialize(new { key, value = "v" + key }));
        var got = await SendAsync("GET", $"/kv/get?key={escaped}");
        Assert.Equal("v" + key, got.Member("value"));
        Assert.Equal(key, got.Member("key"));
    }

    [Fact]
    public async Task Binary_keys_and_values_travel_as_base64()
    {
        byte[] key = [0, 255, 10, 32];
        byte[] value = [.. Enumerable.Range(0, 256).Select(static i => (byte)i)];
        var (key64, value64) = (Convert.ToBase64String(key), Convert.ToBase64String(value));
        var set = await SetAsync($$"""{"key_base64":"{{key64}}","value_base64":"{{value64}}"}""");
        Assert.Equal(200, set.Status);

        var got = await SendAsync("GET", "/kv/get?key=%00%FF%0A%20");
        Assert.Equal(value64, got.Member("value_base64"));
        Assert.Equal(key64, got.Member("key_base64"));
        Assert.False(got.Json.TryGetProperty("value", out _));

        var urlSafe = key64.Replace('+', '-').Replace('/', '_').TrimEnd('=');
        got = await SendAsync("GET", $"/kv/get?key_base64={urlSafe}");
        Assert.Equal(value64, got.Member("value_base64"));
        set = await SetAsync($$"""{"key":"{{key64}}","value":"AAE=","encoding":"base64"}""");
        Assert.Equal(200, set.Status);
        got = await SendAsync("GET", "/kv/get?key=%00%FF%0A%20&encoding=base64");
        Assert.Equal("AAE=", got.Member("value_base64"));
    }

    [Fact]
    public async Task Writes_carry_all_their_options()
    {
        await SetAsync(
            """
            {"key":"o","value":"1","client_id":"c","request_id":77,"ttl_ms":5000,"if_version":0,
             "return_previous":true,"no_redirect":true}
            """);
        var put = Assert.IsType<PutRequest>(Node.Seen[^1]);
        Assert.Equal(("c", 77ul, 5000ul, 0ul, true, true),
            (put.ClientId, put.RequestId, put.TtlMs, put.IfVersion, put.ReturnPrevious, put.NoRedirect));

        var second = await SetAsync("""{"key":"o","value":"2","return_previous":true}""");
        Assert.Equal("1", second.Member("previous"));
        Assert.True(second.Json.GetProperty("had_previous").GetBoolean());

        await SendAsync(
            "POST",
            "/kv/delete?key=o&client_id=c&request_id=78&if_version=9999&return_previous=true&no_redirect=true");
        var delete = Assert.IsType<DeleteRequest>(Node.Seen[^1]);
        Assert.Equal(("c", 78ul, 9999ul, true, true),
            (delete.ClientId, delete.RequestId, delete.IfVersion, delete.ReturnPrevious, delete.NoRedirect));
    }

    [Fact]
    public async Task A_repeated_request_is_told_as_such()
    {
        const string Body = """{"key":"once","value":"1","client_id":"c","request_id":5}""";
        Assert.False((await SetAsync(Body)).Json.GetProperty("replayed").GetBoolean());
        Assert.True((await SetAsync(Body)).Json.GetProperty("replayed").GetBoolean());
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("""{"key":"a"}""")]
    [InlineData("""{"value":"a"}""")]
    [InlineData("""{"key":1,"value":"a"}""")]
    [InlineData("""{"key":"","value":"a"}""")]
    [InlineData("""{"key":"a","value":"a","ttl":5}""")]
    [InlineData("""{"key":"a","value":"a","request_id":-1}""")]
    [InlineData("""{"key":"a","value":"a","value_base64":"AA=="}""")]
    [InlineData("""{"key":"a","value_base64":"A*"}""")]
    [InlineData("""{"key":"a","value":"\ud800"}""")]
    [InlineData("""{"key":"a","value":"a","encoding":"hex"}""")]
    public async Task Bad_bodies_are_refused_and_write_nothing(string body)
    {
        var before = Node.Seen.Count;
        var answer = await SetAsync(body);
        Assert.Equal(400, answer.Status);
        Assert.Equal("invalid-argument", answer.Error);
        Assert.NotEmpty(answer.Message);
        Assert.All(Node.Seen.Skip(before), static request => Assert.True(request.Key.IsEmpty));
    }

    /// <summary>Body in hexadecimal, and what the error says.</summary>
    [Theory]
    [InlineData("7B226B6579223A22FF227D", "the body is not UTF-8: byte 0xff at position 8")]
    [InlineData("7B22FF223A2261227D", "the body is not UTF-8: byte 0xff at position 2")]
    [InlineData("7B226B6579223A22EDA080227D", "the body is not UTF-8: byte 0xed at position 8")]
    public async Task A_body_that_is_not_utf8_is_refused(string hex, string says)
    {
        var seen = Node.Seen.Count;
        var answer = await SendAsync("POST", "/kv/set", Convert.FromHexString(hex));
        Assert.Equal(400, answer.Status);
        Assert.Contains(says, answer.Message);
        Assert.Equal(seen, Node.Seen.Count);
    }

    /// <summary>JSON's grammar has escapes that are no text.</summary>
    [Theory]
    [InlineData("""{"key":"\ud800","value":"a"}""", "'key' is no text: half a surrogate pair at byte 8")]
    [InlineData("""{"key":"ab\udc00","value":"a"}""", "'key' is no text: half a surrogate pair at byte 10")]
    [InlineData("""{"key":"\ud83d\ude00\ud83d","value":"a"}""", "pair at byte 20")]
    [InlineData("""{"key":"\ud83dx\ude00","value":"a"}""", "pair at byte 8")]
    [InlineData("""{"key":"\\ud800\n\ud800\ud800","value":"a"}""", "pair at byte 17")]
    [InlineData("""{"key":"a","value":"a","client_id":"\udfff"}""", "'client_id' is no text")]
    [InlineData("""{"key":"a","value":"a","keyspace":"\udfff"}""", "'keyspace' is no text")]
    [InlineData("""{"key":"a","value":"a","\udfff":"a"}""", "name is no text")]
    public async Task Half_a_surrogate_pair_is_refused(string body, string says)
    {
        var seen = Node.Seen.Count;
        var answer = await SetAsync(body);
        Assert.Equal(400, answer.Status);
        Assert.Contains(says, answer.Message);
        Assert.Equal(seen, Node.Seen.Count);
    }

    [Fact]
    public async Task Escapes_of_text_are_that_text()
    {
        var set = await SetAsync("""{"\u006bey":"\ud83d\ude00\u0000\n","value":"\ufffd\\u"}""");
        Assert.Equal(200, set.Status);
        var put = Assert.IsType<PutRequest>(Node.Seen[^1]);
        Assert.Equal("\U0001F600\0\n"u8.ToArray(), put.Key.ToArray());
        Assert.Equal("\ufffd\\u"u8.ToArray(), put.Value.ToArray());
    }

    [Theory]
    [InlineData("/kv/get", "key")]
    [InlineData("/kv/get?key=%zz", "%zz")]
    [InlineData("/kv/get?key=%4", "%4")]
    [InlineData("/kv/get?key=a&key=b", "twice")]
    [InlineData("/kv/get?key=a&key_base64=YQ", "both")]
    [InlineData("/kv/get?key_base64=*", "base64")]
    [InlineData("/kv/get?key=a&timout=1s", "timout")]
    [InlineData("/kv/get?key=a&timeout=1", "timeout")]
    [InlineData("/kv/get?key=a&timeout=0s", "timeout")]
    [InlineData("/kv/get?key=a&timeout=-1s", "timeout")]
    [InlineData("/kv/get?key=a&timeout=11m", "600")]
    [InlineData("/kv/get?key=a&timeout=1e3s", "timeout")]
    [InlineData("/kv/get?key=a&consistency=eventual", "eventual")]
    [InlineData("/kv/get?key=a&no_redirect=maybe", "maybe")]
    [InlineData("/kv/get?key=a&keyspace=a%FF", "keyspace is not UTF-8: byte 0xff at position 1")]
    [InlineData("/kv/get?key=a&%FE=1", "a parameter is not UTF-8: byte 0xfe at position 0")]
    [InlineData("/kv/get?key=", "empty")]
    public async Task Bad_queries_are_refused_with_the_offending_part(string target, string says)
    {
        var answer = await SendAsync("GET", target);
        Assert.Equal(400, answer.Status);
        Assert.Contains(says, answer.Message);
    }

    [Theory]
    [InlineData(ReplyStatus.InvalidArgument, 400, false)]
    [InlineData(ReplyStatus.UnknownKeyspace, 400, false)]
    [InlineData(ReplyStatus.ConditionFailed, 412, false)]
    [InlineData(ReplyStatus.NotLeader, 421, false)]
    [InlineData(ReplyStatus.Unavailable, 503, false)]
    [InlineData(ReplyStatus.Overloaded, 429, false)]
    [InlineData(ReplyStatus.DeadlineExceeded, 504, true)]
    [InlineData(ReplyStatus.OutcomeUnknown, 503, true)]
    [InlineData(ReplyStatus.SessionExpired, 409, false)]
    [InlineData(ReplyStatus.Cancelled, 499, true)]
    [InlineData(ReplyStatus.Internal, 500, true)]
    [InlineData(ReplyStatus.ShuttingDown, 503, false)]
    public async Task Every_status_has_its_answer(ReplyStatus status, int http, bool isIndeterminate)
    {
        var write = await SetAsync($$"""{"key":"status:{{status}}","value":"v"}""");
        Assert.Equal(http, write.Status);
        Assert.Equal("as programmed – « é »", write.Message);
        Assert.Equal(isIndeterminate, write.Json.GetProperty("indeterminate").GetBoolean());
        var never = http is 400 or 409 or 412;
        Assert.Equal(isIndeterminate ? "same-ids" : never ? "never" : "safe", write.Member("retry"));
        Assert.Equal(DictionaryNode.Leader, write.Header("Kvorum-Leader"));
        if (status is ReplyStatus.ConditionFailed or ReplyStatus.SessionExpired)
            return;
        var read = await SendAsync("GET", $"/kv/get?key=status:{status}");
        Assert.Equal(http, read.Status);
        Assert.False(read.Json.GetProperty("indeterminate").GetBoolean());
        Assert.Equal(never ? "never" : "safe", read.Member("retry"));
    }

    [Fact]
    public void No_failure_looks_like_an_absence() => Assert.All(
        Enum.GetValues<ReplyStatus>(), static status => Assert.NotEqual(404, ReplyOutcome.Of(status).Http));

    [Fact]
    public async Task The_time_given_reaches_the_node_and_is_kept()
    {
        await SendAsync("GET", "/kv/get?key=a&timeout=1.5s");
        Assert.Equal(TimeSpan.FromMilliseconds(1500), Node.LastTimeout);
        await SendAsync("GET", "/kv/get?key=a");
        Assert.Equal(TimeSpan.FromSeconds(10), Node.LastTimeout);
        Assert.Equal(504, (await SendAsync("GET", "/kv/get?key=hang&timeout=50ms")).Status);
    }

    [Fact]
    public async Task Stale_reads_are_asked_for_and_labelled()
    {
        await SetAsync("""{"key":"s","value":"v"}""");
        Assert.Equal("none", (await SendAsync("GET", "/kv/get?key=s&consistency=stale")).Member("ack"));
        Assert.Equal("lease", (await SendAsync("GET", "/kv/get?key=s&consistency=lease")).Member("ack"));
        Assert.Equal("majority", (await SendAsync("GET", "/kv/get?key=s")).Member("ack"));
    }

    [Fact]
    public async Task The_leaders_address_comes_instead_of_forwarding()
    {
        var answer = await SetAsync("""{"key":"not-mine","value":"v","no_redirect":true}""");
        Assert.Equal(421, answer.Status);
        Assert.Equal(DictionaryNode.Leader, answer.Member("leader"));
        Assert.Contains(DictionaryNode.Leader, answer.Message);
    }

    [Fact]
    public async Task Bodies_and_values_have_their_limits()
    {
        var exact = new string('v', HttpFixture.ValueBytesMax);
        Assert.Equal(200, (await SetAsync($$"""{"key":"big","value":"{{exact}}"}""")).Status);
        var over = await SetAsync($$"""{"key":"big","value":"{{exact}}v"}""");
        Assert.Equal(400, over.Status);
        Assert.Contains($"{HttpFixture.ValueBytesMax}", over.Message);
        var seven = new string('v', 7 * HttpFixture.ValueBytesMax);
        var huge = await SetAsync($$"""{"key":"big","value":"{{seven}}"}""");
        Assert.Equal(413, huge.Status);
        Assert.Contains("limit of", huge.Message);
        Assert.Equal(200, (await SetAsync($$"""{"key":"{{new string('k', 4096)}}","value":"v"}""")).Status);
        Assert.Equal(400, (await SetAsync($$"""{"key":"{{new string('k', 4097)}}","value":"v"}""")).Status);
    }

    [Fact]
    public async Task A_caller_who_leaves_takes_the_request_back()
    {
        var before = Node.Cancelled;
        using var leaving = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Fixture.Client.GetAsync(
            new Uri($"http://{Fixture.Server.EndPoint}/kv/get?key=hang"), leaving.Token));
        var deadline = DateTime.UtcNow.AddSeconds(10);
        while (Node.Cancelled == before && DateTime.UtcNow < deadline)
            await Task.Delay(5, TestContext.Current.CancellationToken);
        Assert.Equal(before + 1, Node.Cancelled);
    }
}
