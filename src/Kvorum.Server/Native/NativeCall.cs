using Kvorum.Node;
using Kvorum.Node.Budgets;
using Kvorum.Protocol;
using Kvorum.Server.Access;

namespace Kvorum.Server.Native;

/// <summary>A request of a native client on its way through the node.</summary>
/// <param name="connection">Where the answer goes.</param>
/// <param name="correlation">The client's number for it.</param>
/// <param name="bytes">Memory it holds: counts against the connection's bound.</param>
/// <param name="request">What is asked.</param>
/// <param name="timeout">The client's patience.</param>
/// <param name="entered">For whom it counts until the node has done with it; null for nobody.</param>
internal sealed class NativeCall(
    NativeConnection connection, ulong correlation, int bytes, Request request, TimeSpan timeout,
    UserPlaces? entered)
    : Call(request, timeout)
{
    public ulong Correlation { get; } = correlation;

    public int Bytes { get; } = bytes;

    public override ByteShare? Replies => connection.Replies;

    public override IReplySink? Sink => connection;

    public override void Complete(Reply reply)
    {
        Leave();
        connection.Complete(this, reply);
    }

    /// <summary>It counts for nobody any more: once.</summary>
    public void Leave() => entered?.Leave();
}
