using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Kvorum.Node.Room;

namespace Kvorum.Server;

/// <summary>A message that was begun came too slowly, or not to its end.</summary>
internal sealed class MessageTooSlowException(long bytes) : IOException(
    $"the request was begun and did not go on: {bytes} bytes of it came, and less than "
        + $"{MessagePace.WindowBytes} in the last {MessagePace.WindowMs / 1000} s; nothing was done");

/// <summary>
/// The body of a gRPC request, whose messages are admitted by their length (the five bytes before each tell
/// it) before the web server may ask the client for the rest: until there is room, the client's window stays
/// shut. What has come by then is counted too, and where even that has no room the message is refused. A
/// message that was begun must go on coming. One reader at a time.
/// </summary>
/// <param name="inner">The web server's.</param>
/// <param name="traffic">The connection's shares.</param>
/// <param name="messageBytesMax">A longer message is refused by its reader, and its rest never read.</param>
internal sealed class AdmittedBodyReader(PipeReader inner, ConnectionTraffic traffic, int messageBytesMax)
    : PipeReader
{
    private const int PrefixBytes = 5;

    private readonly ByteShare _requests = traffic.Requests;
    private MessagePace _pace;
    private ReadOnlySequence<byte> _read;
    private long _left;
    private long _passed;
    private long _wanted;
    private long _held;
    private long _begun;
    private bool _isRefused;
    private bool _takesMany;
    private long _messages;

    /// <summary>
    /// The call goes on after a message: each holds its room only until the next is asked for. Otherwise the
    /// one message holds it until the call has ended, and its end must come soon.
    /// </summary>
    public void TakesManyMessages() => _takesMany = true;

    /// <inheritdoc/>
    public override bool TryRead(out ReadResult result)
    {
        result = default;
        return _wanted <= _held && inner.TryRead(out result) && Remember(result);
    }

    /// <inheritdoc/>
    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
        TryRead(out var result) ? new(result) : WaitAsync(cancellationToken);

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        var rest = _read.Slice(consumed);
        _passed += _read.Length - rest.Length;
        _left = rest.Length;
        _read = default;
        if (_left > 0)
            Want(rest);
        else
            _messages++;
        // What is not examined keeps the client's window shut.
        inner.AdvanceTo(consumed, _wanted <= _held ? examined : consumed);
    }

    /// <inheritdoc/>
    public override void CancelPendingRead() => inner.CancelPendingRead();

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null) => inner.Complete(exception);

    /// <summary>The call has ended.</summary>
    public void Close()
    {
        _requests.Give(_held);
        traffic.Begun.Give(_begun);
        (_held, _begun) = (0, 0);
    }

    private bool Remember(in ReadResult result)
    {
        _read = result.Buffer;
        return true;
    }

    private void Want(in ReadOnlySequence<byte> begun)
    {
        Span<byte> prefix = stackalloc byte[PrefixBytes];
        _wanted = begun.Length;
        if (begun.Length >= PrefixBytes)
        {
            begun.Slice(0, PrefixBytes).CopyTo(prefix);
            var length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
            _wanted = Math.Max(begun.Length, PrefixBytes + Math.Min(length, messageBytesMax));
        }

        if (_wanted <= _held)
            return;
        if (_requests.TryTake(_wanted - _held))
            _held = _wanted;
        else if (_begun == 0 && traffic.Begun.TryTake(begun.Length))
            _begun = begun.Length;
        else
            _isRefused = true;
    }

    private async ValueTask<ReadResult> WaitAsync(CancellationToken cancelled)
    {
        if (_takesMany && _left == 0)
        {
            // Between two messages: the one before is in other hands.
            _requests.Give(_held);
            (_held, _wanted) = (0, 0);
        }

        if (_isRefused)
            throw new NoRoomException();
        if (_wanted > _held)
            await AdmitAsync(cancelled).ConfigureAwait(false);

        var hasBegun = _left > 0 || (!_takesMany && _passed > 0);
        var result = hasBegun
            ? await PacedAsync(cancelled).ConfigureAwait(false)
            : await inner.ReadAsync(cancelled).ConfigureAwait(false);
        Remember(result);
        return result;
    }

    private async ValueTask AdmitAsync(CancellationToken cancelled)
    {
        // All of it anew, so that no two messages each wait for what the other has.
        _requests.Give(_held);
        _held = 0;
        await _requests.TakeAsync(_wanted, cancelled).ConfigureAwait(false);
        _held = _wanted;
        traffic.Begun.Give(_begun);
        _begun = 0;
        _pace = default;
    }

    private async ValueTask<ReadResult> PacedAsync(CancellationToken cancelled)
    {
        var pending = inner.ReadAsync(cancelled);
        if (pending.IsCompleted)
            return await pending.ConfigureAwait(false);
        var read = pending.AsTask();
        while (!_pace.IsTooSlow(Environment.TickCount64, hasBegun: true, _passed + _left, _messages))
        {
            using var ended = new CancellationTokenSource();
            var pause = Task.Delay((int)MessagePace.WindowMs / 4, ended.Token);
            var first = await Task.WhenAny(read, pause).ConfigureAwait(false);
            await ended.CancelAsync().ConfigureAwait(false);
            if (first == read)
                return await read.ConfigureAwait(false);
        }

        inner.CancelPendingRead();
        var last = await read.ConfigureAwait(false);
        inner.AdvanceTo(last.Buffer.End);
        throw new MessageTooSlowException(_passed + _left);
    }
}
