using Kvorum.Node.State;
using Kvorum.Raft;
using Kvorum.Storage.Lsm;

namespace Kvorum.Node.Replicas;

/// <summary>
/// What the node and people are told of a replica's role: leader changes as they come, and the whole status
/// when it is asked for. Owned by the node loop.
/// </summary>
internal sealed class RoleReport(IReplicaHost host, ReplicaParts parts, ReplicaCondition condition)
{
    private readonly RaftNode _raft = parts.Raft;
    private (Role Role, Term Term, NodeId? Leader) _told;

    /// <summary>
    /// Tells the node if role, term or leader have changed. Returns the role before; null if nothing has
    /// changed.
    /// </summary>
    public Role? TellIfChanged()
    {
        var now = (_raft.Role, _raft.Term, _raft.Leader);
        if (now == _told)
            return null;
        var before = _told;
        _told = now;
        var identity = parts.Identity;
        host.Cluster.Leaders.Set(identity.Group, now.Leader, now.Term);
        if (before.Role != now.Role || before.Leader != now.Leader)
            host.Cluster.RoleChanged(identity.Keyspace, identity.Partition, RoleName, now.Term, now.Leader);
        return before.Role;
    }

    /// <summary>The node takes no part: this replica leads nothing, as far as the node knows.</summary>
    public void TellNoLeader() => host.Cluster.Leaders.Set(parts.Group, null, _raft.Term);

    /// <summary>The replica as people see it.</summary>
    public PartitionStatus Status() => new()
    {
        Keyspace = parts.Identity.Keyspace,
        Partition = parts.Identity.Partition,
        Group = parts.Group,
        Role = RoleName,
        Term = _raft.Term.Value,
        Leader = _raft.Leader is { } leader ? host.Cluster.Members.NameOf(leader) : "",
        Commit = _raft.CommitIndex.Value,
        Applied = parts.Tree.AppliedIndex,
        LastIndex = _raft.LastIndex.Value,
        Keys = parts.Machine.KeyCount,
        Bytes = parts.Tree.Bytes,
        FollowerLag = Lag(),
    };

    /// <summary>What it has of a key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="damaged">Told if its tables turn out to be damaged.</param>
    public ReplicaOfKey Describe(byte[] key, Action<TreeDamagedException> damaged)
    {
        var replica = new ReplicaOfKey
        {
            Name = host.Cluster.Members.NameOf(host.Cluster.Self),
            State = "up",
            Role = condition.IsFenced ? "damaged" : RoleName,
            Applied = parts.Tree.AppliedIndex,
        };
        if (condition.ServesNothing || parts.Machine is not KeyValueMachine machine)
        {
            return replica with
            {
                Reason = condition.DamageIssue ?? condition.StandingIssue ?? "it is empty yet",
            };
        }

        try
        {
            return machine.Get(key) is not { } record ? replica with { Has = "nothing" } : replica with
            {
                Has = "value",
                Version = $"{record.Version}",
                ValueBytes = record.Value.Length,
                ExpiresMs = record.ExpiresMs == 0 ? null : record.ExpiresMs,
            };
        }
        catch (TreeDamagedException damage)
        {
            damaged(damage);
            return replica with { Role = "damaged", Reason = damage.What };
        }
    }

    private SortedDictionary<string, ulong> Lag()
    {
        var lag = new SortedDictionary<string, ulong>(StringComparer.Ordinal);
        if (_raft.Role != Role.Leader)
            return lag;
        foreach (var peer in parts.Members)
        {
            if (peer != _raft.Id && _raft.ProgressOf(peer) is { } progress)
            {
                lag[host.Cluster.Members.NameOf(peer)] =
                    _raft.LastIndex.Value - Math.Min(progress.Match.Value, _raft.LastIndex.Value);
            }
        }

        return lag;
    }

    private string RoleName => _raft.Role switch
    {
        Role.Leader => "leader",
        Role.Candidate => "candidate",
        Role.PreCandidate => "pre-candidate",
        _ => condition.IsQuarantined ? "quarantined" : condition.IsBlank ? "blank"
            : _raft.Configuration.Learners.Contains(_raft.Id) ? "learner" : "follower",
    };
}
