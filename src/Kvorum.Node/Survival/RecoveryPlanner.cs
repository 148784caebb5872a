using Kvorum.Node.Placement;
using Kvorum.Node.State;
using Kvorum.Protocol;

namespace Kvorum.Node.Survival;

/// <summary>
/// From which replica each group goes on when a majority is lost for good, and what may be missing then. A
/// pure function of the survivors' descriptions.
/// </summary>
/// <remarks>
/// The replica with the newest last entry (by term, then by index) counts: by the election rule of Raft
/// (section 5.4.1) it has every entry that any survivor knows for committed. What is missing is at most what
/// a majority of voters acknowledged of which none survives.
/// </remarks>
public sealed class RecoveryPlanner
{
    private readonly Survivor[] _survivors;
    private readonly Guid _id;
    private readonly Guid _newCluster;
    private readonly SortedDictionary<string, int> _sources = new(StringComparer.Ordinal);

    private RecoveryPlanner(IReadOnlyList<Survivor> survivors, Guid id, Guid newCluster)
    {
        _survivors = [.. survivors.OrderBy(static one => one.NodeName, StringComparer.Ordinal)];
        (_id, _newCluster) = (id, newCluster);
    }

    /// <summary>
    /// The plan; a <see cref="RecoveryRefusedException"/> says why there is none.
    /// </summary>
    /// <param name="survivors">All nodes that survive. The other members are given up for good.</param>
    /// <param name="id">Drawn at random, for the plan.</param>
    /// <param name="newCluster">Drawn at random, for the cluster that goes on.</param>
    /// <param name="maySomeBeginEmpty">
    /// True if partitions of which no replica survives may begin without a key.
    /// </param>
    public static RecoveryPlan Plan(
        IReadOnlyList<Survivor> survivors, Guid id, Guid newCluster, bool maySomeBeginEmpty) =>
        new RecoveryPlanner(survivors, id, newCluster).Run(maySomeBeginEmpty);

    private RecoveryPlan Run(bool maySomeBeginEmpty)
    {
        CheckSurvivors();
        var meta = Newest(GroupId.Metadata) ?? throw new RecoveryRefusedException(
            "none of these nodes has a whole replica of the metadata group, which knows members, keyspaces "
            + "and placement. Bring in the folder of another node, or restore one from a copy");
        CheckMembers(meta);
        var lost = LostOf(meta);
        if (lost.Length == 0)
        {
            throw new RecoveryRefusedException(
                "all members are here, and none is lost: start them. Where a replica is damaged or "
                + "quarantined, kvorum doctor and kvorum discard help");
        }

        var metadata = Decide(GroupId.Metadata, KeyspaceName.System, 0, 0, isForced: true);
        var groups = new List<RecoveredGroup> { metadata };
        foreach (var keyspace in meta.Keyspaces.Where(static one => one.Mode == KeyspaceSettings.Strong))
        {
            for (uint partition = 0; partition < keyspace.Partitions; partition++)
            {
                groups.Add(Decide(
                    new(keyspace.FirstGroup + partition), keyspace.Name, keyspace.Id, partition,
                    isForced: false, meta));
            }
        }

        foreach (var keyspace in meta.Keyspaces.Where(static one => one.Mode == KeyspaceSettings.QuorumMode))
        {
            groups.AddRange(keyspace.Places.Select(
                (place, partition) => Decide(keyspace, (uint)partition, place, lost.Length, metadata)));
        }

        CheckNeed(groups, lost);
        CheckEmpty(groups, maySomeBeginEmpty);
        return new()
        {
            Version = RecoveryPlan.FormatVersion,
            Id = _id,
            OldCluster = meta.ClusterId,
            NewCluster = _newCluster,
            Survivors = _survivors,
            Lost = lost,
            Groups = groups,
        };
    }

