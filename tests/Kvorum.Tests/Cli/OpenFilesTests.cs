using System.Net;
using System.Net.Sockets;
using Kvorum.Client;

namespace Kvorum.Tests.Cli;

/// <summary>Real processes that may open few files.</summary>
public class OpenFilesTests
{
    private const int FilesMax = 700;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Idle_connections_beyond_the_limit_of_open_files_do_not_end_a_node()
    {
        if (!OperatingSystem.IsLinux())
            return;
        using var place = ServerPlace.Free(1)[0];
        await using var server = KvorumProcess.StartWithFiles(
            FilesMax, ["start", "--partitions", "8", "--checkpoint-bytes", "65536", .. place.Flags]);
        await server.Says("is ready");
        await server.Says("open files: 700 at most; connections are taken while fewer than 525 are open");
        await using var client = KvorumClient.Connect(
            new() { Addresses = [place.Addr], Timeout = TimeSpan.FromSeconds(20) });
        await client.PutAsync("before", "1", cancellationToken: Cancelled);
        List<Socket> idle = [];
        try
        {
            for (var n = 0; n < FilesMax + 100; n++)
                idle.Add(await Connect(n % 2 == 0 ? place.Http : place.Client));
            // Checkpoints make files, and so do segments of the log: for them there is always room.
            for (var n = 0; n < 64; n++)
                await client.PutAsync($"key-{n}", new string('v', 65536), cancellationToken: Cancelled);
            await server.Says("was closed: 525 open files are in use");
            var status = await KvorumProcess.Run("status", "--addr", place.Addr);
            Assert.NotEqual(0, status.Code); // There is no room for it either.
        }
        finally
        {
            idle.ForEach(static socket => socket.Dispose());
        }

        await Eventually.Holds(() => Directory.GetFileSystemEntries($"/proc/{server.Id}/fd").Length < 500);
        Assert.Equal(
            "1", (await client.GetAsync("before", cancellationToken: Cancelled)).Text);
        var (code, output, _) = await KvorumProcess.Run("status", "--addr", place.Addr);
        Assert.Equal(0, code);
        Assert.Matches("of 700 open files, connections below 525, [1-9][0-9]* refused", output);
        Assert.Contains("alert: ", output, StringComparison.Ordinal);
        Assert.Single(
            server.Output.Split('\n'),
            static line => line.Contains("was closed: ", StringComparison.Ordinal));
        server.Terminate();
        Assert.Equal(0, await server.Exit());
    }

    [Fact]
    public async Task A_node_that_may_open_too_few_files_refuses_to_start_and_names_the_least()
    {
        if (!OperatingSystem.IsLinux())
            return;
        using var place = ServerPlace.Free(1)[0];
        await using var server = KvorumProcess.StartWithFiles(300, ["start", .. place.Flags]);
        Assert.Equal(1, await server.Exit());
        Assert.Matches(
            "start: this process may open 300 files: a node with the data of .* needs [0-9]{3} at least",
            server.Errors);
    }

    // What is one too many is closed after it was accepted: by the kernel's word it is connected before.
    private static async Task<Socket> Connect(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, port, TestContext.Current.CancellationToken);
        return socket;
    }
}
