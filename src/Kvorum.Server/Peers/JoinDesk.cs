using System.Globalization;
using Kvorum.Node;

namespace Kvorum.Server.Peers;

/// <summary>
/// Takes the questions of nodes that ask to join, and brings the node's answers. A bound on those under way
/// keeps a place for peers, however many ask.
/// </summary>
internal sealed class JoinDesk(
    OwnIntroduction self, IPeerReceiver receiver, TransportOptions options, TimeProvider time)
{
    /// <summary>Questions at once; beyond it they are told to come again.</summary>
    public const int AsksMax = 16;

    // So that an asker, which waits for as long as the options say, still hears why there is none.
    private readonly TimeSpan _patience = options.JoinTimeout * 0.75;
    private int _asks;

    /// <summary>
    /// What goes back on the connection, as its first frame; <see cref="PeerRefusedException"/> says why
    /// there is no answer.
    /// </summary>
    public async Task<byte[]> Answer(byte[] ask, CancellationToken cancel)
    {
        try
        {
            if (Interlocked.Increment(ref _asks) > AsksMax)
                throw Refusal($"is asked by more than {AsksMax} nodes at once: ask again in a few seconds");
            var answered =
                new TaskCompletionSource<byte[]>(TaskCreationOptions.RunContinuationsAsynchronously);
            receiver.JoinAsked(ask, answer => answered.TrySetResult(answer.ToArray()));
            var bytes = await answered.Task.WaitAsync(_patience, time, cancel).ConfigureAwait(false);
            if (bytes.Length > PeerWire.JoinAnswerBytesMax)
            {
                throw Refusal(
                    $"has an answer of {bytes.Length} bytes, over the bound of "
                    + $"{PeerWire.JoinAnswerBytesMax}: please report it");
            }

            return PeerWire.EncodeOpening(PeerWire.JoinAnswer, bytes);
        }
        catch (TimeoutException)
        {
            var seconds = _patience.TotalSeconds.ToString("0.#", CultureInfo.InvariantCulture);
            throw Refusal(
                $"had no answer within {seconds} s: it may have no contact with a majority of its cluster; "
                + "look at its kvorum status, or ask another member");
        }
        finally
        {
            Interlocked.Decrement(ref _asks);
        }
    }

    private PeerRefusedException Refusal(string what) => new(new(
        $"{self.Now.Node.Name} ({self.Now.Node.PeerAddress}) {what}", MayPass: true));
}
