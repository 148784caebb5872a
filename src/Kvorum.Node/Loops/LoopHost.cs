using Kvorum.Node.Budgets;
using Kvorum.Node.Groups;
using Kvorum.Node.Leaderless;
using Kvorum.Node.Membership;
using Kvorum.Node.Replicas;
using Kvorum.Node.Scans;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Loops;

/// <summary>
/// What a loop is to its replicas and scans: they know these two interfaces, and nothing else of it. Owned by
/// the loop.
/// </summary>
internal sealed class LoopHost(
    NodeContext context, LoopGroup group, LoopClock clock, Inbox inbox, ReplicaTable replicas, TurnLog log,
    Outboxes outboxes, LoopCalls calls, LoopJobs jobs, RoomWaits rooms, CallRouter router,
    SnapshotPacer pacer) : IReplicaHost, IScanHost
{
    /// <inheritdoc cref="IReplicaHost.NowMs"/>
    public long NowMs => clock.NowMs;

    /// <inheritdoc/>
    public long ClockMs => context.MonotonicMs;

    /// <inheritdoc/>
    public long WallMs => context.WallMs;

    /// <inheritdoc/>
    public long? AgreedWallMs => context.Clocks.AgreedMs(clock.NowMs);

    /// <inheritdoc/>
    public NodeOptions Options => context.Options;

    /// <inheritdoc cref="IReplicaHost.Cluster"/>
    public ClusterView Cluster => context.Cluster;

    /// <inheritdoc/>
    public RateLimiter RewritePace => context.RewritePace;

    /// <inheritdoc/>
    public DiskGauge Disk => context.Disk;

    /// <inheritdoc/>
    public bool IsLogBehind => context.Log.IsBehind;

    /// <inheritdoc/>
    public bool IsMemorySpent => context.Memory.IsSpent(context.Trees.MemTableBytes);

    /// <inheritdoc/>
    public bool IsMemoryOverrun => context.Memory.IsOverrun(context.Trees.MemTableBytes);

    /// <summary>
    /// True while this node should lead nothing: its log is slow, its disk almost full, or its clock far from
    /// the majority's.
    /// </summary>
    public bool ShouldNotLead => log.Pace.IsSlow || Disk.Level != DiskLevel.Ample || context.Clocks.IsBeyond;

    /// <inheritdoc/>
    public int Flushes { get; set; }

    /// <inheritdoc/>
    public int SnapshotSends => replicas.All.Sum(static replica => replica.SnapshotSends);

    /// <inheritdoc/>
    public ulong CurrentBatch => log.CurrentBatch;

    /// <inheritdoc/>
    public void Touch(IReplica replica) => replicas.Touch(replica);

    /// <inheritdoc/>
    public LogBatch OpenBatch(IReplica replica) => log.Open(replica);

    /// <inheritdoc/>
    public void ReleaseLog(GroupId of, LogIndex upTo) => context.Log.Release(of.Value, upTo.Value);

    /// <inheritdoc/>
    public ulong NextTransfer() => context.NextTransfer();

    /// <inheritdoc/>
    public void Send(GroupId of, Message message) => outboxes.Send(of, message);

    /// <inheritdoc/>
    public void Send(NodeId to, in SnapshotChunk chunk) => outboxes.Send(to, chunk);

    /// <inheritdoc/>
    public void Send(NodeId to, in SnapshotAck ack) => outboxes.Send(to, ack);

    /// <inheritdoc/>
    public void Send(NodeId to, in RebuildAsk ask) => outboxes.Send(to, ask);

    /// <inheritdoc/>
    public void Send(NodeId to, in GroupDigest digest) => outboxes.Send(to, digest);

    /// <inheritdoc/>
    public void Pace(long bytes, Action send) => pacer.Send(bytes, send);

    /// <inheritdoc/>
    public void RunInBackground(Action work, Action<Exception?> done) => jobs.RunInBackground(work, done);

    /// <inheritdoc/>
    public void Defer(Action work) => inbox.Post(new LoopEvent.Deferred(work));

    /// <inheritdoc cref="IReplicaHost.Finish"/>
    public void Finish(Call call, Reply reply) => calls.Finish(call, reply);

    /// <inheritdoc/>
    public void Forward(Call call, NodeId leader) => router.Forwards.Send(call, leader);

    /// <inheritdoc/>
    public void TakeElsewhere(Call call) => router.Take(call);

    /// <inheritdoc cref="IReplicaHost.TakeReplyRoom"/>
    public void TakeReplyRoom(Call call, long valueBytes, Action then) =>
        rooms.TakeForReply(call, valueBytes, then);

    /// <inheritdoc/>
    public void Scan(Action work, Action<Exception?> done) => jobs.Run(JobLane.Scan, work, done);

    /// <inheritdoc/>
    public void Take(ReadViewRequest part) => router.Take(part);

    /// <inheritdoc/>
    public long RecordTimeMs => context.RecordTimeMs;

    /// <inheritdoc/>
    public IReadOnlyList<IPartitionSource> SourcesOf(ScanRequest scan)
    {
        if (Cluster.Keyspace(scan.Keyspace) is not { } keyspace)
            return [];
        return keyspace.IsQuorum
            ? [.. keyspace.Groups.All.Select(of => new ReplicaSources(Cluster, of, keyspace, scan))]
            : [.. keyspace.Groups.All.Select(of => new LeaderSource(Cluster, of, scan.Consistency))];
    }

    /// <inheritdoc/>
    public void VerifyTables(GroupId of) => replicas.Find(of)?.Store.VerifyTables();

    /// <inheritdoc/>
    public void Ask(NodeId node, PartialScanRequest ask)
    {
        if (node == Cluster.Self)
            group.Take(ask, share => inbox.Post(new LoopEvent.ScanAnswered(share)));
        else
            outboxes.Send(node, ask);
    }
}
