using Kvorum.Client;
using Kvorum.Node;
using Kvorum.Server.Hosting;
using Kvorum.Tests.Server.Peers;

namespace Kvorum.Tests.Server.Hosting;

public sealed class KvorumServerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kvorum-test-").FullName;

    private ServerOptions AnyPorts => new()
    {
        DataFolder = Path.Combine(_folder, "new", "data"),
        ClientAddress = "127.0.0.1:0",
        HttpAddress = "127.0.0.1:0",
        PeerAddress = "127.0.0.1:0",
    };

    [Fact(Timeout = 30_000)]
    public async Task A_program_can_hold_a_whole_server()
    {
        await using var server = await Start(AnyPorts);
        await using var client = KvorumClient.Connect(
            new() { Addresses = [server.Self.ClientAddress], Timeout = TimeSpan.FromSeconds(10) });
        await client.PutAsync("key", "value", cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal("value",
            (await client.GetAsync("key", cancellationToken: TestContext.Current.CancellationToken)).Text);
        NodeStatus status;
        do
        {
            status = await server.StatusAsync();
        }
        while (!status.IsReady && !TestContext.Current.CancellationToken.IsCancellationRequested);
        Assert.True(status.IsMetaLeader);
        Assert.False(server.Failed.IsCompleted);
    }

    [Fact]
    public async Task A_new_folder_is_private_and_gives_its_node_the_same_name_again()
    {
        string name;
        await using (var first = await Start(AnyPorts))
            name = first.Self.Name;
        Assert.StartsWith("node-", name, StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
                File.GetUnixFileMode(AnyPorts.DataFolder));
        await using var second = await Start(AnyPorts);
        Assert.Equal(name, second.Self.Name);
    }

    /// <summary>The second node has moved, and only its folder says where the first one is.</summary>
    [Fact(Timeout = 60_000)]
    public async Task A_cluster_starts_again_from_its_folders_alone()
    {
        var at = NodeAddress.Free(3);
        var options = Enumerable.Range(0, 2).Select(node => AnyPorts with
        {
            DataFolder = Path.Combine(_folder, $"node-{node}"),
            PeerAddress = at[node].Address,
        }).ToArray();
        Guid cluster;
        var peers = $"n1@{at[0].Address},n2@{at[1].Address}";
        await using (var first = await Start(options[0] with { Id = "n1", Peers = peers }))
        await using (var second = await Start(options[1] with { Id = "n2", Peers = peers }))
        {
            cluster = (await Ready(first)).ClusterId;
            Assert.Equal(cluster, (await Ready(second)).ClusterId);
            Assert.NotEqual(Guid.Empty, cluster);
        }

        await using var again = await Start(options[0]);
        await using var moved = await Start(options[1] with { PeerAddress = at[2].Address });
        Assert.Equal(("n1", "n2"), (again.Self.Name, moved.Self.Name));
        Assert.Equal(cluster, (await Ready(again)).ClusterId);
        Assert.Equal(["n1", "n2"], (await Ready(moved)).MembersUp.Order());
    }

    /// <summary>Later the folder says everything, and flags may stay as they were or not.</summary>
    [Fact(Timeout = 60_000)]
    public async Task How_a_node_comes_to_its_cluster_counts_where_its_folder_is_new()
    {
        var both = AnyPorts with { Join = "127.0.0.1:1", Bootstrap = true };
        var refused = await Assert.ThrowsAsync<ServerStartException>(() => Start(both));
        Assert.StartsWith(
            "--join and --bootstrap exclude each other", refused.Message, StringComparison.Ordinal);
        string name;
        await using (var first = await Start(AnyPorts with { Bootstrap = true }))
        {
            name = first.Self.Name;
            await Ready(first);
        }

        await using var again = await Start(both);
        Assert.Equal(name, again.Self.Name);
        await Ready(again);
    }

    private static async Task<NodeStatus> Ready(KvorumServer server)
    {
        while (true)
        {
            var status = await server.StatusAsync();
            if (status.IsReady && status.ClusterId != Guid.Empty)
                return status;
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task Stopping_twice_is_stopping_once()
    {
        var server = await Start(AnyPorts);
        await Task.WhenAll(server.StopAsync(), server.StopAsync());
        await server.DisposeAsync();
    }

    [Fact]
    public async Task What_cannot_start_says_why_and_lets_go_of_everything()
    {
        await Assert.ThrowsAsync<ServerStartException>(
            () => Start(AnyPorts with { Loops = 0 }));
        await using (var first = await Start(AnyPorts))
        {
            var inUse =
                await Assert.ThrowsAsync<ServerStartException>(() => Start(AnyPorts));
            Assert.Contains("in use by another process", inUse.Message, StringComparison.Ordinal);
        }

        var file = Path.Combine(_folder, "file");
        await File.WriteAllTextAsync(file, "", TestContext.Current.CancellationToken);
        var noFolder = await Assert.ThrowsAsync<ServerStartException>(
            () => Start(AnyPorts with { DataFolder = file }));
        Assert.StartsWith($"--data {file}: it is no folder", noFolder.Message, StringComparison.Ordinal);

        await using var again = await Start(AnyPorts);
    }

    private static Task<KvorumServer> Start(ServerOptions options) =>
        KvorumServer.StartAsync(options, cancelled: TestContext.Current.CancellationToken);

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
