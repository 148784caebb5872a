using Kvorum.Node.Events;
using Kvorum.Node.Membership;
using Kvorum.Node.Placement;
using Kvorum.Node.Placement.Planning;
using Kvorum.Node.Replicas;
using Kvorum.Node.State;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>
/// While the replica of the metadata group leads: gathers what the groups' leaders report, asks the planner
/// now and then, and proposes the targets that it wants. What it knows is gone with the leadership; the next
/// leader is told all of it. Owned by the loop of the metadata group.
/// </summary>
internal sealed class PlanRounds(NodeContext context, LoopClock clock, LoopJobs jobs, MetadataDesk desk)
{
    private readonly SortedDictionary<GroupId, Reported> _groups = [];
    private readonly SortedDictionary<NodeId, long> _rooms = [];
    private Term _term;
    private long _sinceMs;
    private long _plannedMs;
    private bool _isPlanning;
    private long _advancedMs;

    // Somewhere a move may have ended, so that another can begin.
    private bool _isNews;

    private readonly record struct Reported(GroupReport Report, long ProgressAtMs, NodeId From);

    /// <summary>Quorum keyspaces, whose replicas report themselves.</summary>
    public SwitchRounds Quorums { get; } = new(clock);

    /// <summary>The last plan; null while there is none. Any thread.</summary>
    public Plan? Last => Volatile.Read(ref _last);

    private Plan? _last;

    private ClusterView Cluster => context.Cluster;

    /// <summary>A node reports.</summary>
    public void Take(NodeId from, NodeReport report)
    {
        if (desk.Leader is not var (replica, _))
            return;
        BeginTerm(replica);
        _rooms[from] = report.RoomBytes;
        foreach (var group in report.Groups)
        {
            var known = _groups.TryGetValue(group.Group, out var found) ? found.Report : null;
            if (!group.IsNewerThan(known))
                continue;
            _groups[group.Group] = new(group, clock.NowMs - group.SinceProgressMs, from);
            // A new learner has arrived when it is filled: the configuration stays as it is.
            _isNews |= known?.ConfigurationIndex != group.ConfigurationIndex
                || known.Replicas.Filling.Count != group.Replicas.Filling.Count;
        }
    }

    /// <summary>Plans, if it is time.</summary>
    public void Tick()
    {
        AdvanceSwitches();
        if (_isPlanning || clock.NowMs - _plannedMs < (_isNews ? Limits.ReportMs : Limits.PlanMs))
            return;
        (_plannedMs, _isNews) = (clock.NowMs, false);
        if (desk.Leader is not var (replica, state) || !Cluster.IsAdmitted || state.Keyspaces.Count == 0)
        {
            Volatile.Write(ref _last, null);
            return;
        }

        BeginTerm(replica);
        // Until every leader must have reported.
        if (clock.NowMs - _sinceMs < Limits.ReportAllMs + Limits.ReportMs)
            return;
        var cluster = Describe(state, (long)replica.LogTimeNow);
        Plan? plan = null;
        _isPlanning = true;
        jobs.RunInBackground(() => plan = Planner.Next(cluster), failure =>
        {
            _isPlanning = false;
            if (failure is not null)
                throw new NodeFaultException($"the planner failed: {failure.Message}", failure);
            Planned(plan!);
        });
    }

    private void AdvanceSwitches()
    {
        if (clock.NowMs - _advancedMs < Limits.ReportMs || !Cluster.HasQuorumKeyspaces
            || desk.Leader is not var (replica, state) || !Cluster.IsAdmitted)
            return;
        _advancedMs = clock.NowMs;
        BeginTerm(replica);
        Quorums.Advance(replica, state);
    }

    /// <summary>The cluster as the planner sees it.</summary>
    public PlannedCluster Describe(MetaMachine state, long logNowMs) => new(
        [.. state.Members.Where(static one => one.Value.Status != MemberStatus.Removed)
            .Select(one => Describe(one.Key, one.Value, logNowMs))],
        [
            new(KeyspaceId.System, GroupBirth.MetaVotersMax, IsFollowedByAll: true),
            .. state.Keyspaces.Values.Select(static keyspace =>
                new PlannedKeyspace(keyspace.Id, keyspace.Settings.ReplicationFactor)
                {
                    Quorum = keyspace.Settings.Quorum,
                }),
        ],
        [.. Groups(state, logNowMs)], state.MoveLimits, logNowMs);

    /// <summary>
    /// The leader of a group, by the replica here, else by what leaders report; null if it is not known.
    /// </summary>
    public NodeId? LeaderOf(GroupId group)
    {
        var (leader, term) = Cluster.Leaders.At(group);
        return term.Value == 0 && _groups.TryGetValue(group, out var known) ? known.From : leader;
    }

    /// <summary>What room a node's disk has, by what it reports; null if it has not.</summary>
    public long? RoomOf(NodeId node) => _rooms.TryGetValue(node, out var bytes) ? bytes : null;

    private void BeginTerm(RaftReplica replica)
    {
        if (replica.Raft.Term == _term)
            return;
        (_term, _sinceMs) = (replica.Raft.Term, clock.NowMs);
        _groups.Clear();
        _rooms.Clear();
        Quorums.Clear();
    }

