using Kvorum.Node.Administration;
using Kvorum.Node.Events;
using Kvorum.Node.Groups;
using Kvorum.Node.Leaderless;
using Kvorum.Node.Leaderless.Deletes;
using Kvorum.Node.Leaderless.Repair;
using Kvorum.Node.Loops;
using Kvorum.Node.Membership;
using Kvorum.Node.Replicas;
using Kvorum.Node.Scans;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node;

/// <summary>
/// Decodes what peers send, on the transport's threads, and leaves it with the loops it is for. What a loop
/// that is too far behind does not take is dropped, as a network may drop it: all of it is sent again or has
/// a deadline.
/// </summary>
internal sealed class PeerReceiver(INode node, NodeContext context, LoopGroup loops) : IPeerReceiver
{
    // In one frame, under load.
    private const int MessagesExpected = 16;

    /// <inheritdoc/>
    public void PeerUp(PeerHello peer)
    {
        context.Cluster.PeerUp(peer, context.MonotonicMs);
        context.Detector.Up(peer.Id);
        loops.First.Post(new LoopEvent.PeerConnected(peer.Id));
        if (!context.Cluster.IsAdmitted || !context.Cluster.Health.IsUp(peer.Id))
            return;
        loops.PostToAll(new LoopEvent.PeerUp(peer.Id));
    }

    /// <inheritdoc/>
    public void PeerRefused(NodeId peer, string why) => context.Cluster.Health.Refused(peer, why);

    /// <inheritdoc/>
    public void DialledInVain(PeerHello unknown) =>
        loops.First.TryPost(new LoopEvent.DialledInVain(unknown.PeerAddress), unknown.PeerAddress.Length);

    /// <inheritdoc/>
    public void PeerDown(NodeId peer, PeerLoss loss)
    {
        context.Detector.Down(peer);
        context.Cluster.Health.Down(peer, loss, context.MonotonicMs);
        loops.First.Post(new LoopEvent.PeerDisconnected(peer));
        loops.PostToAll(new LoopEvent.PeerDown(peer, loss));
    }

    /// <inheritdoc/>
    public void Receive(NodeId from, PeerFrameKind kind, ReadOnlyMemory<byte> payload)
    {
        context.Detector.Heard(from);
        if (kind == PeerFrameKind.Alive)
            return;
        try
        {
            if (IsHeard(from, kind))
                Decode(from, kind, payload);
        }
        catch (FormatException e)
        {
            // Its checksum was right: the peer speaks another version. Dropping it is what a network may do
            // too.
            context.Cluster.Tell(new FrameDropped(
                context.Cluster.Members.NameOf(from), kind.ToString(), e.Message));
        }
    }

    /// <inheritdoc/>
    public void JoinAsked(ReadOnlyMemory<byte> ask, Action<ReadOnlyMemory<byte>> answer)
    {
        try
        {
            loops.OfGroup(GroupId.Metadata).TryPost(
                new LoopEvent.JoinAsked(JoinCodec.DecodeAsk(ask), answer), ask.Length);
        }
        catch (FormatException e)
        {
            answer(JoinCodec.Encode(new JoinAnswer(JoinVerdict.Refused, e.Message)));
        }
    }

    /// <inheritdoc/>
    public void JoinAnswered(string address, ReadOnlyMemory<byte> answer, string? failure)
    {
        JoinAnswer? decoded = null;
        try
        {
            decoded = failure is null ? JoinCodec.DecodeAnswer(answer) : null;
        }
        catch (FormatException e)
        {
            failure = $"its answer is malformed: {e.Message}";
        }

        loops.First.Post(new LoopEvent.JoinAnswered(address, decoded, failure));
    }

    // A peer without an introduction may have any data folder; and a node that does not take part
    // yet must not answer for what it does not know. Who was lost or removed may run on, and may not know it.
    private bool IsHeard(NodeId from, PeerFrameKind kind) =>
        context.Cluster.Members.Agreed(from) is not { IsHeard: false } && IsTaken(from, kind);

