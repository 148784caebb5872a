using Kvorum.Protocol;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Scans;

/// <summary>
/// One group's part of a share, on the way of every read: the leader confirms that it leads, then opens a
/// view instead of reading a key. Never passed on to another node. Owned by the group's loop.
/// </summary>
internal sealed class ReadViewRequest : Call
{
    private readonly Action<ReadViewRequest> _done;

    /// <param name="group">The group.</param>
    /// <param name="consistency">How fresh the view must be.</param>
    /// <param name="timeout">How long it is waited for.</param>
    /// <param name="deadlineMs">The end of that, in the node's milliseconds.</param>
    /// <param name="done">Called once, when <see cref="View"/> is there or never will be.</param>
    public ReadViewRequest(
        GroupId group, ReadConsistency consistency, TimeSpan timeout, long deadlineMs,
        Action<ReadViewRequest> done)
        : base(new ScanRequest { Key = default, NoRedirect = true, Consistency = consistency }, timeout)
    {
        Group = group;
        DeadlineMs = deadlineMs;
        _done = done;
    }

    /// <summary>The partition as it was when the read was confirmed; null if it could not be read.</summary>
    public PartitionView? View { get; private set; }

    /// <summary>Why no replica can serve the group; empty if one may.</summary>
    public string Failure { get; private set; } = "";

    /// <summary>The read is confirmed: this is the moment of the page in this partition.</summary>
    public void Open(Tree tree, ulong logTimeMs) => View = new(tree.OpenView(), logTimeMs);

    /// <inheritdoc/>
    public override void Complete(Reply reply)
    {
        if (reply.Status == ReplyStatus.Unavailable)
            Failure = reply.Message;
        _done(this);
    }
}
