using Kvorum.Node.Groups;
using Kvorum.Node.Membership;
using Kvorum.Node.Replicas;
using Kvorum.Node.Room;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage.Log;

namespace Kvorum.Node;

/// <summary>What the loop is to its replicas.</summary>
public sealed partial class NodeLoop : IReplicaHost
{
    long IReplicaHost.NowMs => NowMs;

    long IReplicaHost.WallMs => WallMs;

    long? IReplicaHost.AgreedWallMs => AgreedWallMs;

    NodeOptions IReplicaHost.Options => Options;

    ClusterView IReplicaHost.Cluster => Cluster;

    DiskGauge IReplicaHost.Disk => Disk;

    bool IReplicaHost.IsLogBehind => IsLogBehind;

    bool IReplicaHost.IsMemorySpent => IsMemorySpent;

    bool IReplicaHost.IsMemoryOverrun => IsMemoryOverrun;

    bool IReplicaHost.ShouldNotLead => ShouldNotLead;

    int IReplicaHost.Flushes
    {
        get => Flushes;
        set => Flushes = value;
    }

    int IReplicaHost.SnapshotSends => SnapshotSends;

    ulong IReplicaHost.CurrentBatch => CurrentBatch;

    void IReplicaHost.Touch(IReplica replica) => Touch(replica);

    LogBatch IReplicaHost.OpenBatch(IReplica replica) => OpenBatch(replica);

    void IReplicaHost.ReleaseLog(uint group, LogIndex upTo) => ReleaseLog(group, upTo);

    ulong IReplicaHost.NextTransfer() => NextTransfer();

    void IReplicaHost.Send(uint group, Message message) => Send(group, message);

    void IReplicaHost.Send(NodeId to, in SnapshotChunk chunk) => Send(to, chunk);

    void IReplicaHost.Send(NodeId to, in SnapshotAck ack) => Send(to, ack);

    void IReplicaHost.Send(NodeId to, in RebuildAsk ask) => Send(to, ask);

    void IReplicaHost.Send(NodeId to, in GroupDigest digest)
    {
        _digests.Clear();
        DigestCodec.Encode(digest, _digests);
        Transport.Send(to, PeerFrameKind.Digest, _digests.Written);
    }

    void IReplicaHost.Pace(long bytes, Action send) => Pace(bytes, send);

    void IReplicaHost.RunInBackground(Action work, Action<Exception?> done) => RunInBackground(work, done);

    void IReplicaHost.Defer(Action work) => Post(work);

    void IReplicaHost.Finish(Call call, Reply reply) => Finish(call, reply);

    void IReplicaHost.Forward(Call call, NodeId leader) => Forward(call, leader);

    void IReplicaHost.TakeReplyRoom(Call call, long valueBytes, Action then) =>
        TakeReplyRoom(call, valueBytes, then);
}
