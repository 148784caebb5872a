using System.Text;
using System.Text.Json;

using Limits = Kvorum.Node.Limits;

namespace Kvorum.Tests.Server.Http;

/// <summary>GET /v1/admin/events: some events as JSON, or all that happen as lines.</summary>
public sealed class EventsRouteTests(HttpFixture fixture) : HttpTest(fixture), IDisposable
{
    private const string Route = "/v1/admin/events";

    private readonly EventHistory _history = new();

    private static CancellationToken Ending => TestContext.Current.CancellationToken;

    public void Dispose() => Node.Events = null;

    [Fact]
    public async Task Some_are_answered_at_once_with_what_is_kept()
    {
        Node.Events = _history;
        _history.Happen(5);
        var answer = await SendAsync("GET", $"{Route}?after=3&cluster_id={EventHistory.Cluster}");
        Assert.Equal(200, answer.Status);
        Assert.Equal([4ul, 5ul], answer.Json.GetProperty("events").EnumerateArray().Select(PositionOf));
        Assert.Equal(
            (1ul, 5ul), (answer.Json.GetProperty("oldest_event").GetUInt64(),
                answer.Json.GetProperty("newest_event").GetUInt64()));
        Assert.Equal(EventHistory.Cluster, answer.Json.GetProperty("cluster_id").GetGuid());
        Assert.Empty((await SendAsync("GET", $"{Route}?after=5")).Json.GetProperty("events").EnumerateArray());
    }

    [Fact]
    public async Task Lines_come_when_things_happen_and_say_that_nothing_does()
    {
        Node.Events = _history;
        _history.Happen(450);
        _history.WaitMax = TimeSpan.FromMilliseconds(300);
        using var lines = await LinesAsync($"{Route}?after=5");
        for (var at = 6ul; at <= 450; at++)
            Assert.Equal(at, PositionOf(await NextAsync(lines)));
        Assert.Equal("""{"position":450}""", (await NextAsync(lines)).GetRawText());
        _history.Happen();
        JsonElement one;
        do
            one = await NextAsync(lines);
        while (!one.TryGetProperty("kind", out _));
        Assert.Equal((451ul, "partition_changed"), (PositionOf(one), one.GetProperty("kind").GetString()));
    }

    [Fact]
    public async Task From_now_on_begins_behind_what_has_happened()
    {
        Node.Events = _history;
        _history.Happen(7);
        using var lines = await LinesAsync($"{Route}?from_now=true");
        Assert.Equal("""{"position":7}""", (await NextAsync(lines)).GetRawText());
        _history.Happen();
        Assert.Equal(8ul, PositionOf(await NextAsync(lines)));
    }

    [Fact]
    public async Task A_stream_that_ends_says_why_and_where_it_stands()
    {
        var answer = await SendAsync("GET", Route, null, ("Accept", "application/x-ndjson"));
        var lines = Encoding.UTF8.GetString(answer.Bytes).TrimEnd('\n').Split('\n');
        Assert.Equal(3, lines.Length);
        using var end = JsonDocument.Parse(lines[^1]);
        Assert.Equal(9ul, PositionOf(end.RootElement));
        Assert.Equal("shutting-down", end.RootElement.GetProperty("failed").GetProperty("error").GetString());
    }

    [Theory]
    [InlineData("", "?after=7", 412, "events 8 to 30 are not kept any more")]
    [InlineData("application/x-ndjson", "?after=7", 412, "events 8 to 30 are not kept any more")]
    [InlineData("", "?after=99&cluster_id=ffffffff-ffff-ffff-ffff-ffffffffffff", 412, "begin without a position")]
    [InlineData("", "?cluster_id=cc", 400, "cluster_id is 'cc', which is no UUID")]
    [InlineData("", "?from_now=true", 400, "from_now is for lines")]
    [InlineData("application/x-ndjson", "?from_now=true&after=3", 400, "exclude each other")]
    [InlineData("", "?after=x", 400, "after")]
    public async Task What_leads_nowhere_is_refused_with_words(
        string accept, string query, int status, string words)
    {
        Node.Events = _history;
        _history.Happen(Limits.ClusterEventsKept + 30);
        (string, string)[] headers = accept.Length > 0 ? [("Accept", accept)] : [];
        var answer = await SendAsync("GET", Route + query, null, headers);
        Assert.Equal((query, status), (query, answer.Status));
        Assert.Contains(words, answer.Member("message"), StringComparison.Ordinal);
    }

    private static ulong PositionOf(JsonElement one) => one.GetProperty("position").GetUInt64();

    private static async Task<JsonElement> NextAsync(StreamReader lines) =>
        JsonDocument.Parse(await lines.ReadLineAsync(Ending) ?? throw new EndOfStreamException()).RootElement;

    private async Task<StreamReader> LinesAsync(string target)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://{Fixture.Server.EndPoint}{target}");
        request.Headers.Add("Accept", "application/x-ndjson");
        var response = await Fixture.Client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, Ending);
        Assert.Equal("application/x-ndjson", response.Content.Headers.ContentType?.MediaType);
        return new(await response.Content.ReadAsStreamAsync(Ending));
    }
}
