using System.Net;
using System.Net.Sockets;
using Kvorum.Node;
using Kvorum.Protocol;
using Kvorum.Server.Access;
using Kvorum.Server.Sockets;

namespace Kvorum.Server.Native;

/// <summary>
/// One connection of a native client. Frames are read and submitted on the thread that serves the socket, so
/// nothing here blocks; replies come on any thread, mostly a node loop, are gathered under a lock, and sent
/// together when the batch is done.
/// </summary>
/// <remarks>
/// While the reader works through what it has received, flushes are left to it: calls that are answered at
/// once, or by a node loop meanwhile, leave with one send. Everything has a bound
/// (<see cref="ClientListenerOptions"/>): at most of them the socket is simply not read, so that TCP tells
/// the client; a client that asks and does not read is cut off.
/// </remarks>
internal sealed partial class NativeConnection : IReplySink, IDisposable
{
    /// <summary>A buffer of replies that has grown beyond this is given back after use.</summary>
    private const int KeptBytesMax = 1 << 20;

    /// <summary>The longest time a node is told to try for: a client that waits longer asks again.</summary>
    private static readonly TimeSpan TimeoutMax = TimeSpan.FromHours(1);

    /// <summary>How long an ended client may go on sending before the socket is closed under it.</summary>
    private static readonly TimeSpan LingerTime = TimeSpan.FromSeconds(1);

    private readonly Socket _socket;
    private readonly Stream _stream;
    private readonly INode _door;
    private readonly ClientListenerOptions _options;
    private readonly ClientLog _log;
    private readonly EndPoint? _client;
    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, NativeCall> _calls = [];
    private readonly SocketOutput _output;
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly FrameInput _received = new();
    private TaskCompletionSource? _room;
    private long _callBytes;
    private string _likelyClientId = "";
    private bool _isGathering;
    private bool _hasMagic;
    private bool _isGreeted;
    private bool _isDraining;
    private bool _isClosed;

    /// <summary>A connection on a socket whose first bytes are still to be read.</summary>
    public NativeConnection(
        Socket socket, Stream stream, INode node, ClientListenerOptions options, ClientLog log)
    {
        (_socket, _stream, _door, _options, _log) = (socket, stream, node, options, log);
        _node = node;
        _client = socket.RemoteEndPoint;
        _output = new(stream, _gate, KeptBytesMax, Lost, Sent) { Left = Left };
        Replies = options.Traffic.Replies.Open(NotReading);
        _requests = options.Traffic.Requests.Open();
        _place = node is NodeDoor door ? new(door.Users, Replies, _requests) : null;
    }

