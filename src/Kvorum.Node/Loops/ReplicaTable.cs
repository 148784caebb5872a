using Kvorum.Node.Leaderless;
using Kvorum.Node.Replicas;

namespace Kvorum.Node.Loops;

/// <summary>
/// The replicas of one loop, which of them have something to do at the end of the turn, and which are not at
/// rest. Each kind of replica is found by itself too, for what only that kind is sent. Owned by the loop.
/// </summary>
internal sealed class ReplicaTable
{
    private readonly ByGroup<IReplica> _all = new();
    private readonly ByGroup<RaftReplica> _rafts = new();
    private readonly ByGroup<QuorumReplica> _quorums = new();
    private readonly List<IReplica> _awake = [];
    private List<IReplica> _touched = [];
    private List<IReplica> _advancing = [];

    /// <summary>All, by group.</summary>
    public IReadOnlyList<IReplica> All => _all.Sorted;

    /// <summary>Those that replicate by Raft, by group.</summary>
    public IReadOnlyList<RaftReplica> Rafts => _rafts.Sorted;

    /// <summary>Those of quorum keyspaces, by group.</summary>
    public IReadOnlyList<QuorumReplica> Quorums => _quorums.Sorted;

    /// <summary>
    /// Those that are not at rest, and those that have come to rest since <see cref="LetRest"/>; a replica
    /// that is touched is among them.
    /// </summary>
    public IReadOnlyList<IReplica> Awake => _awake;

    /// <summary>Adds a replica that replicates by Raft.</summary>
    public void Add(RaftReplica replica)
    {
        Add((IReplica)replica);
        _rafts.Add(replica);
    }

    /// <summary>Adds a replica of a quorum keyspace.</summary>
    public void Add(QuorumReplica replica)
    {
        Add((IReplica)replica);
        _quorums.Add(replica);
    }

    /// <summary>Adds a replica.</summary>
    public void Add(IReplica replica)
    {
        _all.Add(replica);
        Wake(replica);
    }

    /// <summary>Takes a replica out: it is asked nothing any more.</summary>
    public void Remove(GroupId group)
    {
        _all.Remove(group);
        _rafts.Remove(group);
        _quorums.Remove(group);
        _awake.RemoveAll(replica => replica.Identity.Group == group);
    }

    /// <summary>The replica of a group; null if this loop has none.</summary>
    public IReplica? Find(GroupId group) => _all.Find(group);

    /// <summary>The replica of a group, if it replicates by Raft; else null.</summary>
    public RaftReplica? FindRaft(GroupId group) => _rafts.Find(group);

    /// <summary>The replica of a group, if it is one of a quorum keyspace; else null.</summary>
    public QuorumReplica? FindQuorum(GroupId group) => _quorums.Find(group);

    /// <summary>The replica has something to do at the end of this turn.</summary>
    public void Touch(IReplica replica)
    {
        Wake(replica);
        if (replica.IsQueued)
            return;
        replica.IsQueued = true;
        _touched.Add(replica);
    }

    /// <summary>The replica is told that time passes, until it is at rest.</summary>
    public void Wake(IReplica replica)
    {
        if (replica.IsAwake)
            return;
        replica.IsAwake = true;
        _awake.Add(replica);
    }

    /// <summary>Those at rest are not told any more that time passes.</summary>
    public void LetRest() => _awake.RemoveAll(static replica =>
    {
        replica.IsAwake = replica.IsQueued || !replica.IsAtRest;
        return !replica.IsAwake;
    });

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

    // A sorted list, because each tick goes over all of it: a tree takes several times as long for that.
    private sealed class ByGroup<T>
        where T : class, IReplica
    {
        private static readonly Comparer<T> Order = Comparer<T>.Create(
            static (one, other) => one.Identity.Group.CompareTo(other.Identity.Group));

        private readonly List<T> _sorted = [];
        private readonly Dictionary<GroupId, T> _found = []; // looked up only

        public IReadOnlyList<T> Sorted => _sorted;

        public T? Find(GroupId group) => _found.GetValueOrDefault(group);

        public void Add(T replica)
        {
            _found.Add(replica.Identity.Group, replica);
            _sorted.Insert(~_sorted.BinarySearch(replica, Order), replica);
        }

        public void Remove(GroupId group)
        {
            if (_found.Remove(group, out var replica))
                _sorted.Remove(replica);
        }
    }
}
