using Kvorum.Node;
using Kvorum.Raft;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Network;

/// <summary>
/// One node's way to another: dialled, up, lost, dialled again. Mirrors what the production transport tells
/// its node, and when.
/// </summary>
internal sealed class Link(SimulatedNetwork network, Endpoint from, NodeId id, int to)
{
    private Connection? _up;
    private long _backoffUs = network.Options.BackoffUs;
    private bool _downWasTold;
    private bool _isClosed;
    private int _attempt;

    /// <summary>A connection and what is under way on it.</summary>
    private sealed class Connection(Endpoint receiver, long nowUs)
    {
        public Endpoint Receiver => receiver;

        public Queue<(PeerFrameKind Kind, byte[] Bytes, long ArrivesUs)> UnderWay { get; } = new();

        public long QueuedBytes { get; set; }

        public long SentUs { get; set; }

        public long ArrivesUs { get; set; }

        public long HeardUs { get; set; } = nowUs;

        public bool IsPumping { get; set; }
    }

    private SimulatedWorld World => network.World;

    /// <summary>The peer.</summary>
    public NodeId Peer => id;

    /// <summary>Its machine.</summary>
    public int To => to;

    /// <summary>Tries to connect.</summary>
    public void Dial()
    {
        if (_up is not null || _isClosed || !from.IsAlive)
            return;
        var attempt = ++_attempt;
        var roundTrip = 2 * Latency();
        if (!network.HasPower(to) || !network.IsOpenBothWays(from.Machine, to))
            World.Scheduler.After(network.Options.ConnectUs, () => Failed(attempt, PeerLoss.Silent));
        else if (network.At(to) is { Receiver: not null } peer)
            World.Scheduler.After(roundTrip, () => Connected(attempt, peer));
        else
            World.Scheduler.After(roundTrip, () => Failed(attempt, PeerLoss.ProcessGone));
    }

    /// <summary>Queues a frame; false if it was refused.</summary>
    public bool Send(PeerFrameKind kind, ReadOnlySpan<byte> payload)
    {
        if (_up is not { } connection)
            return false;
        var room = network.Options.QueueBytesMax - connection.QueuedBytes;
        if (connection.QueuedBytes > 0 && payload.Length > room)
        {
            World.Fired(FaultKind.SlowLink);
            return false;
        }

        var bytes = payload.ToArray();
        if (!Suffers(connection, kind, bytes))
            Enqueue(connection, kind, bytes);
        return true;
    }

    /// <summary>The connection is reset: what is under way may be lost, or come late.</summary>
    public void Reset(PeerLoss loss)
    {
        if (_up is not { } connection)
            return;
        Drop(connection);
        Lost(loss);
    }

    /// <summary>The format version has changed: who does not speak it is disconnected.</summary>
    public void Check()
    {
        // In production another thread does it.
        if (_up is { } connection && !from.Hello.SpeaksWith(connection.Receiver.Hello))
        {
            World.Scheduler.After(0, () =>
            {
                if (_up == connection)
                    Reset(PeerLoss.Silent);
            });
        }
    }

    /// <summary>The node follows the peer no more: the connection ends, and none comes after it.</summary>
    public void Close()
    {
        _isClosed = true;
        _attempt++;
        if (_up is not { } connection)
            return;
        Drop(connection);
        // In production another thread tells it.
        World.Scheduler.After(0, () => TellDown(PeerLoss.ProcessGone));
    }

    private void Drop(Connection connection)
    {
        _up = null;
        var mayArrive = network.Random.Chance(0.5);
        foreach (var (kind, bytes, _) in connection.UnderWay)
        {
            if (mayArrive && network.Random.Chance(0.5))
                Late(connection.Receiver, kind, bytes);
        }

        connection.UnderWay.Clear();
    }

