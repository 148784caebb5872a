using System.Buffers;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Kvorum.Protocol;

namespace Kvorum.Client;

/// <summary>
/// One TCP connection to a node, shared by any number of calls. Callers encode into a common buffer under a
/// lock; a caller that finds no send under way sends all that has gathered. While the reader hands out the
/// answers of what it has received, sending is left to it: the questions that those answers lead to leave
/// with one send for each node that is asked.
/// </summary>
internal sealed partial class NodeConnection : IDisposable
{
    /// <summary>Spent calls kept for reuse.</summary>
    private const int SpareMax = 1024;

    /// <summary>A node from which nothing came for so long although it was asked is taken for dead.</summary>
    private const int SilenceMs = 900;

    // While this thread hands out answers: the other connections on which they led to questions.
    [ThreadStatic]
    private static List<NodeConnection>? _asked;

    private readonly Stream _stream;
    private readonly bool _inline;
    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, PendingCall> _calls = [];
    private readonly Stack<PendingCall> _spare = new();
    private readonly FrameInput _input = new();
    private readonly List<NodeConnection> _others = [];
    private readonly Action _goOn;
    private readonly TaskCompletionSource _greeted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ArrayBufferWriter<byte> _gathered = new(4096);
    private ArrayBufferWriter<byte> _leaving = new(4096);
    private ConfiguredValueTaskAwaitable.ConfiguredValueTaskAwaiter _write;
    private ulong _nextCorrelation;
    private long _heardMs;
    private bool _isSending;
    private bool _isHandingOut;
    private bool _isClosed;
    private string _likelyLeader = "";
    private string _lossReason = "";

    private NodeConnection(Stream stream, string address, bool inline)
    {
        (_stream, Address, _inline) = (stream, address, inline);
        _heardMs = Environment.TickCount64;
        _goOn = GoOn;
    }

    /// <summary>The node's address, as it was dialled.</summary>
    public string Address { get; }

    /// <summary>The node's name, once it has said hello.</summary>
    public string NodeName { get; private set; } = "";

    /// <summary>The cluster it belongs to, once it has said hello.</summary>
    public Guid ClusterId { get; private set; }

    /// <summary>
    /// False once the node has said goodbye or the connection is gone: new calls belong elsewhere.
    /// </summary>
    public bool IsUsable { get; private set; } = true;

    /// <summary>True once it is gone.</summary>
    public bool IsClosed => Volatile.Read(ref _isClosed);

    /// <summary>
    /// Dials, says hello and waits for the node's hello. Throws <see cref="SocketException"/>,
    /// <see cref="IOException"/> or <see cref="OperationCanceledException"/>.
    /// </summary>
    public static async Task<NodeConnection> DialAsync(
        string address, HostPort target, KvorumClientOptions options, Action<NodeConnection> ended,
        CancellationToken cancelled)
    {
        var stream = await ConnectAsync(target, options.Tls, cancelled).ConfigureAwait(false);
        var connection = new NodeConnection(stream, address, options.InlineContinuations);
        try
        {
            connection._gathered.Write(NativeCodec.Magic);
            NativeCodec.WriteHello(connection._gathered, options.Name);
            if (options.Credential is { } credential)
                connection.Show(await credential.TokenAsync(cancelled).ConfigureAwait(false));
            connection.Flush();
            _ = connection.ReadAsync(ended);
            await connection._greeted.Task.WaitAsync(cancelled).ConfigureAwait(false);
            return connection;
        }
        catch
        {
            connection.Close("it could not be opened");
            throw;
        }
    }

    /// <summary>Asks a request.</summary>
    public ValueTask<Answer> AskAsync(
        Request request, long nowMs, long deadlineMs, CancellationToken cancelled) =>
        AskAsync(NativeFrameKind.Request, request, default, nowMs, deadlineMs, cancelled);

    /// <summary>Asks an operator's request, as JSON.</summary>
    public ValueTask<Answer> AdministerAsync(
        ReadOnlyMemory<byte> json, long nowMs, long deadlineMs, CancellationToken cancelled) =>
        AskAsync(NativeFrameKind.AdminRequest, null, json, nowMs, deadlineMs, cancelled);

    /// <summary>Asks for the map or the state.</summary>
    public ValueTask<Answer> AskAsync(
        NativeFrameKind kind, long nowMs, long deadlineMs, CancellationToken cancelled) =>
        AskAsync(kind, null, default, nowMs, deadlineMs, cancelled);

    /// <summary>Ends a call early, if it is still under way; the node is told. Any thread.</summary>
    public void TakeBack(ulong correlation, AnswerKind kind)
    {
        PendingCall? call;
        lock (_gate)
        {
            if (!_calls.Remove(correlation, out call))
                return;
            if (!_isClosed)
                NativeCodec.Write(_gathered, NativeFrameKind.Cancel, correlation);
        }

        call.Complete(new(kind, Reason: $"{Address} did not answer in time"));
        Flush();
    }

