using Kvorum.Protocol;

namespace Kvorum.Tests.Server.Http;

/// <summary>
/// Every kind of request can be asked over HTTP, and its failures carry the advice of the table.
/// </summary>
public class EveryHttpRequestTests(HttpFixture fixture) : HttpTest(fixture)
{
    [Fact]
    public async Task Every_kind_has_a_route()
    {
        foreach (var kind in Enum.GetValues<RequestKind>())
        {
            Assert.Equal(200, (await SetAsync("""{"key":"every","value":"v"}""")).Status);
            Assert.Equal((kind, 200), (kind, (await AskAsync(kind, "every")).Status));
            Assert.Equal(kind, Node.Seen[^1].Kind);
        }
    }

    [Fact]
    public async Task Every_failure_of_every_kind_carries_the_advice_of_the_table()
    {
        foreach (var kind in Enum.GetValues<RequestKind>())
        {
            foreach (var status in Enum.GetValues<ReplyStatus>().Where(status => IsFailureOf(kind, status)))
            {
                var answer = await AskAsync(kind, $"status:{status}");
                var advice = RetryTable.AdviceOf(status, Node.Seen[^1]);
                Assert.Equal(
                    (kind, status, RetryTable.NameOf(advice)), (kind, status, answer.Member("retry")));
                Assert.Equal(
                    advice == RetryAdvice.SameIds, answer.Json.GetProperty("indeterminate").GetBoolean());
            }
        }
    }

    // Conditions and records are of writes.
    private static bool IsFailureOf(RequestKind kind, ReplyStatus status) => status switch
    {
        ReplyStatus.Ok => false,
        ReplyStatus.ConditionFailed or ReplyStatus.SessionExpired =>
            kind is RequestKind.Put or RequestKind.Delete,
        _ => true,
    };

    private Task<Answer> AskAsync(RequestKind kind, string key) => kind switch
    {
        RequestKind.Put => SetAsync($$"""{"key":"{{key}}","value":"v"}"""),
        RequestKind.Get => SendAsync("GET", $"/kv/get?key={key}"),
        RequestKind.Delete => SendAsync("POST", $"/kv/delete?key={key}"),
        RequestKind.Scan => SendAsync("GET", $"/v1/kv?prefix={key}"),
        _ => throw new NotSupportedException($"There is no route for {kind}."),
    };
}
