using Kvorum.Node.Budgets;
using Kvorum.Node.State;
using Kvorum.Protocol;

namespace Kvorum.Node;

/// <summary>One request on its way through the node. Front ends derive their own kind.</summary>
public abstract class Call(Request request, TimeSpan timeout)
{
    private volatile bool _cancelled;

    /// <summary>What is asked.</summary>
    public Request Request { get; } = request;

    /// <summary>How long the caller waits, from <see cref="INode.Submit"/>.</summary>
    public TimeSpan Timeout { get; } = timeout;

    /// <summary>
    /// True once the caller has lost interest: the node may drop what was not proposed yet.
    /// </summary>
    public bool IsCancelled => _cancelled;

    /// <summary>
    /// Where replies are gathered, if many calls share one connection: flushed once after a batch of
    /// completions.
    /// </summary>
    public virtual IReplySink? Sink => null;

    /// <summary>
    /// What replies of the caller's connection may hold; null for a caller that takes each as it comes. The
    /// node takes room for a reply there before it makes the reply.
    /// </summary>
    public virtual ByteShare? Replies => null;

    /// <summary>How often a value is in memory, at most, until the caller has it.</summary>
    public virtual int ReplyCopies => 1;

    /// <summary>
    /// True if another node brings a record with the version that it has: its time is none of a client's, and
    /// is taken whether the keyspace takes those or not, within the same bounds.
    /// </summary>
    public virtual bool BringsVersion => false;

    /// <summary>
    /// What the reply holds of <see cref="Replies"/>: the caller's to give back once it is sent. Set before
    /// <see cref="Complete"/>.
    /// </summary>
    public long ReplyBytes { get; private set; }

    /// <summary>Bytes that another node may answer with: the sender of the call has taken the room.</summary>
    internal long Credit { get; set; }

    /// <summary>Bytes that the value of the reply may have without more room being taken.</summary>
    internal virtual long ValueBytesMax =>
        Replies is { } share ? Math.Max(ReplyBytes, share.FreeLeft) / ReplyCopies : int.MaxValue;

    /// <summary>The group that serves the key. Set when submitted.</summary>
    internal GroupId Group { get; set; }

    /// <summary>The keyspace, if it is one of mode quorum. Set when submitted.</summary>
    internal KeyspaceDefinition? Quorum { get; set; }

    /// <summary>When the caller gives up, in the node's milliseconds. Set when submitted.</summary>
    internal long DeadlineMs { get; set; }

    /// <summary>How long the caller waits, within the bounds that the node has for it.</summary>
    internal long TimeoutMs => Math.Clamp((long)Timeout.TotalMilliseconds, 0, Limits.CallTimeoutMaxMs);

    /// <summary>When the call came to this node, in the node's milliseconds.</summary>
    internal long SubmittedMs => DeadlineMs - TimeoutMs;

    /// <summary>True once completed. Owned by the loop that holds the call.</summary>
    internal bool IsDone { get; set; }

    /// <summary>The caller has lost interest. Any thread.</summary>
    public void Cancel() => _cancelled = true;

    /// <summary>Room was taken for its reply, in place of what it had.</summary>
    internal void HoldReplyBytes(long bytes) => ReplyBytes = bytes;

    /// <summary>The reply is made: it holds what it needs, neither more nor less.</summary>
    internal void SettleReplyBytes(long valueBytes)
    {
        if (Replies is not { } share)
            return;
        var (before, after) = (ReplyBytes, valueBytes * ReplyCopies);
        ReplyBytes = after;
        if (after > before)
            share.Charge(after - before);
        else if (after < before)
            share.Give(before - after);
    }

    /// <summary>The answer. Called once, often on a node loop: it must neither block nor throw.</summary>
    public abstract void Complete(Reply reply);
}
