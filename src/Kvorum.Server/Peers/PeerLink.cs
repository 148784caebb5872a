using Kvorum.Node;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Peers;

/// <summary>
/// The way to one peer: dials it, introduces itself, keeps the connection alive and dials again when it is
/// lost. One task per peer runs <see cref="Run"/>; <see cref="Send"/> and <see cref="SawIncoming"/> come from
/// any thread.
/// </summary>
internal sealed class PeerLink(
    MemberSeed seed, OwnIntroduction self, TransportOptions options, TimeProvider time, ILogger log,
    TransportCounters counters)
    : IDisposable
{
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _retry = new(0, 1);
    private readonly Backoff _backoff = new(options.BackoffMin, options.BackoffMax);
    private readonly PeerPlaces _places = new(seed.PeerAddress);
    private readonly CancellationTokenSource _left = new();
    private volatile PeerConnection? _up;
    private string _advertised = "";
    private ulong _process;
    private PeerHello? _peer;
    private bool _downWasTold;
    private string _lastWhy = "";

    /// <summary>What the operator calls the peer.</summary>
    public string Name { get; private set; } = seed.Name.Length > 0 ? seed.Name : seed.PeerAddress;

    /// <summary>What the cluster calls it; empty while that is not known.</summary>
    public string AgreedName { get; private set; } = seed.Name;

    /// <summary>Cancelled when the peer is no member any more.</summary>
    public CancellationToken Left => _left.Token;

    /// <summary>Queues a frame; false if it was dropped.</summary>
    public bool Send(PeerFrameKind kind, ReadOnlySpan<byte> payload)
    {
        if (_up is { } connection && connection.Writer.Send((byte)kind, payload))
        {
            counters.Sent(PeerWire.HeaderBytes + payload.Length);
            return true;
        }

        counters.Dropped();
        return false;
    }

    /// <summary>The format version has changed: a peer that does not speak it is disconnected.</summary>
    public void Check()
    {
        lock (_lock)
        {
            if (_up is { } up && _peer is { } peer && PeerCheck.OfFormats(self.Now.Node, peer) is { } why)
                up.Abort(new(PeerLoss.Silent, why));
        }
    }

    /// <summary>Pings, and notices silence.</summary>
    public void Watch() => _up?.Watch(options);

    /// <summary>
    /// The peer has dialled us: it lives, at the address it says. A process other than the one we are
    /// connected to means that ours is a connection to the dead.
    /// </summary>
    public void SawIncoming(PeerIntroduction peer)
    {
        PeerConnection? dead;
        lock (_lock)
        {
            if (peer.Node.PeerAddress.Length > 0 && peer.Node.PeerAddress != _advertised)
            {
                if (peer.Node.PeerAddress != _places.Current)
                    Log.PeerMoved(log, peer.Node.Name, peer.Node.PeerAddress);
                _advertised = peer.Node.PeerAddress;
                _places.Learn(_advertised);
            }

            dead = peer.Process != _process ? _up : null;
        }

        dead?.Abort(new(PeerLoss.ProcessGone, "it was started anew"));
        RetryNow();
    }

    /// <summary>
    /// Others say that the peer is there, and is called so. While it is connected it has said itself where it
    /// is.
    /// </summary>
    public void Told(MemberSeed peer)
    {
        if (peer.Name.Length > 0)
            AgreedName = peer.Name;
        if (_places.Told(peer.PeerAddress, isConnected: _up is not null))
            RetryNow();
    }

    /// <summary>
    /// The peer is no member any more: <see cref="Run"/> ends. Runs nothing on the caller's thread.
    /// </summary>
    public void Leave() => _ = _left.CancelAsync();

    /// <summary>
    /// Dials until it is stopped, or the peer has left. Tells the receiver of every change, in order; of
    /// nothing once it is stopped.
    /// </summary>
    public async Task Run(IPeerReceiver receiver, CancellationToken stop)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop, _left.Token);
        while (!end.IsCancellationRequested)
        {
            var ending = await Connect(receiver, end.Token).ConfigureAwait(false);
            if (end.IsCancellationRequested)
                break;
            TellDown(receiver, ending);
            var pause = ending.Refusal is { MayPass: false } ? options.BackoffMax : _backoff.Next();
            await Pause(pause, end.Token).ConfigureAwait(false);
        }

        if (!stop.IsCancellationRequested)
            TellLeft(receiver);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _up?.Dispose();
        _retry.Dispose();
    }

    /// <summary>One attempt and, if it succeeds, the whole life of the connection.</summary>
    private async Task<PeerEnding> Connect(IPeerReceiver receiver, CancellationToken cancel)
    {
        PeerConnection? connection = null;
        try
        {
            using var timeout = new CancellationTokenSource(options.ConnectTimeout, time);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancel);
            var stream = await PeerDial.Connect(_places.Current, options.Dial, both.Token)
                .ConfigureAwait(false);
            connection = new(stream, options, time);
            using var abort = cancel.Register(connection.Dispose);
            var peer = await Introduce(connection, both.Token).ConfigureAwait(false);
            TellUp(receiver, connection, peer);
            await ReadAnswers(connection, cancel).ConfigureAwait(false);
            throw new EndOfStreamException();
        }
        catch (Exception e) when (PeerDial.IsExpected(e))
        {
            return connection?.Ending(e) ?? PeerEnding.From(e);
        }
        finally
        {
            connection?.Dispose();
        }
    }

    /// <summary>Both sides send a hello and check the other's.</summary>
    private async Task<PeerIntroduction> Introduce(PeerConnection connection, CancellationToken cancel)
    {
        var hello = PeerWire.EncodeIntroduction(self.Now with { Expected = seed.Id });
        await connection.SendOpening(PeerWire.Hello, hello, cancel).ConfigureAwait(false);
        await connection.Reader.ReadPreamble(cancel).ConfigureAwait(false);
        var answer =
            await connection.Reader.Read(PeerWire.IntroductionBytesMax, cancel).ConfigureAwait(false);
        if (answer.Kind == PeerWire.Refused)
            throw new PeerRefusedException(PeerWire.DecodeRefusal(answer.Payload));
        if (answer.Kind != PeerWire.Welcome)
            throw new PeerWireException(
                $"it answered with a frame of kind {answer.Kind} in place of a welcome");
        var peer = PeerWire.DecodeIntroduction(answer.Payload);
        if (PeerCheck.OfCertificate(connection.Identity, peer.Node, AgreedName) is { } refusal)
            throw new PeerRefusedException(refusal);
        if (PeerCheck.OfAnswer(self.Now.Node, seed, peer.Node) is { } why)
            throw new PeerRefusedException(new(why));
        return peer;
    }

    /// <summary>
    /// Nothing but pings comes back on a connection that we dialled, or the reason why it is closed.
    /// </summary>
    private static async Task ReadAnswers(PeerConnection connection, CancellationToken cancel)
    {
        while (true)
        {
            var frame =
                await connection.Reader.Read(PeerWire.IntroductionBytesMax, cancel).ConfigureAwait(false);
            if (frame.Kind == PeerWire.Refused)
                throw new PeerWireException(PeerWire.DecodeRefusal(frame.Payload).Why);
        }
    }

    private void TellUp(IPeerReceiver receiver, PeerConnection connection, PeerIntroduction peer)
    {
        lock (_lock)
        {
            (_process, _peer) = (peer.Process, peer.Node);
            Name = peer.Node.Name.Length > 0 ? peer.Node.Name : Name;
            if (peer.Node.PeerAddress.Length > 0)
                _advertised = peer.Node.PeerAddress;
            _places.Reached(peer.Node.PeerAddress);
            _up = connection;
        }

        // It was raised meanwhile.
        Check();
        _downWasTold = false;
        _lastWhy = "";
        _backoff.Stood(time.GetTimestamp());
        counters.Connected();
        Log.PeerUp(log, Name, _places.Current);
        receiver.PeerUp(peer.Node);
    }

    private void TellDown(IPeerReceiver receiver, PeerEnding ending)
    {
        var wasUp = _up is not null;
        var target = _places.Current;
        _up = null;
        if (wasUp)
        {
            counters.Lost();
            _backoff.Fell(time);
            Log.PeerLost(log, Name, target, ending.Why);
        }
        else
        {
            if (_lastWhy != ending.Why)
                LogFailure(target, ending);
            _lastWhy = ending.Why;
            _places.Missed();
        }

        if (!_downWasTold)
        {
            _downWasTold = true;
            receiver.PeerDown(seed.Id, ending.Loss);
        }

        if (ending.Refusal is { } refusal)
            receiver.PeerRefused(seed.Id, refusal.Why);
    }

    private void TellLeft(IPeerReceiver receiver)
    {
        Log.PeerLeft(log, Name, _places.Current);
        if (_up is null)
            return;
        _up = null;
        counters.Lost();
        receiver.PeerDown(seed.Id, PeerLoss.Silent);
    }

    private void LogFailure(string target, PeerEnding ending)
    {
        switch (ending.Refusal)
        {
            case { MayPass: false }:
                Log.PeerRefused(log, Name, target, ending.Why);
                break;
            case { MayPass: true }:
                Log.NotTakenForMember(log, Name, target, ending.Why);
                break;
            default:
                Log.PeerUnreachable(log, Name, target, ending.Why);
                break;
        }
    }

    /// <summary>
    /// Waits; a sign of life cuts it short, but never below the first back-off, so that no fault can make it
    /// spin.
    /// </summary>
    private async Task Pause(TimeSpan pause, CancellationToken cancel)
    {
        try
        {
            var least = pause < options.BackoffMin ? pause : options.BackoffMin;
            await Task.Delay(least, time, cancel).ConfigureAwait(false);
            using var rest = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            var sign = _retry.WaitAsync(rest.Token);
            await Task.WhenAny(sign, Task.Delay(pause - least, time, rest.Token)).ConfigureAwait(false);
            await rest.CancelAsync().ConfigureAwait(false);
            await sign.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        catch (OperationCanceledException)
        {
        }
    }

    private void RetryNow()
    {
        try
        {
            if (_retry.CurrentCount == 0)
                _retry.Release();
        }
        catch (Exception e) when (e is SemaphoreFullException or ObjectDisposedException)
        {
        }
    }
}
