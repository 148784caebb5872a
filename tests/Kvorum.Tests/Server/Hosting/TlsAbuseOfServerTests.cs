using System.Buffers;
using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Kvorum.Protocol;
using Kvorum.Tests.Server.Native;
using Kvorum.Tests.Server.Tls;
using Microsoft.Extensions.Logging;

namespace Kvorum.Tests.Server.Hosting;

/// <summary>A whole server, and strangers at all its doors who know what a handshake looks like.</summary>
public sealed class TlsAbuseOfServerTests : IDisposable
{
    private readonly TlsServerRoom _room = new();

    private static CancellationToken Deadline => TestContext.Current.CancellationToken;

    public void Dispose() => _room.Dispose();

    [Fact(Timeout = 120_000)]
    public async Task Spoilt_hellos_at_all_doors_leave_the_server_as_it_is()
    {
        var audit = Path.Combine(_room.Tls.Folder, "audit.log");
        var hello = await StrangeHellos.Real();
        var random = new Random(9);
        await using (var server = await _room.Start(_room.Secure with { AuditLog = audit }))
        {
            foreach (var address in TlsServerRoom.Doors(server))
            {
                // More than one address may have at once, too.
                for (var round = 0; round < 2; round++)
                    await Task.WhenAll(Enumerable.Range(0, 150).Select(
                        n => TlsServerRoom.Say(address, StrangeHellos.Spoilt(hello, n, random))).ToArray());
            }

            await using var client = TlsServerRoom.Connect(server, _room.Tls.ForClient("alice"), seconds: 30);
            await client.PutAsync("k", "v", cancellationToken: Deadline);
            var status = await server.StatusAsync();
            Assert.True(status.Security!.LoginsFailed > 100, $"{status.Security}");
            Assert.True(status.Security.LoginsDelayed > 50, $"{status.Security}");
            Assert.Equal(0, status.Security.AuditEventsLost);
        }

        // A line of the log for the address, and few of the audit log.
        Assert.InRange(_room.Log.Lines.Count(static line => line.Level >= LogLevel.Warning), 1, 3);
        Assert.All(_room.Log.Lines, static line => Assert.InRange(line.Text.Length, 1, 1500));
        Assert.InRange(File.ReadAllLines(audit).Length, 10, 60);
    }

    /// <summary>
    /// Who has shown no certificate is told nothing but TLS's alert: however much it asks for, and however
    /// little it reads, nothing waits for it.
    /// </summary>
    [Fact(Timeout = 60_000)]
    public async Task Nothing_waits_to_be_sent_to_who_has_not_logged_in()
    {
        await using var server = await _room.Start(_room.Secure);
        var asked = new ArrayBufferWriter<byte>();
        asked.Write(NativeCodec.Magic);
        NativeCodec.WriteHello(asked, "stranger");
        for (ulong n = 0; n < 10_000; n++)
            NativeCodec.WriteRequest(asked, n, 10_000, new GetRequest { Key = "k"u8.ToArray() });
        for (var n = 0; n < 5; n++)
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPEndPoint.Parse(server.Self.ClientAddress), Deadline);
            await using var tls = new SslStream(
                new NetworkStream(socket), false, static (_, shown, _, _) => shown is not null);
            // In TLS 1.3 a client may send before it hears that it is refused.
            await Assert.ThrowsAnyAsync<Exception>(async () =>
            {
                await tls.AuthenticateAsClientAsync("localhost");
                while (true)
                    await tls.WriteAsync(asked.WrittenMemory, Deadline);
            });
        }

        Assert.Equal((0, 0), (server.Traffic.Replies.Taken, server.Traffic.Requests.Taken));
        await Eventually.Holds(
            () => server.StatusAsync().GetAwaiter().GetResult() is { Security.LoginsFailed: 5, Reads: 0 });
    }

    /// <summary>
    /// Where nobody need log in: a client that asks and does not read is not read either, long before it
    /// costs the node memory.
    /// </summary>
    [Fact(Timeout = 60_000)]
    public async Task Who_asks_and_does_not_read_is_not_read()
    {
        await using var server = await _room.Start(_room.Plain);
        await using var bystander = TlsServerRoom.Connect(server, tls: null, seconds: 30);
        await bystander.PutAsync("k", "v", cancellationToken: Deadline);
        using (var silent = new RawClient(IPEndPoint.Parse(server.Self.ClientAddress)))
        {
            silent.Send(NativeCodec.Magic.ToArray());
            silent.Send(static writer => NativeCodec.Write(writer, NativeFrameKind.MapRequest, 1));
            Assert.Contains("not a hello", silent.ReadError(), StringComparison.Ordinal);
        }

        using var greedy = RawClient.Greeted(IPEndPoint.Parse(server.Self.ClientAddress));
        var asked = new ArrayBufferWriter<byte>();
        for (ulong n = 0; n < 10_000; n++)
            NativeCodec.Write(asked, NativeFrameKind.MapRequest, n);
        using var patience = new CancellationTokenSource();
        var before = Environment.WorkingSet;
        long sent = 0;
        var sending = Task.Run(
            async () =>
            {
                while (true)
                    sent += await greedy.Socket.SendAsync(asked.WrittenMemory, patience.Token);
            },
            Deadline);
        // It stands still.
        var last = -1L;
        var since = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(since).TotalSeconds < 1.5)
        {
            await Task.Delay(50, Deadline);
            var now = Interlocked.Read(ref sent);
            if (now != last)
                (last, since) = (now, Stopwatch.GetTimestamp());
        }

        Assert.False(sending.IsCompleted);
        Assert.Equal("v", (await bystander.GetAsync("k", cancellationToken: Deadline)).Text);
        Assert.InRange(Environment.WorkingSet - before, long.MinValue, 200L << 20);
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
    }
}
