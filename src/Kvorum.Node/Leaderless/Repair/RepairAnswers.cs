using Kvorum.Quorum.Merkle;
using Kvorum.Raft;
using Kvorum.Storage.Lsm;

namespace Kvorum.Node.Leaderless.Repair;

/// <summary>
/// Answers the exchanges of other nodes' replicas; of one message it keeps for the next only with whom a
/// replica here is being compared. Owned by the node loop.
/// </summary>
internal sealed class RepairAnswers(IRepairHost host)
{
    // The exchange that each group here is in, or was last: one for each group. Two at a time would find the
    // same records missing, and bring each of them twice.
    private readonly SortedDictionary<GroupId, (NodeId Peer, ulong Id, long UntilMs)> _busy = [];

    /// <summary>True while another node compares the replica of that group here with its own.</summary>
    public bool IsBusy(GroupId group) =>
        _busy.TryGetValue(group, out var exchange) && host.NowMs < exchange.UntilMs;

    /// <summary>A peer is lost, and with it what it asked.</summary>
    public void PeerLost(NodeId peer)
    {
        foreach (var (group, _) in _busy.Where(one => one.Value.Peer == peer).ToArray())
            _busy.Remove(group);
    }

    /// <summary>Another node's replica asks.</summary>
    /// <param name="from">The node.</param>
    /// <param name="message">What it asks.</param>
    /// <param name="isAsking">True while the replica here asks yet another one.</param>
    public void Take(NodeId from, RepairMessage message, bool isAsking)
    {
        if (host.ReplicaOf(message.Group) is not { MayAnswer: true } replica
            || (message is RepairMessage.Open { Since: var since } && replica.Confirmed < since))
        {
            host.Send(from, new RepairMessage.Refused(message.Id, message.Group, Marks: null));
            return;
        }

        if (TreeOf(replica) is not { } tree)
        {
            host.Send(from, new RepairMessage.Refused(message.Id, message.Group, replica.Marks));
            return;
        }

        switch (message)
        {
            case RepairMessage.Open { Since: var filling } open when filling == default
                && !open.Root.IsSameAs(tree.Root) && (isAsking || !MayBegin(from, open)):
                host.Send(from, new RepairMessage.Refused(message.Id, message.Group, Marks: null));
                break;
            case RepairMessage.Open:
                host.Send(
                    from, new RepairMessage.Opened(message.Id, message.Group, tree.Root, replica.Marks));
                break;
            case RepairMessage.Compare compare:
                Extend(from, message, Limits.RepairPatienceMs);
                host.Send(from, new RepairMessage.Compared(
                    message.Id, message.Group, compare.Question.Answer(tree)));
                break;
            case RepairMessage.Pairs pairs when LeafSet.DecodeOrNull(pairs.Leaves.Span) is { } leaves:
                Extend(from, message, Limits.RepairPatienceMs);
                Compare(from, replica, pairs, leaves);
                break;
            case RepairMessage.Requests requests:
                host.Send(from, Remembered(replica, requests));
                break;
            default:
                host.Send(from, new RepairMessage.Refused(message.Id, message.Group, Marks: null));
                break;
        }
    }

    // A replica that is filled asks whenever it wants: what it gets, nobody else brings.
    private bool MayBegin(NodeId from, RepairMessage.Open open)
    {
        if (IsBusy(open.Group) && _busy[open.Group].Peer != from)
            return false;
        _busy[open.Group] = (from, open.Id, host.NowMs + Limits.RepairPatienceMs);
        return true;
    }

    private void Extend(NodeId from, RepairMessage message, long ms)
    {
        if (_busy.TryGetValue(message.Group, out var exchange) && exchange.Id == message.Id
            && exchange.Peer == from)
            _busy[message.Group] = exchange with { UntilMs = host.NowMs + ms };
    }

    private MerkleTree? TreeOf(QuorumReplica replica)
    {
        replica.Merkle.BuildIfWanted(host.Scan, replica.Damaged);
        return replica.Merkle.Tree;
    }

    private void Compare(NodeId from, QuorumReplica replica, RepairMessage.Pairs pairs, LeafSet leaves)
    {
        var view = replica.Tree.OpenView();
        var (nowMs, horizon) = (host.RecordTimeMs, replica.Marks.Horizon);
        RepairMessage? answer = null;
        host.Scan(
            () =>
            {
                using (view)
                    answer = RepairWalk.Compare(view, pairs, leaves, nowMs, horizon);
            },
            failure =>
            {
                if (failure is TreeDamagedException damage)
                    replica.Damaged(damage);
                answer = failure is null
                    ? answer! : new RepairMessage.Refused(pairs.Id, pairs.Group, Marks: null);
                // The last range: what is wanted of it is still to come.
                if (answer is not RepairMessage.TooMany && pairs.End.IsEmpty)
                    Extend(from, pairs, Limits.RepairRetryMs);
                host.Pace(answer.CommandBytes, () => host.Send(from, answer));
            });
    }

    private static RepairMessage Remembered(QuorumReplica replica, RepairMessage.Requests asked)
    {
        try
        {
            var requests = replica.Machine.RequestsFrom(asked.From, out var end);
            return new RepairMessage.Remembered(asked.Id, asked.Group, end, RememberCommand.Encode(requests));
        }
        catch (TreeDamagedException damage)
        {
            replica.Damaged(damage);
            return new RepairMessage.Refused(asked.Id, asked.Group, Marks: null);
        }
    }
}
