using Kvorum.Node.Leaderless;
using Kvorum.Node.Replicas;

namespace Kvorum.Node.Loops;

/// <summary>
/// The replicas of one loop, and which of them have something to do at the end of the turn. Each kind of
/// replica is found by itself too, for what only that kind is sent. Owned by the loop.
/// </summary>
internal sealed class ReplicaTable
{
    private readonly SortedDictionary<GroupId, IReplica> _byGroup = [];
    private readonly Dictionary<GroupId, IReplica> _found = []; // the same ones, found faster
    private readonly SortedDictionary<GroupId, RaftReplica> _rafts = [];
    private readonly Dictionary<GroupId, RaftReplica> _foundRafts = []; // the same ones, found faster
    private readonly SortedDictionary<GroupId, QuorumReplica> _quorums = [];
    private readonly Dictionary<GroupId, QuorumReplica> _foundQuorums = []; // the same ones, found faster
    private List<IReplica> _touched = [];
    private List<IReplica> _advancing = [];

    /// <summary>All, by group.</summary>
    public IReadOnlyCollection<IReplica> All => _byGroup.Values;

    /// <summary>Those that replicate by Raft, by group.</summary>
    public IReadOnlyCollection<RaftReplica> Rafts => _rafts.Values;

    /// <summary>Those of quorum keyspaces, by group.</summary>
    public IReadOnlyCollection<QuorumReplica> Quorums => _quorums.Values;

    /// <summary>Adds a replica that replicates by Raft.</summary>
    public void Add(RaftReplica replica)
    {
        Add((IReplica)replica);
        _rafts.Add(replica.Group, replica);
        _foundRafts.Add(replica.Group, replica);
    }

    /// <summary>Adds a replica of a quorum keyspace.</summary>
    public void Add(QuorumReplica replica)
    {
        Add((IReplica)replica);
        _quorums.Add(replica.Identity.Group, replica);
        _foundQuorums.Add(replica.Identity.Group, replica);
    }

    /// <summary>Adds a replica.</summary>
    public void Add(IReplica replica)
    {
        _byGroup.Add(replica.Identity.Group, replica);
        _found.Add(replica.Identity.Group, replica);
    }

    /// <summary>Takes a replica out: it is asked nothing any more.</summary>
    public void Remove(GroupId group)
    {
        _byGroup.Remove(group);
        _found.Remove(group);
        _rafts.Remove(group);
        _foundRafts.Remove(group);
        _quorums.Remove(group);
        _foundQuorums.Remove(group);
    }

    /// <summary>The replica of a group; null if this loop has none.</summary>
    public IReplica? Find(GroupId group) => _found.GetValueOrDefault(group);

    /// <summary>The replica of a group, if it replicates by Raft; else null.</summary>
    public RaftReplica? FindRaft(GroupId group) => _foundRafts.GetValueOrDefault(group);

    /// <summary>The replica of a group, if it is one of a quorum keyspace; else null.</summary>
    public QuorumReplica? FindQuorum(GroupId group) => _foundQuorums.GetValueOrDefault(group);

    /// <summary>The replica has something to do at the end of this turn.</summary>
    public void Touch(IReplica replica)
    {
        if (replica.IsQueued)
            return;
        replica.IsQueued = true;
        _touched.Add(replica);
    }

    /// <summary>Lets those that were touched go on, until none is.</summary>
    public void Advance()
    {
        while (_touched.Count > 0)
        {
            (_touched, _advancing) = (_advancing, _touched);
            foreach (var replica in _advancing)
            {
                replica.IsQueued = false;
                replica.Advance();
            }

            _advancing.Clear();
        }
    }
}