    /// <summary>The process at the other end is gone, and its machine says so, if it can be heard.</summary>
    public void ReceiverGone()
    {
        if (_up is not { } connection || !network.IsOpen(to, from.Machine))
            return;
        World.Scheduler.After(Latency() + network.Closing(), () =>
        {
            if (_up == connection)
                Reset(PeerLoss.ProcessGone);
        });
    }

    /// <summary>
    /// This end's process is gone. What it sent may still arrive, unless the power went too.
    /// </summary>
    public void SenderGone(bool isPowerLost)
    {
        if (_up is not { } connection)
            return;
        _up = null;
        // A power cut takes the newest frames with it: those that the machine had not sent yet.
        var sent = connection.UnderWay.Count;
        var kept = isPowerLost ? network.Random.Below(sent + 1) : sent;
        while (connection.UnderWay.Count > kept)
            RemoveNewest(connection.UnderWay);
        Pump(connection);
    }

    /// <summary>The other process has shown itself: connections to its predecessor are dead.</summary>
    public void SawIncoming(Endpoint peer)
    {
        if (_up is { } connection)
        {
            if (connection.Receiver != peer)
                Reset(PeerLoss.ProcessGone);
        }
        else
        {
            World.Scheduler.After(Latency(), Dial);
        }
    }

    private long Latency() => network.Latency();

    private void Connected(int attempt, Endpoint peer)
    {
        if (attempt != _attempt || _up is not null || !from.IsAlive)
            return;
        if (!peer.IsAlive)
        {
            Failed(attempt, PeerLoss.ProcessGone);
            return;
        }

        // Another node runs there now, or one that does not know this one, or speaks other format versions:
        // each says so.
        if (peer.Hello.Id != id || !peer.Follows(from.Hello.Id) || !from.Hello.SpeaksWith(peer.Hello))
        {
            _backoffUs = network.Options.BackoffMaxUs;
            if (peer.Hello.Id == id && !peer.Follows(from.Hello.Id)
                && peer.Hello.ClusterId == from.Hello.ClusterId)
                peer.Receiver!.DialledInVain(from.Hello);
            Failed(attempt, PeerLoss.Silent);
            return;
        }

        _up = new(peer, World.NowUs);
        _backoffUs = network.Options.BackoffUs;
        _downWasTold = false;
        World.Trace.Event(
            Verbosity.Everything, TraceKind.Link, from.Machine, (ulong)to, $"is connected to node-{to + 1}");
        from.Receiver!.PeerUp(peer.Hello);
        peer.LinkTo(from.Hello.Id)?.SawIncoming(from);
        Watch(_up);
    }

    private void Failed(int attempt, PeerLoss loss)
    {
        if (attempt == _attempt && _up is null && from.IsAlive)
            Lost(loss);
    }

    private void Lost(PeerLoss loss)
    {
        if (!from.IsAlive)
            return;
        TellDown(loss);
        var attempt = ++_attempt;
        World.Scheduler.After(_backoffUs, () =>
        {
            if (attempt == _attempt)
                Dial();
        });
        _backoffUs = Math.Min(_backoffUs * 2, network.Options.BackoffMaxUs);
    }

    private void TellDown(PeerLoss loss)
    {
        if (_downWasTold || !from.IsAlive)
            return;
        _downWasTold = true;
        World.Trace.Event(
            Verbosity.Everything, TraceKind.Link, from.Machine, 1000 + (ulong)to,
            $"has lost node-{to + 1}: {loss}");
        from.Receiver!.PeerDown(id, loss);
    }

    // Pings, as far as they matter: whether an answer could have come.
    private void Watch(Connection connection) => World.Scheduler.After(network.Options.PingUs, () =>
    {
        if (_up != connection)
            return;
        var now = World.NowUs;
        if (network.IsOpenBothWays(from.Machine, to) && connection.Receiver.IsAlive
            && connection.Receiver.Follows(from.Hello.Id) && connection.Receiver.PausedUntilUs <= now)
            connection.HeardUs = now;
        if (now - connection.HeardUs >= network.Options.SilenceUs)
            Reset(PeerLoss.Silent);
        else
            Watch(connection);
    });

