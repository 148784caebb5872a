using Kvorum.Raft;

namespace Kvorum.Node.Placement;

/// <summary>A node as the <see cref="Ring"/> sees it.</summary>
/// <param name="Id">The node.</param>
/// <param name="Weight">
/// How much the node carries in proportion to the others; <see cref="Ordinary"/> unless its operator says
/// otherwise, and at least 1.
/// </param>
/// <param name="Zone">
/// What fails together, such as a rack or a data centre. Nodes without a zone share the zone "".
/// </param>
public readonly record struct RingMember(NodeId Id, int Weight = RingMember.Ordinary, string Zone = "")
{
    /// <summary>The weight of an ordinary node.</summary>
    public const int Ordinary = 100;

    /// <summary>The greatest weight: a hundred ordinary nodes.</summary>
    public const int WeightMax = 100 * Ordinary;
}
