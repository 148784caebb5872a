using Kvorum.Raft;

namespace Kvorum.Node.Membership;

/// <summary>
/// Decides when a new data folder may take part, and in which cluster: when so many of the other members of
/// one cluster know it that no other folder of this node can ever find as many. Two sets of that size always
/// have a member in common, and that member knows the first folder only, so a wiped node, which may have
/// voted and acknowledged before, is never admitted again. A pure decider; owned by node loop 0.
/// </summary>
internal sealed class Admission(IEnumerable<NodeId> others)
{
    private readonly NodeId[] _others = [.. others.Order()];

    // With the cluster that each belongs to; 0 if it does not know.
    private readonly SortedDictionary<NodeId, UInt128> _known = [];

    /// <summary>How many of the other members must know a node of a cluster of that size.</summary>
    public static int NeededOf(int members) => members == 1 ? 0 : ((members - 1) / 2) + 1;

    /// <summary>
    /// Members that have not yet said that they know this folder, in the order of their ids.
    /// </summary>
    public IEnumerable<NodeId> Missing => _others.Where(member => !_known.ContainsKey(member));

    /// <summary>How many others there are.</summary>
    public int Others => _others.Length;

    /// <summary>How many must know this folder.</summary>
    public int Needed => NeededOf(_others.Length + 1);

    /// <summary>
    /// The cluster in which enough members know this folder; 0 if there is none yet, or it has no id yet.
    /// </summary>
    public UInt128 Cluster => _known.Values.Distinct().Order()
        .FirstOrDefault(cluster => cluster != 0 && IsGrantedIn(cluster));

    /// <summary>
    /// True once enough members of this cluster do; 0: of those that belong to none yet. A member without a
    /// cluster may come to belong to another one, so it counts for none.
    /// </summary>
    public bool IsGrantedIn(UInt128 cluster) => _known.Values.Count(theirs => theirs == cluster) >= Needed;

    /// <summary>The member remembers this folder, durably, and will know no other.</summary>
    public void Vouched(NodeId member, UInt128 cluster)
    {
        if (Array.BinarySearch(_others, member) >= 0)
            _known[member] = cluster;
    }

    /// <summary>True if the member has said, as one of this cluster, that it knows this folder.</summary>
    public bool IsVouchedBy(NodeId member, UInt128 cluster) =>
        _known.TryGetValue(member, out var theirs) && theirs == cluster;

    /// <summary>What the member said counts no more: it belongs to another cluster.</summary>
    public void Withdrawn(NodeId member) => _known.Remove(member);
}
