using Kvorum.Node.Membership;
using Kvorum.Node.Replicas;
using Kvorum.Raft;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Leaderless;

/// <summary>What a replica of a quorum keyspace is made of, recovered from disk or newly born.</summary>
/// <param name="Identity">Which group it belongs to.</param>
/// <param name="Birth">How it began.</param>
/// <param name="Tree">Its data on disk.</param>
/// <param name="Machine">What is in the tree.</param>
internal sealed record QuorumParts(
    GroupIdentity Identity, GroupBirth Birth, Tree Tree, StoredMachine Machine) : IReplicaParts
{
    /// <inheritdoc/>
    public GroupId Group => Identity.Group;

    /// <summary>What the log holds behind the tree's checkpoint, in order.</summary>
    public IReadOnlyList<Entry> Unapplied { get; init; } = [];

    /// <summary>The placement before which it has said to refuse all requests; it keeps to that.</summary>
    public Epoch Confirmed { get; init; }

    /// <summary>The newest entry that the log knows to be in a checkpoint.</summary>
    public LogIndex Released { get; init; }

    /// <summary>Where its tables are damaged; null if they are whole, as far as was seen.</summary>
    public string? Damage { get; init; }
}
