using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Scans;

/// <summary>
/// From which nodes one partition's part of a page comes: its leader, or as many replicas as a read needs.
/// Owned by the page.
/// </summary>
internal interface IPartitionSource
{
    /// <summary>The partition's group.</summary>
    GroupId Group { get; }

    /// <summary>True if the answers are records of all kinds, the newest of which counts.</summary>
    bool HasRecords { get; }

    /// <summary>True once nothing is missing.</summary>
    bool IsThere { get; }

    /// <summary>Why the part cannot be had, whatever is asked; null if it may be.</summary>
    string? Failure { get; }

    /// <summary>The nodes to ask now; they are taken as asked.</summary>
    IReadOnlyList<AskedNode> Next();

    /// <summary>The node has answered.</summary>
    void Answered(AskedNode asked);

    /// <summary>The node has refused.</summary>
    void Refused(AskedNode asked, in RefusedGroup refused);

    /// <summary>No answer of the node is waited for any more.</summary>
    void TakenBack(AskedNode asked);

    /// <summary>The node takes longer than usual.</summary>
    void IsSlow(AskedNode asked);

    /// <summary>A pause is over: what was refused for a while may be asked for again.</summary>
    void Rested();

    /// <summary>What stands behind a page whose parts came from these nodes.</summary>
    Receipt Receipt(IReadOnlyList<string> nodes);

    /// <summary>What is missing, for people, after the partition's name.</summary>
    string WhyLate();
}

/// <summary>A node that was asked for a part.</summary>
/// <param name="Node">The node.</param>
/// <param name="Epoch">The placement of the group as it was known then; void where a leader is asked.</param>
internal readonly record struct AskedNode(NodeId Node, Epoch Epoch);