    private bool IsTaken(NodeId from, PeerFrameKind kind) => kind switch
    {
        PeerFrameKind.IncarnationHello or PeerFrameKind.AdmissionAnswer or PeerFrameKind.Clock => true,
        PeerFrameKind.Forward or PeerFrameKind.ForwardReply or PeerFrameKind.CreditAsk
            or PeerFrameKind.Admin or PeerFrameKind.AdminReply =>
            context.Cluster.Health.IsAccepted(from),
        _ => context.Cluster.IsAdmitted && context.Cluster.Health.IsAccepted(from),
    };

    private void Decode(NodeId from, PeerFrameKind kind, ReadOnlyMemory<byte> payload)
    {
        switch (kind)
        {
            case var newer when FormatRange.Of(newer) > context.Cluster.Formats.Newest:
                throw Unknown(newer);
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
                loops.OfGroup(chunk.Group).TryPost(
                    new LoopEvent.SnapshotChunkCame(from, chunk), payload.Length);
                break;
            case PeerFrameKind.SnapshotAck:
                var ack = SnapshotCodec.DecodeAck(payload);
                loops.OfGroup(ack.Group).TryPost(new LoopEvent.SnapshotAnswered(from, ack), payload.Length);
                break;
            case PeerFrameKind.RebuildAsk:
                var need = SnapshotCodec.DecodeAsk(payload);
                loops.OfGroup(need.Group).TryPost(new LoopEvent.RebuildAsked(from, need), payload.Length);
                break;
            case PeerFrameKind.Digest:
                Digests(from, payload);
                break;
            case PeerFrameKind.Report:
                var report = ReportCodec.Decode(payload);
                loops.OfGroup(GroupId.Metadata).TryPost(
                    new LoopEvent.ReportCame(from, report), payload.Length);
                break;
            case PeerFrameKind.SlowLog:
                context.Cluster.Health.HeardSlow(from, context.MonotonicMs);
                break;
            case PeerFrameKind.Clock:
                Clock(from, payload);
                break;
            case PeerFrameKind.IncarnationHello:
                var hello = IncarnationHelloCodec.DecodeHello(payload);
                loops.First.TryPost(new LoopEvent.Introduced(from, hello), payload.Length);
                break;
            case PeerFrameKind.AdmissionAnswer:
                var answer = IncarnationHelloCodec.DecodeAnswer(payload);
                loops.First.TryPost(new LoopEvent.HelloAnswered(from, answer), payload.Length);
                break;
            case PeerFrameKind.PartialScanRequest:
                PartialScanRequest(from, payload);
                break;
            case PeerFrameKind.PartialScanResult:
                var share = ScanCodec.DecodeShare(payload);
                loops.OfNumber(share.Id).TryPost(new LoopEvent.ScanAnswered(share), payload.Length);
                break;
            case PeerFrameKind.Admin:
                Admin(from, payload);
                break;
            case PeerFrameKind.AdminReply:
                var (task, reply) = AdminCodec.DecodeAnswer(payload);
                loops.OfGroup(GroupId.Metadata).TryPost(
                    new LoopEvent.AdminAnswered(from, task, reply), payload.Length);
                break;
            case PeerFrameKind.QuorumRequest:
                Questions(from, payload);
                break;
            case PeerFrameKind.QuorumAnswer:
                Answers(from, payload);
                break;
            case PeerFrameKind.QuorumReport:
                loops.OfGroup(GroupId.Metadata).TryPost(
                    new LoopEvent.QuorumReportCame(from, ReportCodec.DecodeQuorum(payload)),
                    payload.Length);
                break;
            case PeerFrameKind.Watermark:
                context.Watermarks.Told(from, NodeWatermark.Read(payload));
                break;
            case PeerFrameKind.Repair:
                var repair = RepairCodec.Read(payload);
                var loop = RepairCodec.IsQuestion(repair)
                    ? loops.OfGroup(repair.Group) : loops.OfNumber(repair.Id);
                loop.TryPost(new LoopEvent.RepairCame(from, repair), payload.Length);
                break;
            default:
                throw Unknown(kind);
        }
    }

