using System.Diagnostics;
using System.Net.Sockets;

namespace Kvorum.Tests.Server.Sockets;

public sealed class PolledStreamTests
{
    private static CancellationToken Deadline => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_read_takes_what_comes_and_then_the_end()
    {
        await using var pair = new PolledPair().Started();
        var buffer = new byte[16];
        var read = pair.Near.ReadAsync(buffer, Deadline);
        Assert.False(read.IsCompleted);
        pair.Far.Send("abc"u8);
        Assert.Equal(3, await read);
        Assert.Equal("abc"u8, buffer.AsSpan(0, 3));
        pair.Far.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await pair.Near.ReadAsync(buffer, Deadline));
        Assert.Equal(0, await pair.Near.ReadAsync(buffer, Deadline));
    }

    [Fact]
    public async Task What_came_before_the_read_is_read()
    {
        await using var pair = new PolledPair();
        pair.Far.Send("abc"u8);
        pair.Started();
        Assert.Equal(3, await pair.Near.ReadAsync(new byte[16], Deadline));
    }

    [Fact]
    public async Task A_read_runs_on_on_the_polling_thread()
    {
        await using var pair = new PolledPair();
        var continued = ReadThenThread(pair.Near);
        pair.Far.Send("abc"u8);
        while (!continued.IsCompleted)
            pair.Poll(1000);
        Assert.Equal(Environment.CurrentManagedThreadId, await continued);

        static async Task<int> ReadThenThread(Stream stream)
        {
            _ = await stream.ReadAsync(new byte[16], CancellationToken.None).ConfigureAwait(false);
            return Environment.CurrentManagedThreadId;
        }
    }

    [Fact]
    public async Task Much_more_than_the_socket_holds_arrives_whole()
    {
        await using var pair = new PolledPair().Started();
        var sent = new byte[48 << 20];
        new Random(1).NextBytes(sent);
        pair.Near.Socket.SendBufferSize = 64 << 10;
        var write = pair.Near.WriteAsync(sent, Deadline);
        Assert.False(write.IsCompleted);
        var received = new byte[sent.Length];
        for (var have = 0; have < received.Length;)
            have += pair.Far.Receive(received.AsSpan(have, Math.Min(100_000, received.Length - have)));
        await write;
        Assert.True(sent.AsSpan().SequenceEqual(received));
    }

    [Fact]
    public async Task Both_directions_at_once()
    {
        await using var pair = new PolledPair().Started();
        var sent = new byte[8 << 20];
        new Random(2).NextBytes(sent);
        var echo = Task.Run(
            () =>
            {
                var piece = new byte[70_000];
                for (var left = sent.Length; left > 0;)
                {
                    var count = pair.Far.Receive(piece);
                    pair.Far.Send(piece.AsSpan(0, count));
                    left -= count;
                }
            },
            Deadline);
        var write = pair.Near.WriteAsync(sent, Deadline).AsTask();
        var received = new byte[sent.Length];
        await pair.Near.ReadExactlyAsync(received, Deadline);
        await write;
        await echo;
        Assert.True(sent.AsSpan().SequenceEqual(received));
    }

    [Fact]
    public async Task An_empty_read_waits_for_bytes_and_takes_none()
    {
        await using var pair = new PolledPair().Started();
        var read = pair.Near.ReadAsync(Memory<byte>.Empty, Deadline);
        Assert.False(read.IsCompleted);
        pair.Far.Send("abc"u8);
        Assert.Equal(0, await read);
        Assert.Equal(3, await pair.Near.ReadAsync(new byte[16], Deadline));
    }

    [Fact]
    public async Task A_socket_that_was_given_away_is_an_ordinary_one()
    {
        await using var pair = new PolledPair().Started();
        var read = pair.Near.ReadAsync(Memory<byte>.Empty, Deadline);
        pair.Far.Send("abc"u8);
        await read;
        pair.Near.Release();
        using var stream = new NetworkStream(pair.Near.Socket, ownsSocket: true);
        Assert.Equal(3, await stream.ReadAsync(new byte[16], Deadline));
        await stream.WriteAsync(new byte[5], Deadline);
        Assert.Equal(5, pair.Far.Receive(new byte[16]));
    }

    [Fact]
    public async Task Closing_ends_what_waits()
    {
        await using var pair = new PolledPair().Started();
        pair.Near.Socket.SendBufferSize = 64 << 10;
        var read = pair.Near.ReadAsync(new byte[16], Deadline).AsTask();
        var write = pair.Near.WriteAsync(new byte[48 << 20], Deadline).AsTask();
        await pair.Near.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await read);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await write);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => Read(pair));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => Write(pair));
    }

    [Fact]
    public async Task A_read_loses_patience()
    {
        await using var pair = new PolledPair().Started();
        using var impatient = new CancellationTokenSource();
        var read = pair.Near.ReadAsync(new byte[16], impatient.Token);
        await impatient.CancelAsync();
        var met = await Assert.ThrowsAsync<OperationCanceledException>(async () => await read);
        Assert.Equal(impatient.Token, met.CancellationToken);
        pair.Far.Send("abc"u8);
        Assert.Equal(3, await pair.Near.ReadAsync(new byte[16], Deadline));
    }

    [Fact]
    public async Task A_reset_is_told_as_streams_do()
    {
        await using var pair = new PolledPair().Started();
        var read = pair.Near.ReadAsync(new byte[16], Deadline);
        pair.Far.LingerState = new(true, 0);
        pair.Far.Dispose();
        var met = await Assert.ThrowsAsync<IOException>(async () => await read);
        var inner = Assert.IsType<SocketException>(met.InnerException);
        Assert.Equal(SocketError.ConnectionReset, inner.SocketErrorCode);
        await Assert.ThrowsAsync<IOException>(() => Write(pair));
    }

    [Fact]
    public async Task One_read_and_one_write_at_a_time()
    {
        await using var pair = new PolledPair();
        pair.Near.Socket.SendBufferSize = 64 << 10;
        _ = pair.Near.ReadAsync(new byte[16], Deadline).AsTask();
        _ = pair.Near.WriteAsync(new byte[48 << 20], Deadline).AsTask();
        await Assert.ThrowsAsync<InvalidOperationException>(() => Read(pair));
        await Assert.ThrowsAsync<InvalidOperationException>(() => Write(pair));
    }

    [Fact]
    public async Task Bytes_that_nobody_reads_do_not_keep_the_thread_awake()
    {
        await using var pair = new PolledPair();
        pair.Far.Send("abc"u8);
        Assert.Equal(3, await PollFor(pair));
        pair.Far.Send("def"u8);
        AssertSleeps(pair);
        Assert.Equal(3, await PollFor(pair));
    }

    [Fact]
    public async Task A_broken_connection_that_nobody_reads_does_not_keep_the_thread_awake()
    {
        await using var pair = new PolledPair();
        pair.Far.Send("abc"u8);
        Assert.Equal(3, await PollFor(pair));
        pair.Far.LingerState = new(true, 0);
        pair.Far.Dispose();
        AssertSleeps(pair);
        await Assert.ThrowsAsync<IOException>(() => PollFor(pair));
    }

    private static async Task<int> Read(PolledPair pair) => await pair.Near.ReadAsync(new byte[16], Deadline);

    private static async Task Write(PolledPair pair) => await pair.Near.WriteAsync(new byte[16], Deadline);

    // A read for which this very thread polls.
    private static async Task<int> PollFor(PolledPair pair)
    {
        var read = Read(pair);
        while (!read.IsCompleted)
            pair.Poll(1000);
        return await read;
    }

    // After one look, which may say that there is something, nothing is said any more.
    private static void AssertSleeps(PolledPair pair)
    {
        pair.Poll(1000);
        var watch = Stopwatch.StartNew();
        pair.Poll(100);
        Assert.InRange(watch.ElapsedMilliseconds, 95, long.MaxValue);
    }
}