    /// <summary>
    /// Ends calls whose time is up. If nothing at all was heard since the oldest of them was asked, the
    /// connection is taken for dead: a node answers late requests, too. Called every now and then.
    /// </summary>
    public void Sweep(long nowMs, List<ulong> overdue)
    {
        overdue.Clear();
        var isSilent = false;
        lock (_gate)
        {
            foreach (var call in _calls.Values)
            {
                if (call.DeadlineMs > nowMs)
                    continue;
                overdue.Add(call.Correlation);
                isSilent |= call.AskedMs > Volatile.Read(ref _heardMs) && nowMs - call.AskedMs >= SilenceMs;
            }
        }

        foreach (var correlation in overdue)
            TakeBack(correlation, AnswerKind.TimedOut);
        if (isSilent)
            Close("the node went silent");
        CloseIfDone();
    }

    /// <summary>
    /// Takes no more calls, and closes when those under way are over. Any thread.
    /// </summary>
    public void LetGo()
    {
        lock (_gate)
        {
            IsUsable = false;
            if (_lossReason.Length == 0)
                _lossReason = "the node is no member any more";
        }

        CloseIfDone();
    }

    /// <summary>A call has done its duty. Any thread.</summary>
    public void Return(PendingCall call)
    {
        lock (_gate)
        {
            if (_spare.Count < SpareMax)
                _spare.Push(call);
        }
    }

    /// <summary>
    /// Ends the connection; calls under way are answered <see cref="AnswerKind.Lost"/>. Any thread.
    /// </summary>
    public void Close(string reason)
    {
        PendingCall[] calls;
        lock (_gate)
        {
            if (_isClosed)
                return;
            _isClosed = true;
            IsUsable = false;
            if (_lossReason.Length == 0)
                _lossReason = reason;
            calls = [.. _calls.Values];
            _calls.Clear();
        }

        _stream.Dispose();
        _greeted.TrySetException(new IOException($"The connection to {Address} was lost: {_lossReason}."));
        _ = _greeted.Task.Exception;
        foreach (var call in calls)
            call.Complete(LostAnswer());
    }

    /// <inheritdoc/>
    public void Dispose() => Close("the client was closed");

    private Answer LostAnswer() =>
        new(AnswerKind.Lost, Reason: $"the connection to {Address} was lost: {_lossReason}");

    private ValueTask<Answer> AskAsync(
        NativeFrameKind kind, Request? request, ReadOnlyMemory<byte> json, long nowMs, long deadlineMs,
        CancellationToken cancelled)
    {
        PendingCall? call;
        ValueTask<Answer> task;
        lock (_gate)
        {
            if (!IsUsable)
                return new(new Answer(AnswerKind.NotSent, Reason: $"{Address} takes no more requests"));
            var correlation = ++_nextCorrelation;
            var timeoutMs = (uint)Math.Max(1, deadlineMs - nowMs);
            if (request is not null)
                NativeCodec.WriteRequest(_gathered, correlation, timeoutMs, request);
            else if (kind == NativeFrameKind.AdminRequest)
                NativeCodec.WriteAdminRequest(_gathered, correlation, timeoutMs, json.Span);
            else
                NativeCodec.Write(_gathered, kind, correlation);
            if (!_spare.TryPop(out call))
                call = new(this);
            call.Begin(correlation, nowMs, deadlineMs, _inline);
            task = call.Task;
            if (cancelled.CanBeCanceled)
                call.CancelWith(cancelled);
            _calls.Add(correlation, call);
        }

        // A token that fired before the call was in the table found nothing to take back.
        if (cancelled.IsCancellationRequested)
            TakeBack(call.Correlation, AnswerKind.Cancelled);
        Flush();
        return task;
    }

    private void Flush()
    {
        if (Volatile.Read(ref _isHandingOut))
            return;
        if (_asked is { } asked)
        {
            if (!asked.Contains(this))
                asked.Add(this);
            return;
        }

        lock (_gate)
        {
            if (_isSending || _isClosed || _gathered.WrittenCount == 0)
                return;
            TakeGathered();
        }

        Send();
    }

    private static async Task<Stream> ConnectAsync(
        HostPort target, KvorumTls? tls, CancellationToken cancelled)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(target.Host, target.Port, cancelled).ConfigureAwait(false);
            var stream = new NetworkStream(socket, ownsSocket: true);
            return tls is null ? stream
                : await tls.OpenAsync(stream, target.Host, cancelled).ConfigureAwait(false);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    // A send that had to wait for room is done.
    private void GoOn()
    {
        try
        {
            _write.GetResult();
            if (HasMore())
                Send();
        }
        catch (Exception e) when (IsLoss(e))
        {
            Close(e.InnerException?.Message ?? e.Message);
        }
    }

