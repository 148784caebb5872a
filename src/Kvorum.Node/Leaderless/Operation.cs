using Kvorum.Quorum;
using Kvorum.Raft;

namespace Kvorum.Node.Leaderless;

/// <summary>
/// What a coordinator has under way for one call: asks replicas, takes their answers, and ends. Owned by the
/// node loop.
/// </summary>
internal abstract class Operation(ICoordinatorHost host, GroupId group, ReplicaNodes nodes, long endMs)
{
    /// <summary>Its number, which answers carry.</summary>
    public ulong Id { get; } = host.NextOperation();

    /// <summary>When no more answers are waited for, in the node's milliseconds.</summary>
    public long EndMs { get; protected set; } = endMs;

    private long _askAgainMs = host.NowMs + Limits.AskAgainMs;
    private long _askAgainWaitMs = Limits.AskAgainMs;

    /// <summary>True now and then: those that have not answered are to be asked again.</summary>
    protected bool IsTimeToAskAgain()
    {
        if (Host.NowMs < _askAgainMs)
            return false;
        _askAgainWaitMs *= 2;
        _askAgainMs = Host.NowMs + _askAgainWaitMs;
        return true;
    }

    /// <summary>True once nothing is left to do.</summary>
    public abstract bool IsOver { get; }

    /// <summary>The loop.</summary>
    protected ICoordinatorHost Host { get; } = host;

    /// <summary>The group.</summary>
    protected GroupId Group { get; } = group;

    /// <summary>The replicas.</summary>
    protected ReplicaNodes Nodes { get; } = nodes;

    /// <summary>Sends the first questions. The operation is known to the coordinator by now.</summary>
    public abstract void Begin();

    /// <summary>A replica has answered.</summary>
    public void Answered(NodeId from, in QuorumAnswer answer)
    {
        if (Nodes.NumberOf(from) is >= 0 and var number)
            Answered(number, answer);
    }

    /// <summary>A peer is lost.</summary>
    public void Lost(NodeId peer)
    {
        if (Nodes.NumberOf(peer) is >= 0 and var number)
            Lost(number);
    }

    /// <summary>A peer is silent, or takes longer than usual.</summary>
    public void Slow(NodeId peer)
    {
        if (Nodes.NumberOf(peer) is >= 0 and var number)
            Slow(number);
    }

    /// <summary>Time passes: what has no answer yet takes longer than usual, or for too long.</summary>
    public abstract void Sweep();

    /// <summary>A replica has answered.</summary>
    protected abstract void Answered(int node, in QuorumAnswer answer);

    /// <summary>A replica is down.</summary>
    protected abstract void Lost(int node);

    /// <summary>A replica is slow.</summary>
    protected virtual void Slow(int node)
    {
    }

    /// <summary>Asks each of the replicas; one on this node answers at once, or when it is durable.</summary>
    protected void Ask(ReplicaMask among, QuorumAsk kind, ReadOnlyMemory<byte> bytes,
        bool wantsValue = false, ulong requestId = 0)
    {
        foreach (var number in among)
        {
            var request = new QuorumRequest(
                kind, Id, Group, Nodes.Epoch.Value, bytes, wantsValue, requestId);
            Host.Ask(Nodes[number], request);
        }
    }

    /// <summary>The names of nodes, for people.</summary>
    protected string NamesOf(ReplicaMask among)
    {
        var names = new List<string>();
        foreach (var number in among)
            names.Add(Host.Cluster.Members.NameOf(Nodes[number]));
        return names.Count == 0 ? "none" : string.Join(", ", names);
    }
}
