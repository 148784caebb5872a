using Kvorum.Server.Peers;

namespace Kvorum.Tests.Server.Peers;

/// <summary>Two nodes that know each other.</summary>
internal sealed class PeerPair(NodeAddress[] at, PeerNode first, PeerNode second) : IAsyncDisposable
{
    public PeerNode First { get; } = first;

    public PeerNode Second { get; private set; } = second;

    public static async Task<PeerPair> Connected(TransportOptions? options = null)
    {
        var at = NodeAddress.Free(2);
        var pair = new PeerPair(
            at, new PeerNode(at[0], at, options).Start(), new PeerNode(at[1], at, options).Start());
        await Eventually.Holds(() => pair.First.IsUp(pair.Second) && pair.Second.IsUp(pair.First));
        pair.First.Downs.Clear();
        return pair;
    }

    /// <summary>
    /// The second one, which was disposed of, comes back: as a new process, perhaps elsewhere.
    /// </summary>
    public async Task RestartSecond(TransportOptions? options = null, NodeAddress? elsewhere = null)
    {
        await Second.DisposeAsync();
        Second = new PeerNode(elsewhere ?? at[1], at, options).Start();
    }

    public async ValueTask DisposeAsync()
    {
        await First.DisposeAsync();
        await Second.DisposeAsync();
    }
}
