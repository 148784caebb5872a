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

    /// <summary>The group that serves the key. Set when submitted.</summary>
    internal uint Group { get; set; }

    /// <summary>When the caller gives up, in the node's milliseconds. Set when submitted.</summary>
    internal long DeadlineMs { get; set; }

    /// <summary>True once completed. Owned by the loop that holds the call.</summary>
    internal bool IsDone { get; set; }

    /// <summary>The caller has lost interest. Any thread.</summary>
    public void Cancel() => _cancelled = true;

    /// <summary>The answer. Called once, often on a node loop: it must neither block nor throw.</summary>
    public abstract void Complete(Reply reply);
}
