using Kvorum.Node.Membership;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Scans;

/// <summary>All that scans may ask of the loop that owns them. Called on the loop's thread only.</summary>
internal interface IScanHost
{
    /// <summary>The node's clock as of this turn, in milliseconds; never falls.</summary>
    long NowMs { get; }

    /// <summary>The same clock now. Any thread.</summary>
    long ClockMs { get; }

    /// <summary>Members and leaders.</summary>
    ClusterView Cluster { get; }

    /// <summary>The time by which records of quorum keyspaces have ended, in Unix milliseconds.</summary>
    long RecordTimeMs { get; }

    /// <summary>From where the parts of a page come; none if there is no such keyspace.</summary>
    IReadOnlyList<IPartitionSource> SourcesOf(ScanRequest scan);

    /// <summary>Answers a call, once.</summary>
    void Finish(Call call, Reply reply);

    /// <summary>
    /// Takes room for a reply with a value of so many bytes, now or later; then <paramref name="then"/> runs
    /// in the loop.
    /// </summary>
    void TakeReplyRoom(Call call, long valueBytes, Action then);

    /// <summary>
    /// Walks over keys, on the lane for that; <paramref name="done"/> runs in the loop, with what it threw.
    /// </summary>
    void Scan(Action work, Action<Exception?> done);

    /// <summary>
    /// Asks a node, perhaps this one, for a share. The answer comes to the loop that the question's number
    /// belongs to.
    /// </summary>
    void Ask(NodeId node, PartialScanRequest ask);

    /// <summary>Takes one group's part of a share: it is read here or refused, never passed on.</summary>
    void Take(ReadViewRequest part);

    /// <summary>A view of the group could not be read: its replica checks its tables.</summary>
    void VerifyTables(GroupId group);
}
