using System.Net.Sockets;
using Kvorum.Node;
using Kvorum.Server.Sockets;
using Kvorum.Server.Tls;

namespace Kvorum.Server.Peers;

/// <summary>One connection with a peer, dialled or accepted: both halves, and why it ended.</summary>
internal sealed class PeerConnection : IDisposable
{
    private readonly Stream _stream;
    private readonly Lock _lock = new();
    private PeerEnding? _ending;

    public PeerConnection(Stream stream, TransportOptions options, TimeProvider time)
    {
        _stream = stream;
        Reader = new FrameReader(stream, time);
        Writer = new FrameWriter(stream, options.QueueBytesMax, time, e => Abort(PeerEnding.From(e)));
    }

    /// <summary>Who is at the other end, by what the connection shows.</summary>
    public ConnectionIdentity Identity => (_stream as TlsStream)?.Identity ?? ConnectionIdentity.Plain;

    /// <summary>The receiving half.</summary>
    public FrameReader Reader { get; }

    /// <summary>The sending half.</summary>
    public FrameWriter Writer { get; }

    /// <summary>The first bytes of our side; before any frame.</summary>
    public ValueTask SendOpening(byte kind, ReadOnlyMemory<byte> payload, CancellationToken cancel) =>
        _stream.WriteAsync(PeerWire.EncodeOpening(kind, payload.Span), cancel);

    /// <summary>A frame behind the opening, where no writer sends any.</summary>
    public ValueTask Send(byte kind, ReadOnlyMemory<byte> payload, CancellationToken cancel) =>
        _stream.WriteAsync(PeerWire.EncodeFrame(kind, payload.Span), cancel);

    /// <summary>Says last words, as far as the other side still listens.</summary>
    public async Task Farewell(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            Writer.Close();
            using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(1));
            await _stream.WriteAsync(bytes, timeout.Token).ConfigureAwait(false);
            await _stream.FlushAsync(timeout.Token).ConfigureAwait(false);
        }
        catch (Exception e)
            when (SocketStreams.IsLoss(e) || e is OperationCanceledException or InvalidOperationException
                or NotSupportedException)
        {
            // It is gone, or has not yet read what was written before.
        }
    }

    /// <summary>Ends the connection; the first reason given stays.</summary>
    public void Abort(PeerEnding ending)
    {
        lock (_lock)
        {
            if (_ending is not null)
                return;
            _ending = ending;
        }

        Dispose();
    }

    /// <summary>
    /// Why it ended: the reason given when it was ended here, else the exception's message.
    /// </summary>
    public PeerEnding Ending(Exception met)
    {
        lock (_lock)
            return _ending ??= PeerEnding.From(met);
    }

    /// <summary>
    /// Keeps the other side sure of us, and notices its silence. Called every now and then, by one thread.
    /// </summary>
    public void Watch(TransportOptions options)
    {
        if (Reader.Silence > options.SilenceMax && !HasUnread())
        {
            var seconds = options.SilenceMax.TotalSeconds;
            Abort(new(PeerLoss.Silent,
                $"nothing came from it for {seconds:0.#} s: is it stuck, or the network cut?"));
        }
        else if (Writer.IsIdleFor(options.PingInterval))
        {
            Writer.Send(PeerWire.Ping, []);
        }
    }

    // True if this node is behind in reading: the peer is not silent then.
    private bool HasUnread()
    {
        try
        {
            return SocketStreams.HasUnread(_stream);
        }
        catch (Exception e) when (SocketStreams.IsLoss(e))
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Writer.Close();
        _stream.Dispose();
    }
}

/// <summary>Why a connection ended, or did not come to stand.</summary>
/// <param name="Loss">What it says about the peer.</param>
/// <param name="Why">For people.</param>
/// <param name="Refusal">Set if the two do not belong together.</param>
internal sealed record PeerEnding(PeerLoss Loss, string Why, PeerRefusal? Refusal = null)
{
    public static PeerEnding From(Exception met) => met switch
    {
        PeerRefusedException refused => new(PeerLoss.Silent, refused.Message, refused.Refusal),
        PeerWireException wire => new(PeerLoss.Silent, wire.Message),
        EndOfStreamException end => new(PeerLoss.ProcessGone, end.Message),
        TlsDistrustException distrust => new(PeerLoss.Silent, distrust.Message, new(distrust.Message)),
        OperationCanceledException =>
            new(PeerLoss.Silent, "no answer in time: is the host up, and is a firewall in the way?"),
        SocketException socket => From(socket),
        IOException { InnerException: SocketException inner } => From(inner),
        IOException { InnerException: { } inner } => new(
            PeerLoss.Silent, $"{met.Message} ({inner.Message}); the other node's log may say more"),
        _ => new(PeerLoss.Silent, met.Message),
    };

    private static PeerEnding From(SocketException met) => met.SocketErrorCode switch
    {
        SocketError.ConnectionRefused =>
            new(PeerLoss.ProcessGone, "connection refused: no process listens there"),
        SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.Shutdown =>
            new(PeerLoss.ProcessGone, "the other side has reset the connection"),
        SocketError.HostNotFound or SocketError.TryAgain or SocketError.NoData =>
            new(PeerLoss.Silent, "the host name is not known: check the address"),
        _ => new(PeerLoss.Silent, met.Message),
    };
}
