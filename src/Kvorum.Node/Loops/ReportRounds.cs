using Kvorum.Node.Leaderless;
using Kvorum.Node.Placement;
using Kvorum.Node.Replicas;
using Kvorum.Node.Wire;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>
/// Tells the leader of the metadata group now and then where the replicas are of the groups that this loop's
/// replicas lead: groups of which there is news often, all of them sometimes. Owned by the loop.
/// </summary>
internal sealed class ReportRounds(
    NodeContext context, LoopGroup loops, LoopClock clock, ReplicaTable replicas)
{
    private readonly ByteWriter _frame = new();

    // What was told last, to whom.
    private readonly Dictionary<GroupId, (Term Term, LogIndex Configuration)> _told = [];
    private NodeId? _toldTo;
    private long _toldMs;
    private long _toldAllMs;

    /// <summary>Sends a round if one is due.</summary>
    public void Tick()
    {
        if (clock.NowMs - _toldMs < Limits.ReportMs)
            return;
        _toldMs = clock.NowMs;
        if (context.Cluster.Leaders.Of(GroupId.Metadata) is not { } leader)
            return;
        var isAll = leader != _toldTo || clock.NowMs - _toldAllMs >= Limits.ReportAllMs;
        if (isAll)
            (_toldTo, _toldAllMs) = (leader, clock.NowMs);
        // Of those at rest there is no news.
        var candidates = isAll ? replicas.Rafts : replicas.Awake.OfType<RaftReplica>();
        GroupReport[] news = [.. candidates.Where(replica => IsNews(replica, isAll)).Select(Take)];
        if (news.Length > 0 || isAll)
            Send(leader, new NodeReport(context.Disk.RoomBytes, news));
        QuorumReplicaReport[] quorums =
            [
                .. replicas.Quorums.Where(replica => isAll || IsMoving(replica))
                    .Select(static one => one.Report()),
            ];
        if (quorums.Length > 0 || (isAll && context.Cluster.HasQuorumKeyspaces))
            Send(leader, new QuorumReport(context.HintsKept, quorums));
    }

    private bool IsMoving(QuorumReplica replica) =>
        context.Cluster.Placement.Placed(replica.Identity.Group)?.Switch is not null;

    private bool IsNews(RaftReplica replica, bool isAll)
    {
        var raft = replica.Raft;
        // Before a change is committed the next leader may count on those that it removes.
        return replica.IsLeader && raft.ConfigurationIndex <= raft.CommitIndex
            && (isAll || !replica.Walker.HasArrived
            || _told.GetValueOrDefault(replica.Group) != (raft.Term, raft.ConfigurationIndex));
    }

    private GroupReport Take(RaftReplica replica)
    {
        var report = replica.Walker.Report();
        // A learner is filled without another configuration: it is told of until it is.
        if (replica.Walker.HasArrived && report.Replicas.Filling.Count == 0)
            _told[replica.Group] = (report.Term, report.ConfigurationIndex);
        return report;
    }

    private void Send(NodeId leader, NodeReport report) => Send(
        leader, PeerFrameKind.Report, new LoopEvent.ReportCame(leader, report),
        into => ReportCodec.Encode(report, into));

    private void Send(NodeId leader, QuorumReport report) => Send(
        leader, PeerFrameKind.QuorumReport, new LoopEvent.QuorumReportCame(leader, report),
        into => ReportCodec.Encode(report, into));

    private void Send(NodeId leader, PeerFrameKind kind, LoopEvent here, Action<ByteWriter> encode)
    {
        if (leader == context.Cluster.Self)
        {
            loops.OfGroup(GroupId.Metadata).Post(here);
            return;
        }

        _frame.Clear();
        encode(_frame);
        context.World.Transport.Send(leader, kind, _frame.Written);
    }
}
