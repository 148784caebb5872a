using Kvorum.Client;
using Kvorum.Node;
using Kvorum.Server.Hosting;

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
