using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Network;

/// <summary>
/// One question of a node that may be no member, on a connection of its own: there and back once, through the
/// same cuts, delays and ends of processes as everything else. The asker hears one outcome.
/// </summary>
internal sealed class JoinQuestion(SimulatedNetwork network, Endpoint from, string address)
{
    private bool _isOver;
    private bool _isAnswered;

    private SimulatedWorld World => network.World;

    /// <summary>Dials, asks, and waits for the answer.</summary>
    public void Ask(byte[] ask)
    {
        var to = SimulatedNetwork.MachineAt(address);
        World.Scheduler.After(network.Options.ConnectUs, () => End(default, "no answer in time"));
        var roundTrip = 2 * network.Latency();
        if (!network.HasPower(to) || !network.IsOpenBothWays(from.Machine, to))
            return;
        if (network.At(to) is { Receiver: not null } peer)
            World.Scheduler.After(roundTrip, () => Arrive(peer, ask));
        else
            World.Scheduler.After(roundTrip, () => End(default, "connection refused"));
    }

    private void Arrive(Endpoint peer, byte[] ask)
    {
        if (_isOver || !network.IsOpen(from.Machine, peer.Machine))
            return;
        if (!peer.IsAlive)
        {
            End(default, "the other side has reset the connection");
            return;
        }

        if (peer.PausedUntilUs > World.NowUs)
        {
            World.Scheduler.At(peer.PausedUntilUs + network.Random.Below(200), () => Arrive(peer, ask));
            return;
        }

        World.Trace.Event(
            Verbosity.Everything, TraceKind.Link, peer.Machine, Fingerprint.Of(ask) ^ (ulong)from.Machine,
            $"is asked by node-{from.Machine + 1} whether it may join");
        peer.Receiver!.JoinAsked(ask, answer => Answered(peer, answer.ToArray()));
    }

    private void Answered(Endpoint peer, byte[] answer)
    {
        World.Require(!_isAnswered, $"node-{peer.Machine + 1} has answered one question to join twice");
        _isAnswered = true;
        if (!peer.IsAlive)
            return;
        World.Scheduler.After(network.Latency(), () =>
        {
            if (network.IsOpen(peer.Machine, from.Machine))
                End(answer, null);
        });
    }

    private void End(ReadOnlyMemory<byte> answer, string? failure)
    {
        if (_isOver || !from.IsAlive)
            return;
        if (from.PausedUntilUs > World.NowUs)
        {
            World.Scheduler.At(from.PausedUntilUs + network.Random.Below(200), () => End(answer, failure));
            return;
        }

        _isOver = true;
        World.Trace.Event(
            Verbosity.Everything, TraceKind.Link, from.Machine,
            Fingerprint.Of(answer.Span) ^ (ulong)(failure?.Length ?? 0),
            $"hears from {address} whether it may join: {failure ?? "an answer"}");
        from.Receiver!.JoinAnswered(address, answer, failure);
    }
}
