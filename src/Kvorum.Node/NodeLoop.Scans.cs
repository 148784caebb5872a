using Kvorum.Node.Scans;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node;

/// <summary>Scans: the pages that this loop puts together, and the shares that its replicas give.</summary>
public sealed partial class NodeLoop
{
    private readonly ScanTable _scans;

    /// <summary>Asks a node, perhaps this one, for a share; the answer comes back to this loop.</summary>
    internal void Ask(NodeId node, ScanAsk ask)
    {
        if (node == Cluster.Self)
        {
            Deliver(_context.Loops, ask, share => Post(() => Answered(share)));
            return;
        }

        var writer = new ByteWriter();
        ScanCodec.Encode(ask, writer);
        Transport.Send(node, PeerFrameKind.ScanAsk, writer.Written);
    }

    /// <summary>
    /// Leaves a question with the loops that own its groups; each answers for its own. Any thread.
    /// </summary>
    internal static void Deliver(IReadOnlyList<NodeLoop> loops, ScanAsk ask, Action<ScanShare> answer)
    {
        foreach (var loop in loops)
        {
            uint[] own = [.. ask.Groups.Where(group => group % (uint)loops.Count == (uint)loop.Index)];
            if (own.Length > 0)
                loop.Post(() => new ShareTask(loop, ask with { Groups = own }, answer).Begin());
        }
    }

    /// <summary>Answers another node's question. Any thread.</summary>
    internal void Send(NodeId to, ScanShare share)
    {
        var writer = new ByteWriter();
        ScanCodec.Encode(share, writer);
        Transport.Send(to, PeerFrameKind.ScanShare, writer.Written);
    }

    /// <summary>A view of the group could not be read: its replica checks its tables.</summary>
    internal void Suspect(uint group) => Find(group)?.Store.VerifyTables();

    internal void Answered(ScanShare share) => _scans.Answered(share);

    /// <summary>Takes one group's part of a share: it is read here or refused, never passed on.</summary>
    internal void Take(ScanPart part)
    {
        Interlocked.Increment(ref _callCount);
        // The metadata group holds no keys.
        if (part.Group != 0 && Find(part.Group) is { } replica)
            replica.Take(part);
        else
            Finish(part, new() { Status = ReplyStatus.NotLeader });
    }
}
