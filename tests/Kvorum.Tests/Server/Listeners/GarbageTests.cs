using System.Net;
using System.Net.Sockets;
using System.Text;
using Kvorum.Tests.Cli;

namespace Kvorum.Tests.Server.Listeners;

/// <summary>A real process, sixty connections with garbage to each of its ports, and its log.</summary>
public class GarbageTests
{
    private const string Http2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0";

    private static readonly string[] Serious = [" warn: ", " fail: ", " crit: "];

    private static readonly string[] Garbage =
    [
        "\u0016\u0003\u0001\u0002\0 something like TLS", "KVorum, but not quite",
        "KVPEER\u0004\0\u00ff\u00ff\u00ff\u00ff",
        "GARBAGE\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        // A block of headers that is no HPACK, and data for a stream that is not open.
        Http2 + "\0\0\u0004\u0001\u0005\0\0\0\u0001\u00ff\u00ff\u00ff\u00ff",
        Http2 + "\0\0\u0003\0\0\0\0\0\u0005abc",
    ];

    [Fact]
    public async Task Sixty_connections_with_garbage_at_each_port_are_one_line()
    {
        using var place = ServerPlace.Free(1)[0];
        await using var server = KvorumProcess.Start(["start", .. place.Flags]);
        await server.Says("is ready");
        foreach (var port in new[] { place.Peer, place.Client, place.Http })
        {
            for (var n = 0; n < 60; n++)
                await Send(port, Garbage[n % Garbage.Length], isReset: n % 2 == 1);
        }

        await SingleNodeTests.Prints(0, "ok=true leader=\"\"", "put", "k", "v", "--addr", place.Addr);
        string[] told =
        [
            .. server.Output.Split('\n').Where(static line => Serious.Any(
                level => line.Contains(level, StringComparison.Ordinal))),
        ];
        Assert.Contains("refused a connection to the peer port from 127.0.0.1", Assert.Single(told),
            StringComparison.Ordinal);
    }

    private static async Task Send(int port, string garbage, bool isReset)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, port, TestContext.Current.CancellationToken);
        try
        {
            await socket.SendAsync(Encoding.Latin1.GetBytes(garbage), TestContext.Current.CancellationToken);
            if (isReset)
            {
                socket.LingerState = new(enable: true, 0);
                return;
            }

            socket.Shutdown(SocketShutdown.Send);
            var answer = new byte[4096];
            while (await socket.ReceiveAsync(answer, TestContext.Current.CancellationToken) > 0)
            {
            }
        }
        catch (SocketException)
        {
            // It was closed over what was not read: as it should be.
        }
    }
}