    private void CheckSurvivors()
    {
        if (_survivors.Length == 0)
            throw new RecoveryRefusedException("no survivor is given: give each one's folder or description");
        var twice = _survivors.GroupBy(static one => one.NodeId)
            .FirstOrDefault(static one => one.Count() > 1);
        if (twice is not null)
        {
            throw new RecoveryRefusedException(
                $"{twice.First().NodeName} is given {twice.Count()} times: give each survivor once, with the "
                + "folder that it ran with last");
        }

        var other = _survivors.FirstOrDefault(one => one.ClusterId != _survivors[0].ClusterId);
        if (other is not null)
        {
            throw new RecoveryRefusedException(
                $"{_survivors[0].NodeName} belongs to cluster {_survivors[0].ClusterId}, and "
                + $"{other.NodeName} to {other.ClusterId}. If a plan was applied to one of them, apply the "
                + "same plan to the other");
        }
    }

    private void CheckMembers(Survivor meta)
    {
        foreach (var one in _survivors)
        {
            if (meta.Members.FirstOrDefault(member => member.NodeId == one.NodeId) is { IsHeard: false })
            {
                throw new RecoveryRefusedException(
                    $"{one.NodeName} was removed from the cluster or declared lost before, as "
                    + $"{meta.NodeName} knows: leave its folder out");
            }
        }
    }

    // A voter that nobody knows as a member was removed, or joined in what is lost.
    private SurvivingMember[] LostOf(Survivor meta) =>
    [
        .. meta.Members.Where(member => member.IsHeard && !IsHere(member.NodeId))
            .OrderBy(static member => member.Called, StringComparer.Ordinal),
    ];

    private bool IsHere(Guid node) => Array.Exists(_survivors, one => one.NodeId == node);

    private RecoveredGroup Decide(
        GroupId group, string keyspace, uint keyspaceId, uint partition, bool isForced,
        Survivor? meta = null)
    {
        CheckFit(group, keyspace, partition);
        var decided = new RecoveredGroup(group.Value, keyspace, partition, GroupFate.BeginsEmpty)
        {
            KeyspaceId = keyspaceId,
            Term = 1 + _survivors.Max(one => one.ReplicaOf(group)?.Term ?? 0),
            Source = meta?.NodeId ?? default,
            MayLack = true,
        };
        if (Newest(group) is not { } newest)
            return decided;
        var best = newest.ReplicaOf(group)!;
        var hasMajority = HasMajority(group, best.Voters) && HasMajority(group, best.Outgoing);
        var isKept = hasMajority && !isForced;
        if (!isKept)
            _sources[newest.NodeName] = _sources.GetValueOrDefault(newest.NodeName) + 1;
        return decided with
        {
            Fate = isKept ? GroupFate.Kept : GroupFate.GoesOn,
            Source = isKept ? default : newest.NodeId,
            LastTerm = best.LastTerm,
            LastIndex = best.LastIndex,
            Commit = Whole(group).Max(one => one.ReplicaOf(group)!.Commit),
            CommittedMs = Whole(group).Select(one => one.ReplicaOf(group)!).MaxBy(static one => one.Commit)!
                .CommittedMs,
            Voters = best.Voters.Union(best.Outgoing).Count(),
            VotersLeft = best.Voters.Union(best.Outgoing).Count(voter => HasWhole(voter, group)),
            MayLack = MayLack(group, best),
        };
    }

    // Nothing is changed: what is lacking is what was on lost replicas alone, or, in a sloppy keyspace, on
    // any lost nodes. If moves are not known here either, it may have been on other nodes than it seems.
    private RecoveredGroup Decide(
        SurvivingKeyspace keyspace, uint partition, SurvivingPlace place, int lost, RecoveredGroup metadata)
    {
        var group = keyspace.FirstGroup + partition;
        var left = place.Nodes.Count(node => HasWholeQuorum(node, group));
        var gone = place.Nodes.Count - left;
        // One that was to take another's place may have been filled.
        var isAnywhere = left > 0 || _survivors.Any(one => HasWholeQuorum(one.NodeId, group));
        return new(group, keyspace.Name, partition, isAnywhere ? GroupFate.Kept : GroupFate.BeginsEmpty)
        {
            KeyspaceId = keyspace.Id,
            IsQuorum = true,
            Voters = place.Nodes.Count,
            VotersLeft = left,
            MayLack = (keyspace.IsSloppy ? Math.Max(gone, lost) : gone) >= place.WriteQuorum
                || (metadata.MayLack && lost > 0),
        };
    }

