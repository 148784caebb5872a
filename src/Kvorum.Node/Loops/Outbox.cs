using Kvorum.Node.Leaderless;
using Kvorum.Node.Membership;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>
/// What one loop has for one peer in this turn: one frame of each kind, sent at the end of the turn. Owned by
/// the loop.
/// </summary>
internal sealed class Outbox(NodeId peer)
{
    private readonly ByteWriter _raft = new();
    private readonly ByteWriter _forwards = new();
    private readonly ByteWriter _replies = new();
    private readonly ByteWriter _credits = new();
    private readonly ByteWriter _questions = new();
    private readonly ByteWriter _answers = new();

    public NodeId Peer => peer;

    /// <summary>True while it is on the loop's list of outboxes to send.</summary>
    public bool IsQueued { get; set; }

    /// <summary>
    /// A message of Raft, and how far the log of this node is: all messages of a frame rest on that.
    /// </summary>
    public void Add(GroupId group, Message message, LogReach own, ITransport transport)
    {
        if (_raft.Length == 0)
        {
            _raft.U64(own.Life);
            _raft.U64(own.Sequence);
        }

        _raft.PatchU64(sizeof(ulong), own.Sequence);
        RaftMessageCodec.Encode(group, message, _raft);
        SpillIfLarge(PeerFrameKind.Raft, _raft, transport);
    }

    public void AddForward(
        ulong id, uint timeoutMs, uint credit, Request request, ITransport transport)
    {
        _forwards.U64(id);
        _forwards.U32(timeoutMs);
        _forwards.U32(credit);
        var at = Open(_forwards);
        RequestCodec.Encode(request, _forwards);
        Close(_forwards, at);
        SpillIfLarge(PeerFrameKind.Forward, _forwards, transport);
    }

    public void AddForwardReply(ulong id, Reply reply, ITransport transport)
    {
        _replies.U64(id);
        var at = Open(_replies);
        RequestCodec.Encode(reply, _replies);
        Close(_replies, at);
        SpillIfLarge(PeerFrameKind.ForwardReply, _replies, transport);
    }

    /// <summary>
    /// The answer to a forwarded call would have a value of so many bytes, over its credit.
    /// </summary>
    public void AddCreditAsk(ulong id, uint valueBytes)
    {
        _credits.U64(id);
        _credits.U32(valueBytes);
    }

    /// <summary>A coordinator's question to a replica of a quorum keyspace.</summary>
    public void Add(in QuorumRequest question, ITransport transport)
    {
        QuorumFrames.Write(_questions, question);
        SpillIfLarge(PeerFrameKind.QuorumRequest, _questions, transport);
    }

    /// <summary>A replica's answer.</summary>
    public void Add(in QuorumAnswer answer, ITransport transport)
    {
        QuorumFrames.Write(_answers, answer);
        SpillIfLarge(PeerFrameKind.QuorumAnswer, _answers, transport);
    }

    /// <summary>
    /// Sends all. What the transport drops is lost, as on any network: Raft repeats, forwards have deadlines.
    /// </summary>
    public void Send(ITransport transport)
    {
        Send(PeerFrameKind.Raft, _raft, transport);
        Send(PeerFrameKind.Forward, _forwards, transport);
        Send(PeerFrameKind.ForwardReply, _replies, transport);
        Send(PeerFrameKind.CreditAsk, _credits, transport);
        Send(PeerFrameKind.QuorumRequest, _questions, transport);
        Send(PeerFrameKind.QuorumAnswer, _answers, transport);
    }

    private void SpillIfLarge(PeerFrameKind kind, ByteWriter writer, ITransport transport)
    {
        // A frame has a bound; what is gathered must stay well below it.
        if (writer.Length > Protocol.Limits.FrameBytesMax / 4)
            Send(kind, writer, transport);
    }

    private void Send(PeerFrameKind kind, ByteWriter writer, ITransport transport)
    {
        if (writer.Length == 0)
            return;
        transport.Send(peer, kind, writer.Written);
        writer.Clear();
    }

    private static int Open(ByteWriter writer)
    {
        writer.U32(0);
        return writer.Length;
    }

    private static void Close(ByteWriter writer, int at) => writer.PatchU32(at - 4, (uint)(writer.Length - at));
}
