namespace Kvorum.Node.Placement;

/// <summary>What a node tells of its replica of a quorum keyspace's group.</summary>
/// <param name="Group">The group.</param>
/// <param name="Confirmed">The placement before which it refuses all requests, for ever.</param>
/// <param name="IsFilled">True if it has what the others had when it came.</param>
/// <param name="Bytes">What it takes on disk.</param>
/// <param name="Filled">Records that came from those that fill it, since the start of its node.</param>
internal readonly record struct QuorumReplicaReport(
    GroupId Group, Epoch Confirmed, bool IsFilled, long Bytes, long Filled);

/// <summary>What a node tells the leader of the metadata group of its quorum keyspaces.</summary>
/// <param name="Hints">Hints that it keeps for other nodes.</param>
/// <param name="Replicas">Its replicas; those that have nothing new to tell may be missing.</param>
internal sealed record QuorumReport(long Hints, IReadOnlyList<QuorumReplicaReport> Replicas);
