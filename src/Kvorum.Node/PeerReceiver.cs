using Kvorum.Node.Groups;
using Kvorum.Node.Loops;
using Kvorum.Node.Membership;
using Kvorum.Node.Replicas;
using Kvorum.Node.Scans;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node;

/// <summary>
/// Decodes what peers send, on the transport's threads, and leaves it with the loops it is for.
/// </summary>
internal sealed class PeerReceiver(INode node, NodeContext context, LoopGroup loops) : IPeerReceiver
{
    // In one frame, under load.
    private const int MessagesExpected = 16;

    /// <inheritdoc/>
    public void PeerUp(PeerHello peer)
    {
        context.Cluster.PeerUp(peer, context.MonotonicMs);
        loops.First.Post(() =>
        {
            context.Introductions.PeerUp(peer.Id);
            loops.First.AskClock(peer.Id);
        });
        if (!context.Cluster.IsAdmitted || !context.Cluster.IsUp(peer.Id))
            return;
        foreach (var loop in loops.All)
            loop.Post(() => loop.Peers.PeerUp(peer.Id));
    }

    /// <inheritdoc/>
    public void PeerDown(NodeId peer, PeerLoss loss)
    {
        context.Cluster.PeerDown(peer, context.MonotonicMs);
        loops.First.Post(() => context.Introductions.PeerDown(peer));
        foreach (var loop in loops.All)
            loop.Post(() => loop.Peers.PeerDown(peer, loss));
    }

    /// <inheritdoc/>
    public void Receive(NodeId from, PeerFrameKind kind, ReadOnlyMemory<byte> payload)
    {
        try
        {
            if (IsHeard(from, kind))
                Decode(from, kind, payload);
        }
        catch (FormatException e)
        {
            // Its checksum was right: the peer speaks another version. Dropping it is what a network may do
            // too.
            context.World.Events.Note($"a {kind} frame from {context.Cluster.NameOf(from)} makes no sense and was dropped: {e.Message}");
        }
    }

    // Who has not said with which data folder it comes could be anybody; and a node that does not take part
    // yet must not answer for what it does not know.
    private bool IsHeard(NodeId from, PeerFrameKind kind) => kind switch
    {
        PeerFrameKind.Introduction or PeerFrameKind.IntroductionAnswer or PeerFrameKind.Clock => true,
        PeerFrameKind.Forward or PeerFrameKind.ForwardReply or PeerFrameKind.CreditAsk =>
            context.Cluster.IsAccepted(from),
        _ => context.Cluster.IsAdmitted && context.Cluster.IsAccepted(from),
    };

    private void Decode(NodeId from, PeerFrameKind kind, ReadOnlyMemory<byte> payload)
    {
        switch (kind)
        {
            case PeerFrameKind.Raft:
                Raft(from, payload);
                break;
            case PeerFrameKind.Forward:
                Forward(from, payload);
                break;
            case PeerFrameKind.ForwardReply:
                ForwardReply(payload);
                break;
            case PeerFrameKind.CreditAsk:
                CreditAsk(payload);
                break;
            case PeerFrameKind.SnapshotChunk:
                var chunk = SnapshotCodec.DecodeChunk(payload);
                loops.OfGroup(chunk.Group).Post(() => loops.OfGroup(chunk.Group).Peers.Receive(from, chunk));
                break;
            case PeerFrameKind.SnapshotAck:
                var ack = SnapshotCodec.DecodeAck(payload);
                loops.OfGroup(ack.Group).Post(() => loops.OfGroup(ack.Group).Peers.Receive(from, ack));
                break;
            case PeerFrameKind.RebuildAsk:
                var need = SnapshotCodec.DecodeAsk(payload);
                loops.OfGroup(need.Group).Post(() => loops.OfGroup(need.Group).Peers.Receive(from, need));
                break;
            case PeerFrameKind.Digest:
                Digests(from, payload);
                break;
            case PeerFrameKind.SlowLog:
                context.Cluster.HeardSlow(from, context.MonotonicMs);
                break;
            case PeerFrameKind.Clock:
                Clock(from, payload);
                break;
            case PeerFrameKind.Introduction:
                var introduction = IntroductionCodec.DecodeIntroduction(payload);
                loops.First.Post(() => context.Introductions.Introduced(from, introduction));
                break;
            case PeerFrameKind.IntroductionAnswer:
                var answer = IntroductionCodec.DecodeAnswer(payload);
                loops.First.Post(() => context.Introductions.Answered(from, answer));
                break;
            case PeerFrameKind.ScanAsk:
                ScanAsk(from, payload);
                break;
            case PeerFrameKind.ScanShare:
                var share = ScanCodec.DecodeShare(payload);
                var asking = loops.OfNumber(share.Id);
                asking.Post(() => asking.Peers.Answered(share));
                break;
            default:
                throw new FormatException($"unknown frame kind {(byte)kind}");
        }
    }

