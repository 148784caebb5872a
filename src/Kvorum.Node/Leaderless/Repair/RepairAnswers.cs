using Kvorum.Quorum.Merkle;
using Kvorum.Raft;
using Kvorum.Storage.Lsm;

namespace Kvorum.Node.Leaderless.Repair;

/// <summary>
/// Answers the exchanges of other nodes' replicas; keeps nothing from one message to the next. Owned by the
/// node loop.
/// </summary>
internal sealed class RepairAnswers(IRepairHost host)
{
    /// <summary>Another node's replica asks.</summary>
    public void Take(NodeId from, RepairMessage message)
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
            case RepairMessage.Open:
                host.Send(
                    from, new RepairMessage.Opened(message.Id, message.Group, tree.Root, replica.Marks));
                break;
            case RepairMessage.Compare compare:
                host.Send(from, new RepairMessage.Compared(
                    message.Id, message.Group, compare.Question.Answer(tree)));
                break;
            case RepairMessage.Pairs pairs when LeafSet.DecodeOrNull(pairs.Leaves.Span) is { } leaves:
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
                host.Pace(BytesOf(answer), () => host.Send(from, answer));
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

    private static long BytesOf(RepairMessage answer) => answer is RepairMessage.Records records
        ? records.Commands.Sum(static command => (long)command.Length) : 0;
}