    private bool HasWholeQuorum(Guid node, uint group) => _survivors.Any(one => one.NodeId == node
        && one.QuorumReplicas.Any(replica => replica.Group == group
            && replica.Condition == SurvivingCondition.Whole));

    // What was acknowledged and is in no replica here, lost voters have decided alone. A joint configuration
    // that nobody here knows for committed may be one that they never had.
    private bool MayLack(GroupId group, SurvivingReplica best)
    {
        if (best.Outgoing.Count == 0)
            return IsMajorityLost(group, best.Voters);
        var isCommitted = Whole(group).Any(one => one.ReplicaOf(group)!.Commit >= best.ConfigurationIndex);
        return IsMajorityLost(group, best.Outgoing) && (!isCommitted || IsMajorityLost(group, best.Voters));
    }

    private void CheckFit(GroupId group, string keyspace, uint partition)
    {
        var name = GroupDirectory.NameOf(keyspace, new(partition));
        foreach (var one in _survivors)
        {
            if (one.ReplicaOf(group) is not { } replica)
                continue;
            var isAlone = replica.Condition == SurvivingCondition.Damaged && !Whole(group).Any();
            if (replica.Condition != SurvivingCondition.Quarantined && !isAlone)
                continue;
            throw new RecoveryRefusedException(
                $"the replica of {name} on {one.NodeName} cannot count: {replica.Why}. "
                + (isAlone ? "No other survivor has one: restore its folder from a copy, or give the replica "
                    + "up with kvorum discard" : "Give one side up with kvorum discard first")
                + ", and describe the folder again");
        }
    }

    private IEnumerable<Survivor> Whole(GroupId group) => _survivors.Where(
        one => one.ReplicaOf(group) is { Condition: SurvivingCondition.Whole });

    private bool HasWhole(Guid voter, GroupId group) => Whole(group).Any(one => one.NodeId == voter);

    // Of equal replicas that of the node which counts for the fewest groups so far: work is spread.
    private Survivor? Newest(GroupId group) => Whole(group)
        .OrderByDescending(one => one.ReplicaOf(group)!.LastTerm)
        .ThenByDescending(one => one.ReplicaOf(group)!.LastIndex)
        .ThenBy(one => _sources.GetValueOrDefault(one.NodeName))
        .FirstOrDefault();

    private bool HasMajority(GroupId group, IReadOnlyList<Guid> voters) =>
        voters.Count == 0 || voters.Count(voter => HasWhole(voter, group)) > voters.Count / 2;

    private bool IsMajorityLost(GroupId group, IReadOnlyList<Guid> voters) =>
        voters.Count(voter => !HasWhole(voter, group)) > voters.Count / 2;

    private void CheckNeed(List<RecoveredGroup> groups, SurvivingMember[] lost)
    {
        var source = Newest(GroupId.Metadata)!.ReplicaOf(GroupId.Metadata)!;
        var metaLives = HasMajority(GroupId.Metadata, source.Voters)
            && HasMajority(GroupId.Metadata, source.Outgoing);
        if (!metaLives || groups.Any(IsBroken))
            return;
        var names = string.Join(", ", lost.Select(static one => one.Called));
        throw new RecoveryRefusedException(
            $"there is nothing to recover: each group has a majority of its voters here, although {names} "
            + "are not. Start these nodes; for each node that is lost for good: kvorum node replace NAME");
    }

    private static bool IsBroken(RecoveredGroup group) =>
        group is { Group: > 0, IsQuorum: false, Fate: not GroupFate.Kept };

    private static void CheckEmpty(List<RecoveredGroup> groups, bool maySomeBeginEmpty)
    {
        var empty = groups.Where(static group => group.Fate == GroupFate.BeginsEmpty).ToArray();
        if (empty.Length == 0 || maySomeBeginEmpty)
            return;
        var first = GroupDirectory.NameOf(empty[0].Keyspace, new(empty[0].Partition));
        throw new RecoveryRefusedException(
            $"of {empty.Length} partitions, {first} first, no survivor has a replica: all their keys are "
            + "lost. Bring in the folder of a node that had them; if there is none, let them begin without a "
            + "key with --begin-empty");
    }
}

/// <summary>There is no plan, or it cannot be applied; the message says why, for the operator.</summary>
public sealed class RecoveryRefusedException(string message) : Exception(message);
