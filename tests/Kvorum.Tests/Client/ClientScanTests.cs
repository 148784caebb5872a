using System.Globalization;
using System.Text;
using Kvorum.Client;
using Kvorum.Protocol;

namespace Kvorum.Tests.Client;

public class ClientScanTests
{
    private static CancellationToken Ending => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pages_are_fetched_as_they_are_consumed()
    {
        await using var cluster = new FakeCluster();
        await using var client = cluster.Connect();
        for (var i = 0; i < 30; i++)
            await client.PutAsync(Key(i), $"v{i}", cancellationToken: Ending);
        var options = new ScanOptions { PageBytes = 100 };
        var seen = new List<string>();
        await foreach (var found in client.ScanAsync("key", options, Ending))
        {
            if (seen.Count == 0)
                Assert.Equal(1, Pages(cluster));
            seen.Add($"{found.KeyText}={found.Text}");
        }

        Assert.Equal(Enumerable.Range(0, 30).Select(i => $"{Key(i)}=v{i}"), seen);
        Assert.InRange(Pages(cluster), 5, 30);
        // Nodes take turns: no one of them carries all scans.
        Assert.All(cluster.Nodes,
            node => Assert.Contains(node.Double.Seen, call => call.Request is ScanRequest));
    }

    [Fact]
    public async Task Bounds_direction_and_limit_are_kept_over_pages()
    {
        await using var cluster = new FakeCluster();
        await using var client = cluster.Connect();
        for (var i = 0; i < 30; i++)
            await client.PutAsync(Key(i), "v", cancellationToken: Ending);
        var options = new ScanOptions
        {
            From = Encoding.UTF8.GetBytes(Key(5)),
            End = Encoding.UTF8.GetBytes(Key(25)),
            Reverse = true,
            KeysOnly = true,
            Limit = 12,
            PageBytes = 60,
        };
        var keys = new List<string>();
        await foreach (var found in client.ScanAsync(options, Ending))
        {
            Assert.True(found.Value.IsEmpty);
            keys.Add(found.KeyText);
        }

        Assert.Equal(Enumerable.Range(13, 12).Reverse().Select(Key), keys);
        var page = await client.ScanPageAsync(options with { Limit = 2 }, Ending);
        Assert.Equal([Key(24), Key(23)], page.Keys.Select(found => found.KeyText));
        page = await client.ScanPageAsync(options with { Token = page.Token, Limit = 1 }, Ending);
        Assert.Equal(Key(22), Assert.Single(page.Keys).KeyText);
    }

    [Fact]
    public async Task What_is_wrong_is_thrown_at_once()
    {
        await using var cluster = new FakeCluster();
        await using var client = cluster.Connect();
        var failure = await Assert.ThrowsAsync<KvorumException>(async () =>
            await client.ScanPageAsync(new() { Token = new byte[] { 1 } }, Ending));
        Assert.Equal(ReplyStatus.InvalidArgument, failure.Status);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () =>
            await client.ScanPageAsync(new() { PageBytes = -1 }, Ending));
    }

    private static int Pages(FakeCluster cluster) =>
        cluster.Nodes.Sum(node => node.Double.Seen.Count(call => call.Request is ScanRequest));

    private static string Key(int i) => string.Create(CultureInfo.InvariantCulture, $"key{i:00}");
}
