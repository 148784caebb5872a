using System.Diagnostics;
using System.Net;
using System.Text;
using Kvorum.Node.Administration;
using Kvorum.Server.Http;
using Microsoft.AspNetCore.Routing;

namespace Kvorum.Tests.Server.Http;

/// <summary>
/// All routes there are, asked as web pages can: what reads changes nothing, and what changes something takes
/// no request of another site, whatever it declares its body as.
/// </summary>
public class EveryRouteOfPagesTests(HttpFixture fixture) : HttpTest(fixture)
{
    private static readonly string[] FormTypes =
        ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""];

    private static readonly string[] OfAnotherSite =
        ["Origin: http://evil.example\n", "Origin: null\n", "Sec-Fetch-Site: cross-site\n",
            "Sec-Fetch-Site: same-site\n"];

    private IEnumerable<(string Method, string Target)> All => Fixture.Server.Routes.SelectMany(
        static route => route.Metadata.OfType<HttpMethodMetadata>().Single().HttpMethods.Select(
            method => (method, Target(route.RoutePattern.RawText!))));

    [Fact]
    public async Task What_is_asked_by_GET_or_HEAD_changes_nothing()
    {
        var reads = All.Where(static route => IsRead(route.Method)).ToArray();
        Assert.True(reads.Length > 30, $"{reads.Length}");
        foreach (var (method, target) in reads)
        {
            var (seen, asked) = (Node.Seen.Count, Node.Administered.Count);
            // What would be a change by another method, too.
            foreach (var query in new[] { "", "?value=v", "?dry_run=false", "?force=true" })
                await RawAsync($"{method} {target}{query} HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n\n");
            Assert.DoesNotContain(Node.Seen.Skip(seen), static request => request.IsWrite);
            Assert.DoesNotContain(
                Node.Administered.Skip(asked), static request => request is AdminChange { DryRun: false });
        }
    }

    [Fact]
    public async Task What_changes_something_takes_no_request_of_a_page_of_another_site()
    {
        var changes = All.Where(static route => !IsRead(route.Method)).ToArray();
        Assert.True(changes.Length > 10, $"{changes.Length}");
        var (seen, asked) = (Node.Seen.Count, Node.Administered.Count);
        foreach (var (method, target) in changes)
        {
            Assert.Contains(method, new[] { "POST", "PUT", "PATCH", "DELETE" });
            foreach (var type in FormTypes)
            {
                foreach (var page in OfAnotherSite)
                {
                    var answer = await RawAsync(
                        $"{method} {target} HTTP/1.1\nHost: 127.0.0.1\n{page}Connection: close\n"
                        + (type.Length > 0 ? $"Content-Type: {type}\n" : "") + "Content-Length: 3\n\na=b");
                    Assert.StartsWith("HTTP/1.1 403 ", answer);
                    Assert.DoesNotContain("access-control", answer, StringComparison.OrdinalIgnoreCase);
                }
            }
        }

        Assert.Equal((seen, asked), (Node.Seen.Count, Node.Administered.Count));
    }

    [Theory]
    [InlineData(1, 40_000)]
    [InlineData(400, 20)]
    [InlineData(50, 1000)]
    public async Task Huge_heads_are_refused(int headers, int bytes)
    {
        var head = new StringBuilder("GET /livez HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n");
        for (var n = 0; n < headers; n++)
            head.Append($"x-{n}: ").Append('x', bytes).Append('\n');
        Assert.StartsWith("HTTP/1.1 431 ", await RawAsync(head.Append('\n').ToString()));
    }

    /// <summary>A byte of a header now and then keeps no connection open.</summary>
    [Fact(Timeout = 60_000)]
    public async Task A_head_that_trickles_ends_in_time()
    {
        await using var server = HttpServer.Create(Node, new()
        {
            EndPoint = new(IPAddress.Loopback, 0),
            HeadTimeout = TimeSpan.FromSeconds(1),
        });
        await server.StartAsync(TestContext.Current.CancellationToken);
        using var socket = new System.Net.Sockets.TcpClient();
        await socket.ConnectAsync(server.EndPoint, TestContext.Current.CancellationToken);
        var begun = Stopwatch.GetTimestamp();
        var answer = new byte[12];
        var reading = socket.GetStream().ReadExactlyAsync(answer, TestContext.Current.CancellationToken);
        await socket.GetStream().WriteAsync(
            "GET /livez HTTP/1.1\r\nx: "u8.ToArray(), TestContext.Current.CancellationToken);
        while (!reading.IsCompleted)
        {
            await socket.GetStream().WriteAsync("x"u8.ToArray(), TestContext.Current.CancellationToken);
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }

        await reading;
        Assert.Equal("HTTP/1.1 408", Encoding.ASCII.GetString(answer));
        Assert.InRange(Stopwatch.GetElapsedTime(begun).TotalSeconds, 0.9, 20);
    }

    private static bool IsRead(string method) => method is "GET" or "HEAD";

    private static string Target(string pattern) => pattern
        .Replace("{key}", "page", StringComparison.Ordinal)
        .Replace("{partition}", "0", StringComparison.Ordinal)
        .Replace("{keyspace}", Kvorum.Protocol.KeyspaceName.Default, StringComparison.Ordinal)
        .Replace("{name}", "node-1", StringComparison.Ordinal);
}
