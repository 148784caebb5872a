using Kvorum.Raft;

namespace Kvorum.Node.Membership;

/// <summary>
/// Decides when a new data folder may take part: when so many of the other members know it that no other
/// folder of this node can ever find as many. Two sets of that size always have a member in common, and that
/// member knows the first folder only, so a wiped node, which may have voted and acknowledged before, is
/// never admitted again. A pure decider; owned by node loop 0.
/// </summary>
internal sealed class Admission(IEnumerable<NodeId> others)
{
    private readonly SortedSet<NodeId> _missing = [.. others];
    private int _known;

    /// <summary>How many of the other members must know a node of a cluster of that size.</summary>
    public static int NeededOf(int members) => members == 1 ? 0 : ((members - 1) / 2) + 1;

    /// <summary>
    /// Members that have not yet said that they know this folder, in the order of their ids.
    /// </summary>
    public IReadOnlyCollection<NodeId> Missing => _missing;

    /// <summary>How many must know this folder.</summary>
    public int Needed { get; } = NeededOf(others.Count() + 1);

    /// <summary>True once enough of them do.</summary>
    public bool IsGranted => _known >= Needed;

    /// <summary>The member remembers this folder, durably, and will know no other.</summary>
    public void Vouched(NodeId member)
    {
        if (_missing.Remove(member))
            _known++;
    }
}
