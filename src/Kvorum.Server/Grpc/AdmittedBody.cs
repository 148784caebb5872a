using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Grpc.Core;
using Kvorum.Node.Budgets;
using Microsoft.AspNetCore.Http;

namespace Kvorum.Server.Grpc;

/// <summary>
/// The body of a gRPC request, as the library reads it. Its messages are admitted by their length (the five
/// bytes before each tell it) before the web server may ask the client for the rest: until there is room, the
/// client's window stays shut. What has come by then is counted too, and where even that has no room the
/// message is refused. A message that was begun must go on coming. What breaks the framing ends the call with
/// the status that gRPC's own table asks for. One reader at a time.
/// </summary>
/// <param name="inner">The web server's.</param>
/// <param name="call">The call; its deadline bounds the wait for room.</param>
/// <param name="traffic">The connection's shares.</param>
/// <param name="messageBytesMax">A longer message is refused, and its rest never read.</param>
/// <param name="isCompressed">True if the call's headers name a compression for its messages.</param>
internal sealed class AdmittedBody(
    PipeReader inner, GrpcCall call, ConnectionTraffic traffic, int messageBytesMax, bool isCompressed)
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
        if (_wanted > _held || !inner.TryRead(out result))
            return false;
        Look(result);
        return true;
    }

    /// <inheritdoc/>
    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return TryRead(out var result) ? new(result) : WaitAsync(cancellationToken);
        }
        catch (IOException lost)
        {
            throw Lost(lost);
        }
    }

    /// <summary>
    /// The one message of the call, with its five bytes before it, if all of it is here, uncompressed, and
    /// nothing is wrong with the framing: to be followed by AdvanceTo, as every read. Else nothing has
    /// happened.
    /// </summary>
    public bool TryReadWhole(out ReadOnlySequence<byte> message)
    {
        message = default;
        if (isCompressed || !inner.TryRead(out var read))
            return false;
        message = _read = read.Buffer;
        if (read.IsCompleted && !read.Buffer.IsEmpty && Problem(read) is null)
            return true;
        inner.AdvanceTo(read.Buffer.Start);
        _read = default;
        return false;
    }

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

    private void Look(in ReadResult result)
    {
        _read = result.Buffer;
        if (Problem(result) is not { } problem)
            return;
        inner.AdvanceTo(result.Buffer.End);
        throw problem;
    }

    /// <summary>What is wrong with the bytes, which begin with a message or with a part of one.</summary>
    private RpcException? Problem(in ReadResult result)
    {
        var length = result.Buffer.Length;
        if (length == 0)
            return result.IsCompleted && !_takesMany && _passed == 0
                ? GrpcErrors.Of(StatusCode.Unimplemented, "the method takes one message and got none")
                : null;
        if (!_takesMany && _passed > 0)
            return More();
        if (length < PrefixBytes)
            return result.IsCompleted ? CutShort() : null;
        var (flag, bytes) = Prefix(result.Buffer);
        if (flag > 1)
            return GrpcErrors.Of(
                StatusCode.Internal, $"a message begins with {flag}, which is no compressed flag");
        if (bytes > messageBytesMax)
            return GrpcErrors.TooLarge($"{bytes} announced", messageBytesMax);
        if (flag == 1 && !isCompressed)
            return GrpcErrors.Of(
                StatusCode.Internal,
                "a message is flagged as compressed but grpc-encoding names no compression");
        if (length < PrefixBytes + bytes)
            return result.IsCompleted ? CutShort() : null;
        return !_takesMany && length > PrefixBytes + bytes ? More() : null;
    }

    private static RpcException More() =>
        GrpcErrors.Of(StatusCode.Unimplemented, "the method takes one message and got more");

    private static RpcException CutShort() =>
        GrpcErrors.Of(StatusCode.Internal, "the request ends in the middle of a message");

    // The server tells of a lost client here first, by the cancellation a moment later.
    private static RpcException Lost(IOException lost) => lost is BadHttpRequestException
        ? GrpcErrors.Of(StatusCode.Internal, $"the request broke off: {lost.Message}")
        : GrpcErrors.Of(StatusCode.Cancelled, "the client has gone");

    private static (byte Flag, uint Bytes) Prefix(in ReadOnlySequence<byte> begun)
    {
        Span<byte> prefix = stackalloc byte[PrefixBytes];
        begun.Slice(0, PrefixBytes).CopyTo(prefix);
        return (prefix[0], BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]));
    }

    private void Want(in ReadOnlySequence<byte> begun)
    {
        _wanted = begun.Length;
        if (begun.Length >= PrefixBytes)
            _wanted = Math.Max(begun.Length, PrefixBytes + Math.Min(Prefix(begun).Bytes, messageBytesMax));
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
            throw GrpcErrors.NoRoom(new());
        if (_wanted > _held)
            await AdmitAsync(cancelled).ConfigureAwait(false);

        var hasBegun = _left > 0 || (!_takesMany && _passed > 0);
        ReadResult result;
        try
        {
            result = hasBegun
                ? await PacedAsync(cancelled).ConfigureAwait(false)
                : await inner.ReadAsync(cancelled).ConfigureAwait(false);
        }
        catch (IOException lost)
        {
            throw Lost(lost);
        }

        Look(result);
        return result;
    }

    private async ValueTask AdmitAsync(CancellationToken cancelled)
    {
        // All of it anew, so that no two messages each wait for what the other has.
        _requests.Give(_held);
        _held = 0;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancelled, call.Aborted);
        if (call.TimeLeft is { } left)
            patience.CancelAfter(left);
        try
        {
            await _requests.TakeAsync(_wanted, patience.Token).ConfigureAwait(false);
        }
        catch (NoRoomException full)
        {
            throw GrpcErrors.NoRoom(full);
        }

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
        throw GrpcErrors.Of(
            StatusCode.DeadlineExceeded,
            $"the request was begun and did not go on: {_passed + _left} bytes of it came, and less than "
            + $"{MessagePace.WindowBytes} in the last {MessagePace.WindowMs / 1000} s; nothing was done");
    }
}