    /// <summary>Owned by the caller that set <see cref="_isSending"/>.</summary>
    private void Send()
    {
        try
        {
            do
            {
#pragma warning disable CA2012 // awaited by hand: an async method would cost a state machine for each write
                var write = _stream.WriteAsync(_leaving.WrittenMemory).ConfigureAwait(false).GetAwaiter();
#pragma warning restore CA2012
                if (!write.IsCompleted)
                {
                    _write = write;
                    write.UnsafeOnCompleted(_goOn);
                    return;
                }

                write.GetResult();
            }
            while (HasMore());
        }
        catch (Exception e) when (IsLoss(e))
        {
            Close(e.InnerException?.Message ?? e.Message);
        }
    }

    // What a stream throws when the connection is gone, from either side.
    private static bool IsLoss(Exception met) =>
        met is IOException or SocketException or ObjectDisposedException or InvalidOperationException;

    private bool HasMore()
    {
        lock (_gate)
        {
            if (_gathered.WrittenCount > 0 && !_isClosed)
            {
                TakeGathered();
                return true;
            }

            _leaving.ResetWrittenCount();
            _isSending = false;
            return false;
        }
    }

    private void TakeGathered()
    {
        const int keptBytesMax = 1 << 20;
        (_gathered, _leaving) = (_leaving.Capacity > keptBytesMax ? new(4096) : _leaving, _gathered);
        _gathered.ResetWrittenCount();
        _isSending = true;
    }

    private async Task ReadAsync(Action<NodeConnection> ended)
    {
        try
        {
            while (true)
            {
                var count = await _stream.ReadAsync(_input.Space()).ConfigureAwait(false);
                if (count == 0)
                    break;
                _input.Filled(count);
                Volatile.Write(ref _heardMs, Environment.TickCount64);
                TakeFrames();
            }

            Close("the node closed it" + Hint());
        }
        catch (FormatException e)
        {
            Close(_greeted.Task.IsCompleted
                ? e.Message : "what listens there is no node's --addr: it speaks another protocol");
        }
        catch (Exception e) when (IsLoss(e))
        {
            Close((e.InnerException?.Message ?? e.Message) + Hint());
        }

        ended(this);
    }

    // In TLS 1.3 a client hears after its own handshake what the server thinks of its certificate.
    private string Hint() => _stream is SslStream && !_greeted.Task.IsCompleted
        ? " right after the TLS handshake; its log says why: perhaps it wants a certificate, or does not "
            + "believe the one shown" : "";

    private void TakeFrames()
    {
        Volatile.Write(ref _isHandingOut, true);
        _asked = _others;
        try
        {
            while (_input.TryTake(out var frame))
                Handle(frame);
        }
        finally
        {
            _asked = null;
            Volatile.Write(ref _isHandingOut, false);
            Flush();
            foreach (var other in _others)
                other.Flush();
            _others.Clear();
        }

        CloseIfDone();
    }

    private void Handle(NativeFrame frame)
    {
        switch (frame.Kind)
        {
            case NativeFrameKind.Reply:
                // The value is handed to the caller: it gets memory of its own.
                var reply = RequestCodec.DecodeReply(frame.Body.ToArray(), _likelyLeader);
                _likelyLeader = reply.Leader;
                Answer(frame.Correlation, new(AnswerKind.Reply, reply));
                break;
            case NativeFrameKind.MapReply or NativeFrameKind.StatusReply or NativeFrameKind.AdminReply:
                Answer(frame.Correlation, new(AnswerKind.Body, Body: frame.Body.ToArray()));
                break;
            case NativeFrameKind.HelloReply:
                (_, ClusterId, NodeName) = NativeCodec.ReadHelloReply(frame.Body);
                _greeted.TrySetResult();
                break;
            case NativeFrameKind.Goodbye:
                IsUsable = false;
                break;
            case NativeFrameKind.Error:
                _lossReason = Utf8Text.DecodeMessage(frame.Body.Span[..Math.Min(frame.Body.Length, 1024)]);
                throw new FormatException(_lossReason);
            default:
                throw new FormatException($"{Address} sent a frame of kind {(byte)frame.Kind}.");
        }
    }

    private void Answer(ulong correlation, Answer answer)
    {
        PendingCall? call;
        lock (_gate)
        {
            // One that was taken back is answered all the same.
            if (!_calls.Remove(correlation, out call))
                return;
        }

        call.Complete(answer);
    }

    private void CloseIfDone()
    {
        if (IsUsable)
            return;
        bool isDone;
        lock (_gate)
            isDone = _calls.Count == 0;
        if (isDone)
            Close("the node is shutting down");
    }
}
