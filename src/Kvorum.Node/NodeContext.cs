using Kvorum.Node.Membership;
using Kvorum.Storage.Log;

namespace Kvorum.Node;

/// <summary>What all loops of a node share. Safe on any thread.</summary>
internal sealed class NodeContext(NodeOptions options, NodeWorld world, ClusterView cluster)
{
    private int _isFaulted;
    private ulong _lastTransfer;

    public NodeOptions Options => options;

    public NodeWorld World => world;

    public ClusterView Cluster => cluster;

    /// <summary>Set once, when recovery is done and before any loop runs.</summary>
    public SharedLog Log { get; set; } = null!;

    /// <summary>Set once, before any loop runs.</summary>
    public IReadOnlyList<NodeLoop> Loops { get; set; } = [];

    public bool IsFaulted => Volatile.Read(ref _isFaulted) != 0;

    public long MonotonicMs => (long)world.Time.GetElapsedTime(0).TotalMilliseconds;

    public ulong NextTransfer() => Interlocked.Increment(ref _lastTransfer);

    /// <summary>Nothing is acknowledged any more; the host is told to end the process.</summary>
    public void Fault(Exception cause)
    {
        if (Interlocked.Exchange(ref _isFaulted, 1) == 0)
            world.Events.Fatal(cause.Message, cause);
    }
}
