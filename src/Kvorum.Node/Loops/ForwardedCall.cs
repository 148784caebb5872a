using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>
/// A call that another node passed on. Its answer goes back with the loop's next frame to that node.
/// </summary>
internal sealed class ForwardedCall(ITransport transport, NodeId from, ulong id, Request request, TimeSpan timeout) : Call(request, timeout)
{
    public NodeId From => from;

    public ulong Id => id;

    /// <summary>
    /// Answers at once: for calls that no loop has taken. Loops gather their answers instead.
    /// </summary>
    public override void Complete(Reply reply)
    {
        var outbox = new Groups.Outbox(from);
        outbox.AddForwardReply(id, reply, transport);
        outbox.Send(transport);
    }
}
