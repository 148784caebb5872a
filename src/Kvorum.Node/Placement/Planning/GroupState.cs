using Kvorum.Quorum;

namespace Kvorum.Node.Placement.Planning;

/// <summary>
/// A group by numbers of nodes, while a plan is made. What the plan starts from is the target; where a move
/// is given up, it is what the group has.
/// </summary>
internal sealed class GroupState
{
    private readonly PlannerNodes _nodes;
    private readonly PlannedKeyspace _keyspace;

    /// <summary>The group as its target wants it.</summary>
    public GroupState(
        PlannedGroup group, PlannedKeyspace keyspace, PlannerNodes nodes, PlannerSettings settings)
    {
        (_nodes, _keyspace) = (nodes, keyspace);
        Group = group;
        IsFollowedByAll = keyspace.IsFollowedByAll;
        Voters = nodes.NumbersOf(group.Target.Voters);
        Learners = nodes.NumbersOf(group.Target.Learners);
        Load = IsFollowedByAll ? 0 : settings.ReplicaBytes + group.Bytes;
        Due = Math.Min(keyspace.ReplicationFactor, nodes.Active.Length);
        if (IsFollowedByAll)
            Due = VotersOf(Due);
        Replicas = Counted();
        ActualVoters = nodes.NumbersOf(group.Actual?.Voters ?? []);
        ActualLearners = nodes.NumbersOf(group.Actual?.Learners ?? []);
        IsSettled = group.Actual is { IsJoint: false } actual && AreSame(Voters, ActualVoters)
            && (IsFollowedByAll || (actual.Filling.Count == 0 && AreSame(Learners, ActualLearners)));
        Pending = IsFollowedByAll || IsSettled || group.Actual is null
            ? []
            : [.. Voters.Concat(Learners).Except(ActualVoters).Except(ActualLearners)];
    }

    /// <summary>The group.</summary>
    public PlannedGroup Group { get; }

    /// <summary>True for the metadata group.</summary>
    public bool IsFollowedByAll { get; }

    /// <summary>The voters, the preferred leader first.</summary>
    public int[] Voters { get; private set; }

    /// <summary>The learners.</summary>
    public int[] Learners { get; private set; }

    /// <summary>The nodes that the factor counts: of a group that all follow, the voters alone.</summary>
    public int[] Replicas { get; private set; }

    /// <summary>Voters by what the leader told.</summary>
    public int[] ActualVoters { get; }

    /// <summary>Learners that have caught up, by what the leader told.</summary>
    public int[] ActualLearners { get; }

    /// <summary>Nodes of the target that have no whole replica yet.</summary>
    public int[] Pending { get; private set; }

    /// <summary>Nodes of the target that do not vote yet, but shall, or have no whole replica yet.</summary>
    public int[] Coming =>
        [.. Pending.Concat(Voters.Except(ActualVoters)).Distinct()];

    /// <summary>What one replica counts in balance.</summary>
    public long Load { get; }

    /// <summary>Replicas that the group should have with the members that there are.</summary>
    public int Due { get; }

    /// <summary>True once the plan has a new target for the group.</summary>
    public bool IsChanged { get; set; }

    /// <summary>Nodes that get no replica, beside those to which a move was given up before.</summary>
    public int[] Refused { get; private set; } = [];

    /// <summary>True if the group is where its target wants it.</summary>
    public bool IsSettled { get; }

    /// <summary>Voters of the group's configuration that answer.</summary>
    public int VotersThatAnswer => ActualVoters.Count(_nodes.Answers);

    /// <summary>True for a group of a quorum keyspace.</summary>
    public bool IsLeaderless => _keyspace.Quorum is not null;

    /// <summary>How many of so many replicas vote.</summary>
    public int VotersOf(int replicas) => _keyspace.VotersOf(replicas);

    /// <summary>
    /// Why the replicas that the group has cannot change, or not until others answer; null if they can.
    /// </summary>
    /// <param name="fills">True if a new replica is to be filled.</param>
    public ObstacleKind? WhyNoChange(bool fills)
    {
        if (_keyspace.Quorum is not { } numbers)
            return VotersThatAnswer > ActualVoters.Length / 2 ? null : ObstacleKind.NoMajority;
        if (Group.Actual is not { IsJoint: true } && ActualVoters.All(_nodes.IsLost) && (fills || IsSettled))
            return Group.MayBeginEmpty ? null : ObstacleKind.AllLost;
        var (answering, lost) = (ReplicaMask.None, ReplicaMask.None);
        for (var i = 0; i < ActualVoters.Length; i++)
        {
            answering |= _nodes.Answers(ActualVoters[i]) ? ReplicaMask.Of(i) : ReplicaMask.None;
            lost |= _nodes.IsLost(ActualVoters[i]) ? ReplicaMask.Of(i) : ReplicaMask.None;
        }

        var present = ReplicaMask.Below(ActualVoters.Length);
        var change = new ReplicaChange(
            Group.Actual is { IsJoint: true } ? ChangeStage.ReadNew : ChangeStage.WriteBoth, present,
            fills ? ReplicaMask.Below(ActualVoters.Length + 1) : present);
        return change.CanEnd(numbers.Of(ActualVoters.Length), answering, lost, filled: default)
            ? null : ObstacleKind.Silent;
    }

    /// <summary>Replicas that do not answer and may do so again.</summary>
    public IEnumerable<int> Silent =>
        ActualVoters.Where(node => !_nodes.Answers(node) && !_nodes.IsLost(node));

    /// <summary>True if both are the same nodes, in any order.</summary>
    public static bool AreSame(int[] left, int[] right)
    {
        if (left.Length != right.Length)
            return false;
        foreach (var node in left)
        {
            if (!right.Contains(node))
                return false;
        }

        return true;
    }

    /// <summary>Replicas in a zone.</summary>
    public int CountIn(int zone, int[] replicas)
    {
        var count = 0;
        foreach (var node in replicas)
            count += _nodes.ZoneOf(node) == zone ? 1 : 0;
        return count;
    }

    /// <summary>The most replicas that a zone has.</summary>
    public int MostInZone(int[] replicas)
    {
        var most = 0;
        foreach (var node in replicas)
            most = Math.Max(most, CountIn(_nodes.ZoneOf(node), replicas));
        return most;
    }

    /// <summary>True if the node has a replica, or is to get one.</summary>
    public bool Has(int node) => Voters.Contains(node) || Learners.Contains(node);

    /// <summary>Goes back to what the group has, and refuses the nodes of the move.</summary>
    public void GiveUp()
    {
        Refused = Pending;
        Pending = [];
        Voters = [.. Voters.Where(ActualVoters.Contains), .. ActualVoters.Except(Voters)];
        Learners = IsLeaderless ? [] : ActualLearners;
        Replicas = Counted();
    }

    /// <summary>Takes the replicas of a step as the new target.</summary>
    public void Become(GroupStep step)
    {
        Voters = step.Voters;
        Learners = step.Learners;
        Replicas = Counted();
        Pending = step.Adds is { } node ? [node] : [];
        IsChanged = true;
    }

    /// <summary>True if a move of this group to the node was given up lately.</summary>
    public bool Refuses(int node, long nowMs, long pauseMs) => Refused.Contains(node)
        || (Group.GivenUp.Count > 0
            && Group.GivenUp.Any(move => move.Node == _nodes.IdOf(node) && nowMs - move.AtMs < pauseMs));

    // Of a group that all follow, learners are no matter of the factor.
    private int[] Counted() => IsFollowedByAll ? Voters : [.. Voters, .. Learners];
}
