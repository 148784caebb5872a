using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Kvorum.Cli.Network;

namespace Kvorum.Tests.Cli.Network;

/// <summary>A dialler and a node, and the proxy between them.</summary>
public sealed class PeerProxyTests : IAsyncDisposable
{
    private readonly Link _there = new();
    private readonly Link _back = new();
    private readonly Socket _node;
    private readonly PeerProxy _proxy;
    private readonly int _port;

    public PeerProxyTests()
    {
        var ports = KvorumProcess.FreePorts(2);
        _port = ports[0];
        _node = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _node.Bind(new IPEndPoint(IPAddress.Loopback, ports[1]));
        _node.Listen(8);
        _proxy = new(_port, ports[1], name => name == "node-7" ? (_there, _back) : null);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        _node.Dispose();
        _there.Dispose();
        _back.Dispose();
    }

    [Fact(Timeout = 60_000)]
    public async Task Bytes_go_both_ways()
    {
        var (dialler, accepted) = await Connect();
        await dialler.WriteAsync("there"u8.ToArray(), Cancel);
        Assert.Equal("there", await Read(accepted, 5));
        await accepted.WriteAsync("back"u8.ToArray(), Cancel);
        Assert.Equal("back", await Read(dialler, 4));
        Assert.Equal(0, _there.Hit + _back.Hit);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_silent_cut_of_one_way_holds_its_bytes_until_it_is_mended()
    {
        var (dialler, accepted) = await Connect();
        _there.Break(CutMode.Silent);
        await dialler.WriteAsync("late"u8.ToArray(), Cancel);
        await accepted.WriteAsync("back"u8.ToArray(), Cancel);
        Assert.Equal("back", await Read(dialler, 4));
        await Eventually.Holds(() => _there.Hit > 0, 10, "the cut was hit");
        _there.Mend(resets: false);
        Assert.Equal("late", await Read(accepted, 4));
    }

    [Fact(Timeout = 60_000)]
    public async Task A_cut_with_resets_ends_connections_and_refuses_new_ones()
    {
        var (dialler, accepted) = await Connect();
        _back.Break(CutMode.Reset);
        await Assert.ThrowsAsync<IOException>(() => Read(dialler, 1));
        await Assert.ThrowsAsync<IOException>(() => Read(accepted, 1));
        await using (var refused = await Dial("node-7"))
            await Assert.ThrowsAsync<IOException>(() => Read(refused, 1));
        _back.Mend(resets: false);
        var (again, _) = await Connect();
        await again.DisposeAsync();
    }

    [Fact(Timeout = 60_000)]
    public async Task What_waited_is_lost_when_mending_resets()
    {
        var (dialler, accepted) = await Connect();
        _there.Break(CutMode.Silent);
        await dialler.WriteAsync("lost"u8.ToArray(), Cancel);
        await Eventually.Holds(() => _there.Hit > 0, 10, "the cut was hit");
        _there.Mend(resets: true);
        await Assert.ThrowsAsync<IOException>(() => Read(accepted, 1));
    }

    [Fact(Timeout = 60_000)]
    public async Task A_stranger_is_not_let_through()
    {
        await using var dialler = await Dial("node-8");
        await Assert.ThrowsAsync<IOException>(() => Read(dialler, 1));
    }

    private async Task<(NetworkStream Dialler, NetworkStream Accepted)> Connect()
    {
        var dialler = await Dial("node-7");
        var accepted = new NetworkStream(await _node.AcceptAsync(Cancel), ownsSocket: true);
        await accepted.ReadExactlyAsync(new byte[PeerProxy.NameAt + "node-7".Length], Cancel);
        return (dialler, accepted);
    }

    private async Task<NetworkStream> Dial(string name)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, _port), Cancel);
        var opening = new byte[PeerProxy.NameAt];
        opening[PeerProxy.HeadBytes - 1] = PeerProxy.HelloKind;
        BinaryPrimitives.WriteUInt16LittleEndian(opening.AsSpan(PeerProxy.NameAt - 2), (ushort)name.Length);
        var stream = new NetworkStream(socket, ownsSocket: true);
        await stream.WriteAsync(opening, Cancel);
        await stream.WriteAsync(Encoding.ASCII.GetBytes(name), Cancel);
        return stream;
    }

    private static async Task<string> Read(NetworkStream stream, int count)
    {
        var bytes = new byte[count];
        await stream.ReadExactlyAsync(bytes, Cancel);
        return Encoding.ASCII.GetString(bytes);
    }
}
