using System.Net.Sockets;
using Kvorum.Node;

namespace Kvorum.Server.Peers;

/// <summary>
/// This node's own questions to join: each dials an address where a member may be, asks, and tells the
/// receiver of the answer, or of the reason why there is none. Any thread.
/// </summary>
internal sealed class JoinCalls(
    OwnIntroduction self, IPeerReceiver receiver, TransportOptions options, TimeProvider time,
    CancellationToken stop)
{
    private readonly Lock _gate = new();
    private readonly List<Task> _calls = [];

    /// <summary>Asks; nothing is told any more once this node stops.</summary>
    public void Begin(string address, ReadOnlyMemory<byte> ask)
    {
        var copy = ask.ToArray();
        lock (_gate)
        {
            if (stop.IsCancellationRequested)
                return;
            _calls.RemoveAll(static call => call.IsCompletedSuccessfully);
            _calls.Add(Task.Run(() => Run(address, copy), CancellationToken.None));
        }
    }

    /// <summary>Returns when no question is under way; the cancellation ends them.</summary>
    public async Task Stop()
    {
        Task[] calls;
        lock (_gate)
            calls = [.. _calls];
        await Task.WhenAll(calls).ConfigureAwait(false);
    }

    private async Task Run(string address, byte[] ask)
    {
        byte[] answer = [];
        string? failure = null;
        try
        {
            answer = await Ask(address, ask).ConfigureAwait(false);
        }
        catch (PeerRefusedException refused)
        {
            failure = $"{address} refused: {refused.Message}";
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            failure = $"{address} was not heard out: this node stops";
        }
        catch (Exception e)
        {
            // The receiver waits for one call, whatever happens.
            failure = $"{address}: {PeerEnding.From(e).Why}; name with --join the --peer-addr of members "
                + "that run";
        }

        receiver.JoinAnswered(address, answer, failure);
    }

    private async Task<byte[]> Ask(string address, byte[] ask)
    {
        if (address == self.Now.Node.PeerAddress || address == self.Now.Node.ClientAddress)
            throw new FormatException("it is this node's own address");
        if (ask.Length > PeerWire.JoinAskBytesMax)
            throw new FormatException(
                $"the question of {ask.Length} bytes is over the bound of {PeerWire.JoinAskBytesMax}");
        using var timeout = new CancellationTokenSource(options.JoinTimeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stop);
        try
        {
            return await Ask(address, ask, both.Token).ConfigureAwait(false);
        }
        catch (PeerWireException e) when (e.IsHttp)
        {
            var members = await HttpMembers.Of(address, both.Token).ConfigureAwait(false);
            foreach (var member in members.Where(member => member != self.Now.Node.PeerAddress))
            {
                try
                {
                    return await Ask(member, ask, both.Token).ConfigureAwait(false);
                }
                catch (Exception unreached) when (unreached is IOException or SocketException)
                {
                    // It may be down: the next one.
                }
            }

            throw;
        }
    }

    private async Task<byte[]> Ask(string address, byte[] ask, CancellationToken cancel)
    {
        var stream = await PeerDial.Connect(address, options.Dial, cancel).ConfigureAwait(false);
        using var connection = new PeerConnection(stream, options, time);
        await connection.SendOpening(PeerWire.Join, ask, cancel).ConfigureAwait(false);
        await connection.Reader.ReadPreamble(cancel).ConfigureAwait(false);
        var frame = await connection.Reader.Read(PeerWire.JoinAnswerBytesMax, cancel).ConfigureAwait(false);
        return frame.Kind switch
        {
            PeerWire.JoinAnswer => frame.Payload,
            PeerWire.Refused => throw new PeerRefusedException(PeerWire.DecodeRefusal(frame.Payload)),
            _ => throw new PeerWireException(
                $"it answered with a frame of kind {frame.Kind} in place of an answer"),
        };
    }
}
