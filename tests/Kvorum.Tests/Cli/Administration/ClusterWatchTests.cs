using Kvorum.Cli.Administration;
using Kvorum.Client;
using Kvorum.Node.Administration;
using Kvorum.Server.Hosting;

namespace Kvorum.Tests.Cli.Administration;

/// <summary>What <c>kvorum watch cluster</c> shows, and when.</summary>
public sealed class ClusterWatchTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kvorum-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact(Timeout = 120_000)]
    public async Task It_is_shown_again_when_a_node_tells_that_something_has_happened()
    {
        await using var server = await KvorumServer.StartAsync(
            new()
            {
                DataFolder = Path.Combine(_folder, "a"),
                ClientAddress = "127.0.0.1:0",
                HttpAddress = "127.0.0.1:0",
                PeerAddress = "127.0.0.1:0",
                Bootstrap = true,
            },
            cancelled: TestContext.Current.CancellationToken);
        await Eventually.Holds(() => server.Node.Health.IsReady, seconds: 60);
        await using var client = KvorumClient.Connect(new() { Addresses = [server.Self.ClientAddress] });
        var (gate, shown) = (new Lock(), new List<string>());
        // While nothing happens it is never looked at.
        var watch = new ClusterWatch(client, Timeout.InfiniteTimeSpan, (answer, last) =>
        {
            lock (gate)
                shown.Add($"{answer.Reply.Cluster!.Keyspaces.Count}: {string.Join(
                    ", ", last.Select(static one => $"{one.Keyspace} {one.Why}"))}");
        });
        using var ending = new CancellationTokenSource();
        var watching = watch.RunAsync(ending.Token);
        await Shows("1: ", "default made");
        foreach (var name in new[] { "orders", "carts" })
        {
            var made = AdminJson.Encode(new CreateKeyspace(name) { Partitions = 1 });
            await client.AdministerAsync(
                made, mayRepeat: false, cancellationToken: TestContext.Current.CancellationToken);
            await Shows(name == "orders" ? "2: " : "3: ", $"{name} made");
        }

        await ending.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watching);

        Task Shows(string count, string happened) => Eventually.Holds(() =>
        {
            lock (gate)
                return shown.Exists(one => one.StartsWith(count, StringComparison.Ordinal)
                    && one.Contains(happened, StringComparison.Ordinal));
        }, 30);
    }
}
