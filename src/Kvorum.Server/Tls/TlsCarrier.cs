using System.Net.Sockets;
using Kvorum.Server.Sockets;

namespace Kvorum.Server.Tls;

/// <summary>
/// The connection under TLS. A handshake takes about a millisecond of processor time, which must not be that
/// of the thread that serves the sockets: as long as the carrier is elsewhere, what waits for the socket goes
/// on on the thread pool. After the handshake the connection either stays with the thread that serves it, or
/// leaves it for good.
/// </summary>
/// <param name="socket">The socket.</param>
/// <param name="stream">The stream over it; owned by the carrier.</param>
internal sealed class TlsCarrier(Socket socket, Stream stream) : Stream
{
    private volatile Stream _stream = stream;
    private volatile bool _isElsewhere = true;

    /// <summary>The stream over the socket.</summary>
    public Stream Under => _stream;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>From now on what waits goes on on the thread that serves the socket.</summary>
    public void Stay() => _isElsewhere = false;

    /// <summary>
    /// Leaves the thread that serves the socket to the runtime's own. While nothing is under way.
    /// </summary>
    public void Leave()
    {
        if (_stream is not PolledStream polled)
            return;
        polled.Release();
        _stream = new NetworkStream(socket, ownsSocket: true);
    }

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(
        Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = _stream.ReadAsync(buffer, cancellationToken);
        return _isElsewhere && !read.IsCompleted ? Elsewhere(read) : read;
    }

    /// <inheritdoc/>
    public override ValueTask WriteAsync(
        ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var write = _stream.WriteAsync(buffer, cancellationToken);
        return _isElsewhere && !write.IsCompleted ? Elsewhere(write) : write;
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _stream.Dispose();
        base.Dispose(disposing);
    }

    private static async ValueTask<int> Elsewhere(ValueTask<int> read)
    {
        try
        {
            return await read.ConfigureAwait(false);
        }
        finally
        {
            await Hop();
        }
    }

    private static async ValueTask Elsewhere(ValueTask write)
    {
        try
        {
            await write.ConfigureAwait(false);
        }
        finally
        {
            await Hop();
        }
    }

    private static System.Runtime.CompilerServices.ConfiguredTaskAwaitable Hop() =>
        Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
}