    // True if something befalls the frame, so that it does not simply travel.
    private bool Suffers(Connection connection, PeerFrameKind kind, byte[] bytes)
    {
        var faults = network.Frames;
        if (ReferenceEquals(faults, FrameFaults.None))
            return false;
        if (network.Random.Chance(faults.Lost))
        {
            World.Fired(FaultKind.FrameLost);
            return true;
        }

        if (kind != PeerFrameKind.Raft)
            return false;
        if (network.Random.Chance(faults.Duplicated))
        {
            World.Fired(FaultKind.FrameDuplicated);
            Late(connection.Receiver, kind, bytes);
            return false;
        }

        if (!network.Random.Chance(faults.Reordered))
            return false;
        World.Fired(FaultKind.FrameReordered);
        Late(connection.Receiver, kind, bytes);
        return true;
    }

    // Comes by itself, out of the order of the connection; long after, sometimes.
    private void Late(Endpoint receiver, PeerFrameKind kind, byte[] bytes)
    {
        var delay = Latency() + network.Random.Exponential(network.Random.Chance(0.1) ? 1_000_000 : 10_000);
        World.Scheduler.After(delay, () =>
        {
            if (network.IsOpen(from.Machine, to) && receiver.PausedUntilUs <= World.NowUs)
                network.Deliver(from, receiver, kind, bytes);
        });
    }

    private void Enqueue(Connection connection, PeerFrameKind kind, byte[] bytes)
    {
        var slowness = network.SlownessOf(from.Machine, to);
        var sendUs = (long)(bytes.Length * 1e6 / network.Options.BytesPerSecond * slowness);
        connection.SentUs = Math.Max(connection.SentUs, World.NowUs) + sendUs;
        connection.ArrivesUs = Math.Max(
            connection.ArrivesUs, connection.SentUs + (long)(Latency() * slowness));
        connection.QueuedBytes += bytes.Length;
        connection.UnderWay.Enqueue((kind, bytes, connection.ArrivesUs));
        Pump(connection);
    }

    // One event at a time takes the oldest frame: the order of the connection cannot be lost.
    private void Pump(Connection connection)
    {
        if (connection.IsPumping || !connection.UnderWay.TryPeek(out var head))
            return;
        connection.IsPumping = true;
        World.Scheduler.At(head.ArrivesUs, () =>
        {
            connection.IsPumping = false;
            Arrive(connection);
        });
    }

    private void Arrive(Connection connection)
    {
        var receiver = connection.Receiver;
        if (!receiver.IsAlive)
        {
            connection.UnderWay.Clear();
            return;
        }

        // Held up, not lost: the sender's system tries again until the connection is given up.
        var isStuck = !network.IsOpen(from.Machine, to);
        if (isStuck || receiver.PausedUntilUs > World.NowUs)
        {
            if (_up != connection && isStuck)
                return;
            connection.IsPumping = true;
            var again = isStuck ? World.NowUs + 20_000 : receiver.PausedUntilUs + network.Random.Below(200);
            World.Scheduler.At(again, () =>
            {
                connection.IsPumping = false;
                Arrive(connection);
            });
            return;
        }

        while (connection.UnderWay.TryPeek(out var frame) && frame.ArrivesUs <= World.NowUs)
        {
            connection.UnderWay.Dequeue();
            connection.QueuedBytes -= frame.Bytes.Length;
            network.Deliver(from, receiver, frame.Kind, frame.Bytes);
        }

        Pump(connection);
    }

    private static void RemoveNewest(Queue<(PeerFrameKind Kind, byte[] Bytes, long ArrivesUs)> frames)
    {
        var kept = frames.Count - 1;
        for (var i = 0; i < kept; i++)
            frames.Enqueue(frames.Dequeue());
        frames.Dequeue();
    }
}
