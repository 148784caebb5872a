using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Kvorum.Node;
using Kvorum.Raft;
using Kvorum.Server.Listeners;
using Kvorum.Server.Sockets;
using Kvorum.Server.Tls;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Peers;

/// <summary>
/// The connections that peers have dialled: checks their hellos, then reads their frames and hands them on,
/// on the thread that serves the socket, so nothing here blocks. One per peer; a newer one replaces the
/// older. A node that asks to join is answered, and the connection ends.
/// </summary>
internal sealed class IncomingPeers(
    OwnIntroduction self, PeerLinks links, IPeerReceiver receiver, TransportOptions options,
    TimeProvider time, ILogger log, TransportCounters counters, SourceLines lines)
{
    /// <summary>
    /// Connections before their hello: more are closed at once, so that no remote host can exhaust
    /// the node.
    /// </summary>
    private const int StrangersMax = 64;

    private readonly ConcurrentDictionary<NodeId, PeerConnection> _peers = new();
    private readonly ConcurrentDictionary<NodeId, PeerHello> _hellos = new();
    private readonly ConcurrentDictionary<Stream, Task> _tasks = new();
    private readonly JoinDesk _desk = new(self, receiver, options, time);
    private int _strangers;

    /// <summary>Takes over an accepted socket; from the port of clients it may only ask to join.</summary>
    public void Take(
        Socket socket, CancellationToken cancel, bool mayOnlyAsk = false, TlsStream? tls = null)
    {
        if (Interlocked.Increment(ref _strangers) > StrangersMax)
        {
            Interlocked.Decrement(ref _strangers);
            tls?.Dispose();
            socket.Dispose();
            return;
        }

        IDisposable? pass = null;
        if (tls is null && options.Door is { } door && (pass = door.Enter(socket)) is null)
        {
            Interlocked.Decrement(ref _strangers);
            return;
        }

        socket.NoDelay = true;
        var stream = tls ?? SocketStreams.Open(socket, options.Poller);
        var task = Task.Run(
            () => Serve(socket, stream, pass, mayOnlyAsk, cancel), CancellationToken.None);
        _tasks[stream] = task;
        if (task.IsCompleted)
            _tasks.TryRemove(stream, out _);
    }

    /// <summary>The format version has changed: who does not speak it is disconnected.</summary>
    public void Check()
    {
        foreach (var (id, connection) in _peers)
        {
            if (_hellos.TryGetValue(id, out var peer) && PeerCheck.OfFormats(self.Now.Node, peer) is { } why)
                connection.Abort(new(PeerLoss.Silent, why));
        }
    }

    /// <summary>Pings, and notices silence.</summary>
    public void Watch()
    {
        foreach (var (_, connection) in _peers)
            connection.Watch(options);
    }

    /// <summary>
    /// Returns when no connection is left; the cancellation given to <see cref="Take"/> ends them.
    /// </summary>
    public async Task Stop()
    {
        foreach (var (_, connection) in _peers)
            connection.Dispose();
        await Task.WhenAll(_tasks.Values).ConfigureAwait(false);
    }

    private async Task Serve(
        Socket socket, Stream stream, IDisposable? pass, bool mayOnlyAsk, CancellationToken cancel)
    {
        var remote = socket.RemoteEndPoint;
        var connection = new PeerConnection(stream, options, time);
        var isOurs = true;
        PeerHello? peer = null;
        try
        {
            using var abort = cancel.Register(stream.Dispose);
            CancellationToken left;
            try
            {
                using var timeout = new CancellationTokenSource(options.ConnectTimeout, time);
                using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancel);
                var opened = await Open(socket, stream, both.Token).ConfigureAwait(false);
                isOurs = opened is not null;
                if (opened is null)
                    return;
                if (opened != stream)
                    connection = new(opened, options, time);
                if (opened is TlsStream { NegotiatedApplicationProtocol: var speaks }
                    && speaks == TlsDial.Claims)
                {
                    // Bounded by itself, and a stranger to its end.
                    if (options is { Claims: { } desk, Door: { } door })
                        await desk.Serve(connection, remote, door, cancel).ConfigureAwait(false);
                    return;
                }

                (peer, left) = await Meet(connection, remote, mayOnlyAsk, both.Token, cancel)
                    .ConfigureAwait(false);
            }
            finally
            {
                pass?.Dispose();
                Interlocked.Decrement(ref _strangers);
            }

            if (peer is null)
                return;
            using var end = left.Register(
                () => connection.Abort(new(PeerLoss.Silent, "it is no member any more")));
            await ReadFrames(connection, peer.Id).ConfigureAwait(false);
        }
        catch (PeerWireException damage)
        {
            // The dialler hears why before it is cut off, so that it does not take us for dead.
            TellRefused(remote, peer is null ? damage.Message : $"{peer.Name}: {damage.Message}");
            var refusal = PeerWire.EncodeRefusal(new(damage.Message));
            await connection.Farewell(peer is null
                ? PeerWire.EncodeOpening(PeerWire.Refused, refusal)
                : PeerWire.EncodeFrame(PeerWire.Refused, refusal)).ConfigureAwait(false);
        }
        catch (Exception e) when (SocketStreams.IsLoss(e) || e is OperationCanceledException)
        {
            if (peer is not null && !cancel.IsCancellationRequested)
                Log.IncomingEnded(log, peer.Name, connection.Ending(e).Why);
        }
        finally
        {
            if (peer is not null)
                _peers.TryRemove(KeyValuePair.Create(peer.Id, connection));
            if (isOurs)
                connection.Dispose();
            _tasks.TryRemove(stream, out _);
        }
    }

    /// <summary>
    /// The connection as it goes on: encrypted, if it begins so; null if it belongs to somebody else.
    /// </summary>
    private async Task<Stream?> Open(Socket socket, Stream stream, CancellationToken cancel)
    {
        if (stream is TlsStream || (options.Door is null && options.Others is null))
            return stream;
        var first = new byte[1];
        await SocketStreams.PeekAsync(socket, stream, first, cancel).ConfigureAwait(false);
        if (first[0] == TlsDoor.FirstByte && options.Door is { } door)
        {
            var tls = await door.AcceptAsync(socket, stream, cancel).ConfigureAwait(false);
            if (tls.NegotiatedApplicationProtocol == SslApplicationProtocol.Http2)
            {
                options.Others!.Take(new TlsConnection(tls)); // The door offers it there only.
                return null;
            }

            tls.Stay();
            return tls;
        }

        if (first[0] is (byte)'K' or TlsDoor.FirstByte || options.Others is null)
            return stream;
        if (options.Door is { TakesPlain: false } only)
        {
            only.TellPlain(socket.RemoteEndPoint);
            await PlainAnswers.SayAsync(socket, stream, first[0]).ConfigureAwait(false);
            return null; // It is closed.
        }

        SocketStreams.Release(stream);
        options.Others.Take(socket);
        return null;
    }

    /// <summary>
    /// The introduction, and what tells that the peer is no member any more; no peer if we do not belong
    /// together, or it only asked to join.
    /// </summary>
    private async Task<(PeerHello? Peer, CancellationToken Left)> Meet(
        PeerConnection connection, EndPoint? remote, bool mayOnlyAsk, CancellationToken both,
        CancellationToken cancel)
    {
        await connection.Reader.ReadPreamble(both).ConfigureAwait(false);
        var frame = await connection.Reader.Read(PeerWire.IntroductionBytesMax, both).ConfigureAwait(false);
        if (options.Door is { TakesPlain: false } && connection.Identity.Means == IdentityMeans.Plain)
        {
            await Refuse(connection, remote, PeerCheck.Plain(self.Now.Node)).ConfigureAwait(false);
            return default;
        }

        if (frame.Kind == PeerWire.Join)
        {
            await Answer(connection, remote, frame.Payload, cancel).ConfigureAwait(false);
            return default;
        }

        if (frame.Kind != PeerWire.Hello)
            throw new PeerWireException(
                $"it began with a frame of kind {frame.Kind} in place of a hello");
        var peer = PeerWire.DecodeIntroduction(frame.Payload);
        var link = links.Find(peer.Node.Id);
        var refusal = mayOnlyAsk
            ? PeerCheck.AtClientPort(self.Now.Node, peer)
            : PeerCheck.OfCertificate(connection.Identity, peer.Node, link?.AgreedName ?? "")
                ?? PeerCheck.OfHello(self.Now.Node, peer, isMember: link is not null);
        if (link is null || refusal is not null)
        {
            if (link is null && refusal!.MayPass && peer.Node.ClusterId == self.Now.Node.ClusterId)
                receiver.DialledInVain(peer.Node);
            await Refuse(connection, remote, refusal!).ConfigureAwait(false);
            return default;
        }

        await connection.SendOpening(
            PeerWire.Welcome, PeerWire.EncodeIntroduction(self.Now), both).ConfigureAwait(false);
        options.Door?.Welcome(remote, connection.Identity);
        _hellos[peer.Node.Id] = peer.Node;
        Replace(peer.Node.Id, connection);
        // It was raised meanwhile.
        Check();
        link.SawIncoming(peer);
        return (peer.Node, link.Left);
    }

    private async Task Answer(
        PeerConnection connection, EndPoint? remote, byte[] ask, CancellationToken cancel)
    {
        try
        {
            var answer = await _desk.Answer(ask, cancel).ConfigureAwait(false);
            options.Door?.Welcome(remote, connection.Identity);
            await connection.Farewell(answer).ConfigureAwait(false);
        }
        catch (PeerRefusedException refused)
        {
            await Refuse(connection, remote, refused.Refusal).ConfigureAwait(false);
        }
    }

    private async Task Refuse(PeerConnection connection, EndPoint? remote, PeerRefusal refusal)
    {
        options.Door?.Refused(remote, refusal.Why, connection.Identity);
        if (!refusal.MayPass)
            TellRefused(remote, refusal.Why);
        else if (lines.MayWrite(remote, out var note))
            Log.NoMemberRefused(log, remote, ShownText.Of(refusal.Why) + note);
        await connection.Farewell(PeerWire.EncodeOpening(
            PeerWire.Refused, PeerWire.EncodeRefusal(refusal))).ConfigureAwait(false);
    }

    private void TellRefused(EndPoint? remote, string why)
    {
        if (lines.MayWrite(remote, out var note))
            Log.IncomingRefused(log, remote, ShownText.Of(why) + note);
    }

    private void Replace(NodeId peer, PeerConnection connection)
    {
        if (_peers.TryGetValue(peer, out var older))
            older.Abort(new(PeerLoss.ProcessGone, "a newer connection took its place"));
        _peers[peer] = connection;
    }

    private async Task ReadFrames(PeerConnection connection, NodeId from)
    {
        var reader = connection.Reader;
        while (true)
        {
            while (reader.TryTake(TransportOptions.FrameBytesMax, out var frame))
            {
                if (frame.Kind >= PeerWire.FirstOwnKind)
                    continue;
                counters.Received(frame.Payload.Length);
                receiver.Receive(from, (PeerFrameKind)frame.Kind, frame.Payload);
            }

            // Not cancelled: stopping closes the connection.
            reader.Received(await reader.Receive(CancellationToken.None).ConfigureAwait(false));
        }
    }
}
