using System.Buffers;
using System.IO.Pipelines;

namespace Kvorum.Server;

/// <summary>
/// A response's body that is given to the web server slice by slice: what is large then lies in memory once,
/// not once more in the server's own buffers, and it is seen whether the client takes it. Small bodies pass
/// as they are. One writer at a time.
/// </summary>
/// <param name="inner">The web server's.</param>
/// <param name="taken">Told how many bytes of a large body the client has taken.</param>
internal sealed class SlicedPipeWriter(PipeWriter inner, Action<int> taken) : PipeWriter
{
    private const int SliceBytes = 64 << 10;

    private Queue<ArrayBufferWriter<byte>>? _slices;
    private ArrayBufferWriter<byte>? _last;
    private int _passed;

    /// <summary>True while something waits here for a flush.</summary>
    public bool HasSlices => _last is not null;

    /// <inheritdoc/>
    public override bool CanGetUnflushedBytes => true;

    /// <inheritdoc/>
    public override long UnflushedBytes =>
        _passed + (_slices?.Sum(static slice => (long)slice.WrittenCount) ?? 0);

    /// <inheritdoc/>
    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        // Of a request that was given up the web server takes bytes as before, and drops them. Asked for no
        // size it may give room for none then, and a writer that goes on until all is written never ends.
        if (_last is null && _passed + sizeHint < SliceBytes)
            return inner.GetMemory(Math.Max(1, sizeHint));
        if (_last is null || _last.FreeCapacity < Math.Max(1, sizeHint))
            (_slices ??= new()).Enqueue(_last = new(Math.Max(SliceBytes, sizeHint)));
        return _last.GetMemory(sizeHint);
    }

    /// <inheritdoc/>
    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    /// <inheritdoc/>
    public override void Advance(int bytes)
    {
        if (_last is not null)
        {
            _last.Advance(bytes);
            return;
        }

        inner.Advance(bytes);
        _passed += bytes;
    }

    /// <inheritdoc/>
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        _passed = 0;
        return _last is null ? inner.FlushAsync(cancellationToken) : FlushSlicesAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override void CancelPendingFlush() => inner.CancelPendingFlush();

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null) => inner.Complete(exception);

    private async ValueTask<FlushResult> FlushSlicesAsync(CancellationToken cancelled)
    {
        _last = null;
        var flushed = await inner.FlushAsync(cancelled).ConfigureAwait(false);
        while (!flushed.IsCompleted && !flushed.IsCanceled && _slices!.TryDequeue(out var slice))
        {
            flushed = await inner.WriteAsync(slice.WrittenMemory, cancelled).ConfigureAwait(false);
            taken(slice.WrittenCount);
        }

        _slices!.Clear();
        return flushed;
    }
}
