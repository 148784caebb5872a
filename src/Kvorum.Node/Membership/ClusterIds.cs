namespace Kvorum.Node.Membership;

/// <summary>
/// To which cluster this node belongs. The founding id is known from the first start on; two clusters whose
/// founders have the same names share it. The cluster id is the cluster's own, and is learned once. Read on
/// any thread; learned on node loop 0.
/// </summary>
/// <param name="founding">The founding id.</param>
/// <param name="cluster">What the data folder says; 0: the cluster id is not known yet.</param>
/// <param name="drawn">What this node proposes to a metadata group that has no cluster id.</param>
internal sealed class ClusterIds(UInt128 founding, UInt128 cluster, UInt128 drawn)
{
    // 16 bytes are not read at once.
    private volatile Learned _learned = new(cluster);

    private sealed record Learned(UInt128 Cluster);

    /// <summary>By which founders the cluster was founded.</summary>
    public UInt128 Founding => founding;

    /// <summary>The cluster id; 0 while it is not known.</summary>
    public UInt128 Cluster => _learned.Cluster;

    /// <summary>True once the cluster id is known, and durable.</summary>
    public bool IsKnown => Cluster != 0;

    /// <summary>What a leader tells a metadata group that has no cluster id.</summary>
    public UInt128 Proposed => IsKnown ? Cluster : drawn;

    /// <summary>The cluster id is in the data folder from now on.</summary>
    public void Learn(UInt128 id) => _learned = new(id);

    /// <summary>True for the id of another cluster; nothing is known of a node that has none yet.</summary>
    public bool IsForeign(UInt128 theirs) => IsKnown && theirs != 0 && theirs != Cluster;
}