    private PlannedMember Describe(NodeId id, MemberRecord member, long logNowMs) => new(id)
    {
        Weight = Math.Max(1, member.Weight),
        Zone = member.Zone,
        IsDraining = member.Status != MemberStatus.Active,
        IsLost = member.Status == MemberStatus.Lost,
        SilentSinceMs = SilentSince(id, member, logNowMs),
        RoomBytes = _rooms.GetValueOrDefault(id, long.MaxValue),
    };

    // In log time, as all other times of the plan. Who is lost will never answer.
    private long? SilentSince(NodeId id, MemberRecord member, long logNowMs)
    {
        if (member.Status == MemberStatus.Lost)
            return long.MinValue / 2;
        if (Cluster.Health.IsUp(id))
            return null;
        var (_, sinceMs, _) = Cluster.Health.StateOf(id);
        return logNowMs - (clock.NowMs - sinceMs);
    }

    private IEnumerable<PlannedGroup> Groups(MetaMachine state, long logNowMs)
    {
        var placement = state.Placement;
        // It keeps the voters that it began with until there is a target.
        if (Actual(GroupId.Metadata) is { } meta)
        {
            yield return Describe(
                GroupId.Metadata, KeyspaceId.System,
                placement.Placed(GroupId.Metadata) ?? new(default, 0, new(meta.Voters, [])), logNowMs);
        }

        foreach (var keyspace in state.Keyspaces.Values)
        {
            foreach (var group in keyspace.Groups.All)
            {
                if (placement.Placed(group) is not { } placed)
                    continue;
                yield return keyspace.IsQuorum ? DescribeQuorum(
                        group, keyspace.Id, placed, logNowMs, placed.Epoch <= state.RecoveredAt)
                    : Describe(group, keyspace.Id, placed, logNowMs);
            }
        }
    }

    private GroupReplicas? Actual(GroupId group) =>
        _groups.TryGetValue(group, out var known) ? known.Report.Replicas : null;

    private PlannedGroup Describe(GroupId group, KeyspaceId keyspace, PlacedGroup placed, long logNowMs)
    {
        var known = _groups.TryGetValue(group, out var found) ? found : default(Reported?);
        return new(group, keyspace, placed.Target, known?.Report.Replicas)
        {
            Epoch = placed.Epoch,
            Bytes = known?.Report.Bytes ?? 0,
            TargetSinceMs = (long)placed.SinceMs,
            ProgressAtMs = known is { } one ? logNowMs - (clock.NowMs - one.ProgressAtMs) : 0,
            GivenUp = placed.GivenUp,
        };
    }

    private PlannedGroup DescribeQuorum(
        GroupId group, KeyspaceId keyspace, PlacedGroup placed, long logNowMs, bool mayBeginEmpty) =>
        new(group, keyspace, new(placed.Nodes, []), Quorums.Describe(group, placed))
        {
            MayBeginEmpty = mayBeginEmpty,
            Epoch = placed.Epoch,
            Bytes = Quorums.BytesOf(group, placed),
            TargetSinceMs = (long)placed.SinceMs,
            ProgressAtMs = logNowMs - (clock.NowMs - Quorums.ProgressMs(group, placed)),
            GivenUp = placed.GivenUp,
        };

    private void Planned(Plan plan)
    {
        if (desk.Leader is not var (replica, state) || replica.Raft.Term != _term)
            return;
        Obstacle[] kept = [.. plan.Drained.Select(node => WhyNotRemoved(node, state)).OfType<Obstacle>()];
        Volatile.Write(ref _last, plan with { Obstacles = [.. plan.Obstacles, .. kept] });
        if (plan.Changes.Count > 0)
        {
            Cluster.Tell(new TargetsChanged(plan.Changes.Count, plan.Changes[0].Reason.ToString()));
            if (!state.IsRebalancing && plan.Changes.Any(static change => change.Adds is not null))
                replica.Propose(MetaRecords.EncodeRebalancing(isMoving: true, replica.LogTimeNow));
            replica.Propose(MetaRecords.EncodeTargets(plan.Changes, replica.LogTimeNow));
            return;
        }

        // Only when all groups are known: who seems to hold nothing may hold what nobody has told of.
        if (!state.Placement.Groups.All(group => _groups.ContainsKey(group) || Cluster.IsQuorum(group)))
            return;
        foreach (var node in plan.Drained)
        {
            if (state.Members[node].Status is MemberStatus.Leaving or MemberStatus.Lost
                && state.WhyNotStatus(node, MemberStatus.Removed) is null
                && WhyNotRemoved(node, state) is null)
                replica.Propose(MetaRecords.EncodeStatus(node, MemberStatus.Removed, replica.LogTimeNow));
        }
    }

    // Its hints may be all that another replica lacks; in a sloppy keyspace they are part of what was
    // acknowledged. What is on a lost member is lost with it.
    private Obstacle? WhyNotRemoved(NodeId node, MetaMachine state)
    {
        if (state.Members[node].Status != MemberStatus.Leaving || !Cluster.HasQuorumKeyspaces)
            return null;
        var hints = Quorums.HintsOf(node);
        if (hints == 0)
            return null;
        var why = hints is not null
            ? $"{node} keeps {hints} hints, writes for members that are down: it is removed when it has "
                + "handed them over. Start those members, or give them up with kvorum node replace"
            : $"{node} has not told whether it keeps hints, writes for members that are down: it is removed "
                + "when it has. Start it, or give it up with kvorum node replace";
        return new(GroupId.Metadata, ChangeReason.Drain, ObstacleKind.KeepsHints, why);
    }
}