    private static FormatException Unknown(PeerFrameKind kind) => new($"unknown frame kind {(byte)kind}");

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
        var perLoop = new List<(GroupId Group, Message Message)>?[loops.All.Count];
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
            loops.All[i].TryPost(new LoopEvent.RaftMessages(messages), payload.Length);
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
            loops.All[i].TryPost(new LoopEvent.DigestsTold(from, digests), payload.Length);
        }
    }

    private void Questions(NodeId from, ReadOnlyMemory<byte> payload)
    {
        var perLoop = new List<QuorumRequest>?[loops.All.Count];
        var reader = new ByteReader(payload);
        while (!reader.AtEnd)
        {
            var question = QuorumFrames.ReadRequest(ref reader);
            (perLoop[loops.IndexOf(question.Group)] ??= new(MessagesExpected)).Add(question);
        }

        for (var i = 0; i < perLoop.Length; i++)
        {
            if (perLoop[i] is { } questions)
                loops.All[i].TryPost(new LoopEvent.QuorumAsked(from, questions), payload.Length);
        }
    }

    private void Answers(NodeId from, ReadOnlyMemory<byte> payload)
    {
        var perLoop = new List<QuorumAnswer>?[loops.All.Count];
        var reader = new ByteReader(payload);
        while (!reader.AtEnd)
        {
            var answer = QuorumFrames.ReadAnswer(ref reader);
            (perLoop[loops.IndexOfNumber(answer.Id)] ??= new(MessagesExpected)).Add(answer);
        }

        for (var i = 0; i < perLoop.Length; i++)
        {
            if (perLoop[i] is { } answers)
                loops.All[i].TryPost(new LoopEvent.QuorumAnswered(from, answers), payload.Length);
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
            var request = RequestCodec.DecodeRequest(reader.Bytes32());
            if (request.WantsReceipt && context.Cluster.Formats.Newest < FormatRange.Quorums)
                throw new FormatException("Flags 0x80 are unknown.");
            node.Submit(new ForwardedCall(context.World.Transport, from, id, request, timeout, credit));
        }
    }

    private void Admin(NodeId from, ReadOnlyMemory<byte> payload)
    {
        var (id, timeoutMs, hops, by, json) = AdminCodec.DecodeAsk(payload);
        AdminRequest request;
        try
        {
            request = AdminJson.DecodeRequest(json.Span);
            if (request is AdminChange change)
                request = change with { By = by };
        }
        catch (FormatException e)
        {
            Answer(from, id, AdminReply.Of(
                ReplyStatus.InvalidArgument,
                $"{context.Options.Self.Name} speaks another version: {e.Message}"));
            return;
        }

        var task = new AdminTask(
            request, context.MonotonicMs, timeoutMs, hops, context.Cluster.Members.NameOf(from),
            reply => Answer(from, id, reply));
        loops.OfGroup(GroupId.Metadata).TryPost(new LoopEvent.AdminAsked(task), payload.Length);
    }

    // Any thread.
    private void Answer(NodeId to, ulong id, AdminReply reply)
    {
        var writer = new ByteWriter();
        AdminCodec.EncodeAnswer(id, reply, writer);
        context.World.Transport.Send(to, PeerFrameKind.AdminReply, writer.Written);
    }

    private void CreditAsk(ReadOnlyMemory<byte> payload)
    {
        var reader = new ByteReader(payload);
        while (!reader.AtEnd)
        {
            var (id, bytes) = (reader.U64(), reader.U32());
            loops.OfNumber(id).TryPost(new LoopEvent.CreditAsked(id, bytes), sizeof(ulong) + sizeof(uint));
        }
    }

    private void PartialScanRequest(NodeId from, ReadOnlyMemory<byte> payload)
    {
        var ask = ScanCodec.DecodeAsk(payload);
        loops.Take(ask, share => Answer(from, share));
    }

    // Any thread.
    private void Answer(NodeId to, PartialScanResult share)
    {
        var writer = new ByteWriter();
        ScanCodec.Encode(share, writer);
        context.World.Transport.Send(to, PeerFrameKind.PartialScanResult, writer.Written);
    }

    private void ForwardReply(ReadOnlyMemory<byte> payload)
    {
        var replies = new List<(ulong Id, Reply Reply)>();
        var reader = new ByteReader(payload);
        while (!reader.AtEnd)
            replies.Add((reader.U64(), RequestCodec.DecodeReply(reader.Bytes32())));
        foreach (var loop in loops.All)
        {
            var own = replies.FindAll(reply => loops.OfNumber(reply.Id) == loop);
            if (own.Count > 0)
                loop.TryPost(new LoopEvent.ForwardsReplied(own), payload.Length);
        }
    }
}