    // Answered at once, on this thread: what the answer waits for makes it worth less.
    private void Clock(NodeId from, ReadOnlyMemory<byte> payload)
    {
        var (asked, wall) = ClockCodec.Decode(payload);
        if (wall is { } known)
        {
            context.Clocks.Heard(from, asked, known, context.MonotonicMs);
            return;
        }

        var answer = new ByteWriter();
        ClockCodec.EncodeAnswer(asked, (ulong)context.WallMs, answer);
        context.World.Transport.Send(from, PeerFrameKind.Clock, answer.Written);
    }

    private void Raft(NodeId from, ReadOnlyMemory<byte> payload)
    {
        var perLoop = new List<(uint Group, Message Message)>?[loops.All.Count];
        var reader = new ByteReader(payload);
        if (!context.PeerLogs.Heard(from, new(reader.U64(), reader.U64())))
            return;
        while (!reader.AtEnd)
        {
            var (group, message) = RaftMessageCodec.Decode(ref reader, from, context.Cluster.Self);
            (perLoop[loops.IndexOf(group)] ??= new(MessagesExpected)).Add((group, message));
        }

        for (var i = 0; i < perLoop.Length; i++)
        {
            if (perLoop[i] is not { } messages)
                continue;
            var loop = loops.All[i];
            loop.Post(() => loop.Peers.Step(messages));
        }
    }

    private void Digests(NodeId from, ReadOnlyMemory<byte> payload)
    {
        var perLoop = new List<GroupDigest>?[loops.All.Count];
        var reader = new ByteReader(payload);
        while (!reader.AtEnd)
        {
            var digest = DigestCodec.Decode(ref reader);
            (perLoop[loops.IndexOf(digest.Group)] ??= []).Add(digest);
        }

        for (var i = 0; i < perLoop.Length; i++)
        {
            if (perLoop[i] is not { } digests)
                continue;
            var loop = loops.All[i];
            loop.Post(() => loop.Peers.Receive(from, digests));
        }
    }

    private void Forward(NodeId from, ReadOnlyMemory<byte> payload)
    {
        var reader = new ByteReader(payload);
        while (!reader.AtEnd)
        {
            var id = reader.U64();
            var timeout = TimeSpan.FromMilliseconds(reader.U32());
            var credit = reader.U32();
            var request = RequestCodec.DecodeRequest(reader.Bytes());
            node.Submit(new ForwardedCall(context.World.Transport, from, id, request, timeout, credit));
        }
    }

    private void CreditAsk(ReadOnlyMemory<byte> payload)
    {
        var reader = new ByteReader(payload);
        while (!reader.AtEnd)
        {
            var (id, bytes) = (reader.U64(), reader.U32());
            var loop = loops.OfNumber(id);
            loop.Post(() => loop.Peers.CreditAsked(id, bytes));
        }
    }

    private void ScanAsk(NodeId from, ReadOnlyMemory<byte> payload)
    {
        var ask = ScanCodec.DecodeAsk(payload);
        loops.Take(ask, share => Answer(from, share));
    }

    // Any thread.
    private void Answer(NodeId to, ScanShare share)
    {
        var writer = new ByteWriter();
        ScanCodec.Encode(share, writer);
        context.World.Transport.Send(to, PeerFrameKind.ScanShare, writer.Written);
    }

    private void ForwardReply(ReadOnlyMemory<byte> payload)
    {
        var replies = new List<(ulong Id, Reply Reply)>();
        var reader = new ByteReader(payload);
        while (!reader.AtEnd)
            replies.Add((reader.U64(), RequestCodec.DecodeReply(reader.Bytes())));
        foreach (var loop in loops.All)
        {
            var own = replies.FindAll(reply => loops.OfNumber(reply.Id) == loop);
            if (own.Count > 0)
                loop.Post(() => loop.Peers.Replied(own));
        }
    }
}
