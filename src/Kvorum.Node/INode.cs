using Kvorum.Protocol;

namespace Kvorum.Node;

/// <summary>The door of a node's brain for front ends. All members may be called on any thread and never block.</summary>
public interface INode
{
    /// <summary>Takes a request; the call is completed exactly once, now or later, on any thread.</summary>
    void Submit(Call call);

    /// <summary>The cluster as this node knows it now, with leaders.</summary>
    ClusterMap Map { get; }

    /// <summary>Collects the state of the node and all its replicas; <paramref name="done"/> is called once, on a node loop.</summary>
    void AskStatus(Action<NodeStatus> done);
}

/// <summary>One request on its way through the node. Front ends derive their own kind.</summary>
public abstract class Call(Request request, TimeSpan timeout)
{
    private volatile bool _cancelled;

    /// <summary>What is asked.</summary>
    public Request Request { get; } = request;

    /// <summary>How long the caller waits, from <see cref="INode.Submit"/>.</summary>
    public TimeSpan Timeout { get; } = timeout;

    /// <summary>True once the caller has lost interest: the node may drop what was not proposed yet.</summary>
    public bool IsCancelled => _cancelled;

    /// <summary>Where replies are gathered, if many calls share one connection: flushed once after a batch of completions.</summary>
    public virtual IReplySink? Sink => null;

    /// <summary>The caller has lost interest. Any thread.</summary>
    public void Cancel() => _cancelled = true;

    /// <summary>The answer. Called once, often on a node loop: it must neither block nor throw.</summary>
    public abstract void Complete(Reply reply);
}

/// <summary>A connection that gathers replies.</summary>
public interface IReplySink
{
    /// <summary>All replies of a batch are in: send them. Called on the completing thread; must not block.</summary>
    void Flush();
}
