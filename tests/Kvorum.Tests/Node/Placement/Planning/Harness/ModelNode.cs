using Kvorum.Node.Placement;
using Kvorum.Raft;

namespace Kvorum.Tests.Node.Placement.Planning.Harness;

/// <summary>A node of a <see cref="ClusterModel"/>.</summary>
internal sealed class ModelNode(NodeId id)
{
    public NodeId Id { get; } = id;

    public string Zone { get; set; } = "";

    public int Weight { get; set; } = RingMember.Ordinary;

    public long CapacityBytes { get; set; } = long.MaxValue;

    public bool IsDraining { get; set; }

    public long? SilentSinceMs { get; set; }

    /// <summary>It was declared lost.</summary>
    public bool IsLost { get; set; }

    /// <summary>Transfers to it fail at their end.</summary>
    public bool IsFailing { get; set; }

    /// <summary>Transfers to it make no progress.</summary>
    public bool IsStuck { get; set; }

    public bool IsUp => SilentSinceMs is null && !IsLost;
}
