using Kvorum.Node.Budgets;
using Kvorum.Node.Groups;
using Kvorum.Node.Membership;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Replicas;

/// <summary>
/// All that a replica may ask of the loop that owns it. The loop implements it; tests implement it to run a
/// single replica by a script. Called on the loop's thread only.
/// </summary>
internal interface IReplicaHost
{
    /// <summary>The node's clock as of this turn, in milliseconds; never falls.</summary>
    long NowMs { get; }

    /// <summary>This node's wall clock, in Unix milliseconds.</summary>
    long WallMs { get; }

    /// <summary>What the wall clocks of a majority of members show; null if they do not agree.</summary>
    long? AgreedWallMs { get; }

    /// <summary>The time by which records of quorum keyspaces end, in Unix milliseconds.</summary>
    long RecordTimeMs { get; }

    /// <summary>The node's settings.</summary>
    NodeOptions Options { get; }

    /// <summary>Members, leaders, and the way to tell the operator something.</summary>
    ClusterView Cluster { get; }

    /// <summary>How fast tables of another key are written anew.</summary>
    RateLimiter RewritePace { get; }

    /// <summary>How much room the disk has.</summary>
    DiskGauge Disk { get; }

    /// <summary>True while the log has more to write than it should take.</summary>
    bool IsLogBehind { get; }

    /// <summary>True while the memtables hold as much as they may.</summary>
    bool IsMemorySpent { get; }

    /// <summary>True while they hold so much more that not even a leader's entries are taken.</summary>
    bool IsMemoryOverrun { get; }

    /// <summary>True while this node should lead nothing.</summary>
    bool ShouldNotLead { get; }

    /// <summary>Memtables of this loop's replicas that are being written to tables.</summary>
    int Flushes { get; set; }

    /// <summary>Checkpoints that this loop's replicas are sending.</summary>
    int SnapshotSends { get; }

    /// <summary>The number of the log batch that this turn's records go into.</summary>
    ulong CurrentBatch { get; }

    /// <summary>The replica has something to do at the end of this turn.</summary>
    void Touch(IReplica replica);

    /// <summary>
    /// The log batch of this turn; <see cref="IReplica.Persisted"/> is called when it is durable.
    /// </summary>
    LogBatch OpenBatch(IReplica replica);

    /// <summary>The log need not keep the group's entries up to an index any more.</summary>
    void ReleaseLog(GroupId group, LogIndex upTo);

    /// <summary>A number for a snapshot transfer, unique on this node.</summary>
    ulong NextTransfer();

    /// <summary>Sends a Raft message with this turn's frame.</summary>
    void Send(GroupId group, Message message);

    /// <summary>Sends a piece of a checkpoint.</summary>
    void Send(NodeId to, in SnapshotChunk chunk);

    /// <summary>Answers a piece of a checkpoint.</summary>
    void Send(NodeId to, in SnapshotAck ack);

    /// <summary>Asks for a checkpoint.</summary>
    void Send(NodeId to, in RebuildAsk ask);

    /// <summary>Tells a peer of this replica's history at once.</summary>
    void Send(NodeId to, in GroupDigest digest);

    /// <summary>
    /// Runs <paramref name="send"/> when the node's rate for snapshots lets so many bytes go.
    /// </summary>
    void Pace(long bytes, Action send);

    /// <summary>
    /// Runs slow work on the background lane; <paramref name="done"/> runs in the loop, with what the work
    /// threw.
    /// </summary>
    void RunInBackground(Action work, Action<Exception?> done);

    /// <summary>Runs <paramref name="work"/> in the loop's next turn.</summary>
    void Defer(Action work);

    /// <summary>Answers a call, once.</summary>
    void Finish(Call call, Reply reply);

    /// <summary>Passes a call on to the node that leads.</summary>
    void Forward(Call call, NodeId leader);

    /// <summary>Finds another way for a call whose replica has gone from this node.</summary>
    void TakeElsewhere(Call call);

    /// <summary>
    /// Takes room for a reply with a value of so many bytes, now or later; then <paramref name="then"/> runs
    /// in the loop.
    /// </summary>
    void TakeReplyRoom(Call call, long valueBytes, Action then);
}
