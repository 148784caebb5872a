using Kvorum.Protocol;
using Kvorum.Quorum;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Scans;

/// <summary>
/// One group's part of a share, on the way of every read: the leader confirms that it leads, or a replica of
/// a quorum keyspace that it may answer, then opens a view instead of reading a key. Never passed on to
/// another node. Owned by the group's loop.
/// </summary>
internal sealed class ReadViewRequest : Call
{
    private readonly Action<ReadViewRequest> _done;

    /// <param name="group">The group, and the placement that the asker knows.</param>
    /// <param name="ask">The question that it is a part of.</param>
    /// <param name="deadlineMs">The end of that, in the node's milliseconds.</param>
    /// <param name="done">Called once, when <see cref="View"/> is there or never will be.</param>
    public ReadViewRequest(
        AskedGroup group, PartialScanRequest ask, long deadlineMs, Action<ReadViewRequest> done)
        : base(
            new ScanRequest { Key = default, NoRedirect = true, Consistency = ask.Order.Consistency },
            TimeSpan.FromMilliseconds(ask.TimeoutMs))
    {
        (Group, Epoch, RecordTimeMs) = (group.Group, group.Epoch, ask.RecordTimeMs);
        DeadlineMs = deadlineMs;
        _done = done;
    }

    /// <summary>The placement of a quorum keyspace's group that the asker knows.</summary>
    public Epoch Epoch { get; }

    /// <summary>The time by which records have ended; null where a leader is asked.</summary>
    public long? RecordTimeMs { get; }

    /// <summary>The partition as it was when the read was confirmed; null if it could not be read.</summary>
    public PartitionView? View { get; private set; }

    /// <summary>Why a replica of a quorum keyspace does not answer.</summary>
    public RefusalReason Refusal { get; set; } = RefusalReason.NoReplica;

    /// <summary>Why no replica can serve the group; empty if one may.</summary>
    public string Failure { get; private set; } = "";

    /// <summary>The read is confirmed: this is the moment of the page in this partition.</summary>
    public void Open(Tree tree, IRecordForm form) => View = new(tree.OpenView(), form);

    /// <inheritdoc/>
    public override void Complete(Reply reply)
    {
        if (reply.Status == ReplyStatus.Unavailable)
            Failure = reply.Message;
        _done(this);
    }
}