    /// <summary>Serves until either side ends it. Never throws.</summary>
    public async Task RunAsync()
    {
        try
        {
            await ServeAsync().ConfigureAwait(false);
        }
        catch (FormatException e)
        {
            await RefuseAsync(e.Message).ConfigureAwait(false);
        }
        catch (NoPlaceException e)
        {
            // The log has it, for its user.
            if (e.IsTold)
                await SayAsync(e.Message).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await RefuseAsync($"No hello came within {_options.HandshakeTimeout.TotalSeconds} s.")
                .ConfigureAwait(false);
        }
        catch (Exception e) when (SocketStreams.IsLoss(e))
        {
            // The client is gone: there is nothing left to answer.
        }
#pragma warning disable CA1031 // A fault of one connection must not take the others along.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _log.Fault(_client, e);
        }
        finally
        {
            Close();
        }
    }

    /// <summary>Says one sentence about why the client cannot be served, and closes.</summary>
    public Task RefuseAsync(string reason)
    {
        _log.CutOff(_client, reason);
        return SayAsync(reason);
    }

    private async Task SayAsync(string reason)
    {
        var said = Utf8Text.Encode("a reason", Utf8Text.Message(reason, RequestCodec.MessageBytesMax));
        lock (_gate)
            Write(NativeFrameKind.Error, 0, said);
        try
        {
            _output.Flush();
            await LingerAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (SocketStreams.IsLoss(e) || e is OperationCanceledException)
        {
            // It did not care to listen.
        }

        Close();
    }

    /// <summary>
    /// Says goodbye and waits until all calls are answered and sent, or <paramref name="impatient"/> fires;
    /// then closes. Requests that come meanwhile are answered <see cref="ReplyStatus.ShuttingDown"/>.
    /// </summary>
    public async Task DrainAsync(CancellationToken impatient)
    {
        lock (_gate)
        {
            if (_isClosed)
                return;
            _isDraining = true;
            Write(NativeFrameKind.Goodbye, 0);
        }

        _output.Flush();
        try
        {
            await _idle.Task.WaitAsync(impatient).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // What is still under way is lost: the client asks again elsewhere, with the same ids.
        }

        await PartAsync().ConfigureAwait(false);
        Close();
    }

    /// <inheritdoc/>
    public void Flush()
    {
        if (!Volatile.Read(ref _isGathering))
            _output.Flush();
    }

    /// <summary>The answer of a call. Any thread; never blocks, never throws.</summary>
    public void Complete(NativeCall call, Reply reply)
    {
        TaskCompletionSource? room = null;
        bool isFlooded;
        lock (_gate)
        {
            if (_isClosed || !_calls.Remove(call.Correlation))
                return;
            _callBytes -= call.Bytes;
            WriteReply(call.Correlation, reply, call.ReplyBytes);
            if (HasRoom())
                (room, _room) = (_room, null);
            isFlooded = _output.Waiting > _options.OutputBytesMax;
        }

        _requests.Give(call.Bytes);
        room?.TrySetResult();
        if (isFlooded)
            End(_log.CutOff, $"{_options.OutputBytesMax} bytes of replies wait and it does not read");
    }

    /// <inheritdoc/>
    public void Dispose() => Close();

    private async Task ServeAsync()
    {
        using var handshake = new CancellationTokenSource(_options.HandshakeTimeout);
        while (true)
        {
            while (!TakeFrames())
                await (_shown is null ? RoomAsync() : CheckShownAsync()).ConfigureAwait(false);
            if (!HasSpaceRoom(out var wanted))
                await TakeSpaceRoomAsync(wanted).ConfigureAwait(false);
            var space = _received.Space();
            Volatile.Write(ref _isHalfSent, !_received.Bytes.IsEmpty);
            var count = await _stream.ReadAsync(
                space, _isGreeted ? default : handshake.Token).ConfigureAwait(false);
            Volatile.Write(ref _isHalfSent, false);
            if (count == 0)
                return;
            Volatile.Write(ref _receivedBytes, _receivedBytes + count);
            _received.Filled(count);
        }
    }

    /// <summary>
    /// Handles all whole frames received; false if it stopped early because too much is under way, or a
    /// token is to be checked first.
    /// </summary>
    private bool TakeFrames()
    {
        Volatile.Write(ref _isGathering, true);
        try
        {
            while (true)
            {
                if (!MayTake())
                    return false;
                if (!TakeFrame())
                    return true;
                if (_shown is not null)
                    return false;
            }
        }
        finally
        {
            Volatile.Write(ref _isGathering, false);
            _output.Flush();
        }
    }

    private bool TakeFrame()
    {
        if (!_hasMagic && !TakeMagic())
            return false;
        if (!_received.TryTake(out var frame))
            return false;
        Volatile.Write(ref _receivedFrames, _receivedFrames + 1);
        Handle(frame);
        return true;
    }

    private bool TakeMagic()
    {
        var magic = NativeCodec.Magic;
        var bytes = _received.Bytes.Span;
        if (!magic.StartsWith(bytes[..Math.Min(bytes.Length, magic.Length)]))
            throw new FormatException("The connection does not begin like one of the native protocol.");
        if (bytes.Length < magic.Length)
            return false;
        _received.Skip(magic.Length);
        return _hasMagic = true;
    }

    private void Handle(NativeFrame frame)
    {
        if (!_isGreeted && frame.Kind != NativeFrameKind.Hello)
            throw new FormatException($"The first frame is of kind {(byte)frame.Kind}, not a hello.");
        switch (frame.Kind)
        {
            case NativeFrameKind.Request:
                Submit(frame);
                break;
            case NativeFrameKind.Cancel:
                Cancel(frame.Correlation);
                break;
            case NativeFrameKind.MapRequest or NativeFrameKind.StatusRequest:
                Tell(frame);
                break;
            case NativeFrameKind.AdminRequest:
                Administer(frame);
                break;
            case NativeFrameKind.Hello:
                Greet(frame);
                break;
            case NativeFrameKind.Credential:
                Show(NativeCodec.ReadCredential(frame.Body));
                break;
            default:
                throw new FormatException(
                    $"Kind {(byte)frame.Kind} is none for servers of version {NativeCodec.Version}.");
        }
    }

    private void Greet(NativeFrame frame)
    {
        if (_isGreeted)
            throw new FormatException("One hello is enough.");
        var (_, name) = NativeCodec.ReadHello(frame.Body);
        _isGreeted = true;
        _log.Greeted(_client, name);
        Show(null);
        lock (_gate)
        {
            var before = _output.Waiting;
            NativeCodec.WriteHelloReply(_output.Gathered, _options.ClusterId(), _options.NodeName);
            Count(before);
        }
    }

    private void Submit(NativeFrame frame)
    {
        var (timeoutMs, request) = NativeCodec.ReadRequest(frame.Body);
        if (Decode(frame.Correlation, request) is not { } decoded)
            return;
        if (Enter(out var entered) is { } full)
        {
            lock (_gate)
                WriteReply(frame.Correlation, full);
            return;
        }

        var timeout = TimeSpan.FromMilliseconds(Math.Max(1, timeoutMs));
        var call = new NativeCall(
            this, frame.Correlation, frame.Body.Length, decoded, timeout < TimeoutMax ? timeout : TimeoutMax,
            entered);
        lock (_gate)
        {
            if (_isDraining || _isClosed)
            {
                call.Leave();
                WriteReply(frame.Correlation, new Reply
                {
                    Status = ReplyStatus.ShuttingDown,
                    Message = $"Node {_options.NodeName} is shutting down; ask another one.",
                });
                return;
            }

            if (!_calls.TryAdd(frame.Correlation, call))
            {
                call.Leave();
                throw new FormatException($"Correlation {frame.Correlation} is already under way.");
            }

            _callBytes += call.Bytes;
            _requests.Charge(call.Bytes);
        }

        _node.Submit(call);
    }

    /// <summary>
    /// The request in memory of its own: key and value live as long as the node needs them. A request that
    /// cannot be read in a frame that is whole is the caller's fault alone: it is answered, and the
    /// connection goes on.
    /// </summary>
    private Request? Decode(ulong correlation, ReadOnlyMemory<byte> bytes)
    {
        try
        {
            var request = RequestCodec.DecodeRequest(bytes.ToArray(), _likelyClientId);
            if (request is WriteRequest write)
                _likelyClientId = write.ClientId;
            return request;
        }
        catch (FormatException e)
        {
            lock (_gate)
                WriteReply(
                    correlation, new Reply { Status = ReplyStatus.InvalidArgument, Message = e.Message });
            return null;
        }
    }

    private void Cancel(ulong correlation)
    {
        NativeCall? call;
        lock (_gate)
            _calls.TryGetValue(correlation, out call);
        call?.Cancel();
    }

    private bool MayTake()
    {
        lock (_gate)
        {
            return _calls.Count < _options.InFlightMax && _callBytes < _options.InFlightBytesMax
                && _output.Waiting < _options.OutputBytesSoft;
        }
    }

    /// <summary>
    /// Some way below the bounds, so that the reader does not wake for every single answer.
    /// </summary>
    private bool HasRoom() => _calls.Count <= _options.InFlightMax * 3L / 4
        && _callBytes <= _options.InFlightBytesMax * 3 / 4 && _output.Waiting < _options.OutputBytesSoft;

    private async Task RoomAsync()
    {
        TaskCompletionSource room;
        lock (_gate)
        {
            if (_isClosed || HasRoom())
                return;
            room = _room ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        await room.Task.ConfigureAwait(false);
    }

    /// <summary>Everything gathered was sent.</summary>
    private void Sent()
    {
        TaskCompletionSource? room = null;
        bool isDrained;
        lock (_gate)
        {
            if (_isClosed || HasRoom())
                (room, _room) = (_room, null);
            isDrained = _isDraining && _calls.Count == 0 && _output.Waiting == 0;
        }

        room?.TrySetResult();
        if (isDrained)
            _idle.TrySetResult();
    }

    // A client that ends without a word is nothing an operator must know.
    private void Lost(Exception loss) => End(_log.Gone, loss.Message);

    private void End(Action<EndPoint?, string> tell, string reason)
    {
        lock (_gate)
        {
            if (_isClosed)
                return;
        }

        tell(_client, reason);
        Close();
    }

    /// <summary>
    /// Lets the client read what was said last: a socket closed over unread bytes resets the connection, and
    /// the client's kernel would throw the words away.
    /// </summary>
    private async Task LingerAsync()
    {
        using var patience = new CancellationTokenSource(LingerTime);
        _socket.Shutdown(SocketShutdown.Send);
        var waste = new byte[4096];
        while (await _stream.ReadAsync(waste, patience.Token).ConfigureAwait(false) > 0)
        {
        }
    }

    /// <summary>Ends our half and gives the client a moment to end its own: then nothing is reset.</summary>
    private async Task PartAsync()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
            await _ended.Task.WaitAsync(LingerTime).ConfigureAwait(false);
        }
        catch (Exception e) when (SocketStreams.IsLoss(e) || e is TimeoutException)
        {
            // It is gone, or stays: the socket is closed either way.
        }
    }

    private void Close()
    {
        TaskCompletionSource? room;
        lock (_gate)
        {
            if (_isClosed)
                return;
            _isClosed = true;
            foreach (var call in _calls.Values)
                call.Cancel();
            _calls.Clear();
            (room, _room) = (_room, null);
        }

        _stream.Dispose();
        Replies.Dispose();
        _requests.Dispose();
        _place?.Dispose();
        room?.TrySetResult();
        _idle.TrySetResult();
        _ended.TrySetResult();
    }
}
