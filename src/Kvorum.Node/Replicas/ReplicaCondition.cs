using Kvorum.Node.Events;
using Kvorum.Node.Groups;
using Kvorum.Node.Membership;
using Kvorum.Raft;
using Kvorum.Storage.Lsm;

namespace Kvorum.Node.Replicas;

/// <summary>
/// What keeps a replica from serving. Owned by the node loop.
/// <list type="bullet">
/// <item>Fenced: its tables are damaged. It serves nothing and does not lead, and takes a checkpoint from its
/// leader in place of them. Its log is whole, so it votes and acknowledges as before; what it had
/// acknowledged is in the log or in what the checkpoint must at least hold, and is applied again from
/// there.</item>
/// <item>Quarantined: it contradicts another replica (ADR 24). It serves nothing, votes for nothing and keeps
/// every byte, over restarts, until an operator discards one side. It is never filled by itself: the majority
/// may be the side that forgot.</item>
/// <item>Blank: an operator gave up what it had, or it is new in a group that is older. It serves nothing
/// until its leader has filled it.</item>
/// </list>
/// </summary>
internal sealed class ReplicaCondition(ReplicaParts parts, DurableQueue durable, ClusterView cluster)
{
    private bool _isUnfilled = parts.Raft.Configuration.Voters.Count == 0;

    /// <summary>Where its tables are damaged; null if they are whole.</summary>
    public string? Damage { get; private set; } = parts.Damage;

    /// <summary>True while its data is damaged.</summary>
    public bool IsFenced => Damage is not null;

    /// <summary>True while it stands still because it contradicts another replica.</summary>
    public bool IsQuarantined => parts.Raft.IsQuarantined;

    /// <summary>True while it holds nothing, having been discarded, or being new in an old group.</summary>
    public bool IsBlank => durable.Standing is Discarded || _isUnfilled;

    /// <summary>True while no call may be answered from its data.</summary>
    public bool ServesNothing => IsFenced || IsQuarantined || IsBlank;

    /// <summary>How it came to its standing; null if it takes part.</summary>
    public ReplicaEvent? StandingEvent => durable.Standing switch
    {
        Quarantined found => new ReplicaQuarantined(Keyspace, Partition, WhyOf(found)),
        Discarded => new ReplicaDiscarded(Keyspace, Partition),
        _ => null,
    };

    /// <summary>The damage of its data; null if it is whole.</summary>
    public ReplicaDamaged? DamageEvent => Damage is { } damage
        ? new(Keyspace, Partition, parts.Raft.Configuration.Voters.Count > 1, damage) : null;

    /// <summary>What an operator should know of its standing; null if it takes part.</summary>
    public string? StandingIssue => StandingEvent is { } found ? NodeEventText.Of(found) : null;

    /// <summary>What an operator should know of its data; null if it is whole.</summary>
    public string? DamageIssue => DamageEvent is { } found ? NodeEventText.Of(found) : null;

    private string Keyspace => parts.Identity.Keyspace;

    private PartitionId Partition => parts.Identity.Partition;

    /// <summary>Both sides of a contradiction, for people.</summary>
    public string WhyOf(Quarantined found) => found.Describe(cluster.Members.NameOf);

    /// <summary>Damage was found.</summary>
    public void Fence(TreeDamagedException damage)
    {
        Invariant.Check(!IsFenced, "a replica is fenced twice");
        Damage = damage.What;
    }

    /// <summary>Its leader has filled it.</summary>
    public void Filled() => _isUnfilled = false;

    /// <summary>Whole tables took the place of the damaged ones.</summary>
    public void Unfence() => Damage = null;
}
