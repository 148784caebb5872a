using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>
/// A call that another node passed on. Its answer goes back with the loop's next frame to that node.
/// </summary>
internal sealed class ForwardedCall : Call
{
    private readonly ITransport _transport;

    public ForwardedCall(
        ITransport transport, NodeId from, ulong id, Request request, TimeSpan timeout, uint credit)
        : base(request, timeout) => (_transport, From, Id, Credit) = (transport, from, id, credit);

    public NodeId From { get; }

    public ulong Id { get; }

    internal override long ValueBytesMax => Credit;

    /// <summary>
    /// Answers at once: for calls that no loop has taken. Loops gather their answers instead.
    /// </summary>
    public override void Complete(Reply reply)
    {
        var outbox = new Outbox(From);
        outbox.AddForwardReply(Id, reply, _transport);
        outbox.Send(_transport);
    }
}
