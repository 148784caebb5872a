using Kvorum.Node.Administration;
using Kvorum.Node.Budgets;
using Kvorum.Node.Membership;
using Kvorum.Node.Placement;
using Kvorum.Node.Placement.Planning;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>
/// Tells operators of the cluster: what the leader of the metadata group knows, or what one node knows alone.
/// Owned by the loop of the metadata group.
/// </summary>
internal sealed class ClusterReporter(NodeContext context, LoopClock clock, PlanRounds plans)
{
    private ClusterView Cluster => context.Cluster;

    // Planned: null where this node does not lead.
    private sealed record Known(
        IReadOnlyDictionary<NodeId, MemberRecord> Members, IReadOnlyList<KeyspaceDefinition> Keyspaces,
        ReplicaPlacement Placement, ulong Version, PlannedCluster? Planned);

    /// <summary>The answer of the leader.</summary>
    public AdminReply OfLeader(AdminQuestion question, MetaMachine state, PlannedCluster planned)
    {
        var known = new Known(
            state.Members, [.. state.Keyspaces.Values], state.Placement, state.Version, planned);
        if (question is ShowPartitions partitions)
            return Partitions(partitions, known);
        if (question is ShowAccess)
            return AccessReport.Answer(state.Access);
        return Of(Report(known, "") with
        {
            Leader = Cluster.Members.NameOf(Cluster.Self),
            Obstacles = [.. Obstacles(state)],
            Limits = MoveLimits.Of(state.MoveLimits),
        });
    }

    /// <summary>What this node knows by itself.</summary>
    public AdminReply OfNode(AdminQuestion question, string why)
    {
        var members = new SortedDictionary<NodeId, MemberRecord>();
        foreach (var id in Cluster.Ids)
        {
            members[id] = Cluster.Members.Agreed(id) ?? new(
                Cluster.Members.NameOf(id), Cluster.Members.PeerAddressOf(id),
                Cluster.Members.ClientAddressOf(id), Cluster.Members.HttpAddressOf(id));
        }

        var known = new Known(members, Cluster.Keyspaces, Cluster.Placement, Cluster.Version, null);
        var reply = question switch
        {
            ShowPartitions partitions => Partitions(partitions, known),
            ShowAccess => AccessReport.Answer(Cluster.Access),
            _ => Of(Report(known, why)),
        };
        return reply.Status == ReplyStatus.Ok ? reply with { Message = why } : reply;
    }

    private static AdminReply Of(ClusterReport report) => new() { Status = ReplyStatus.Ok, Cluster = report };

    private ClusterReport Report(Known known, string why)
    {
        PlannedGroup[] moving =
            [.. (known.Planned?.Groups ?? []).Where(static group => !GroupProgress.HasArrived(group))];
        return new()
        {
            ClusterId = ClusterIdentity.ToGuid(Cluster.ClusterIds.Cluster),
            Leader = "",
            Reason = why,
            ToldBy = Cluster.Members.NameOf(Cluster.Self),
            Epoch = known.Placement.Epoch.Value,
            Version = known.Version,
            FormatVersion = Cluster.ActiveFormat,
            Members = [.. Members(known)],
            Keyspaces = [.. known.Keyspaces.Select(keyspace => Describe(keyspace, known.Planned, moving))],
            Moves = [.. moving.Where(static group => group.Actual is not null).Take(Limits.AdminMovesListed)
                .Select(group => Describe(group, known))],
            MovesUnderWay = moving.Count(static group => group.Actual is not null),
        };
    }

    private IEnumerable<MemberReport> Members(Known known)
    {
        var (replicas, leaders) = (new Dictionary<NodeId, int>(), new Dictionary<NodeId, int>());
        foreach (var group in known.Placement.Groups.Where(static group => !group.IsMetadata))
        {
            foreach (var node in known.Placement.Of(group)!)
                replicas[node] = replicas.GetValueOrDefault(node) + 1;
            if (LeaderOf(group, known) is { } leader)
                leaders[leader] = leaders.GetValueOrDefault(leader) + 1;
        }

        return known.Members.Where(static one => one.Value.Status != MemberStatus.Removed)
            .Select(one => Describe(one.Key, one.Value, known) with
            {
                Replicas = replicas.GetValueOrDefault(one.Key),
                Leaders = leaders.GetValueOrDefault(one.Key),
            })
            .OrderBy(static member => member.Name, StringComparer.Ordinal);
    }

    private MemberReport Describe(NodeId id, MemberRecord member, Known known)
    {
        var isUp = Cluster.Health.IsUp(id);
        var room = known.Planned is not null ? plans.RoomOf(id) : null;
        var (state, sinceMs, reason) = Cluster.Health.StateOf(id);
        return new()
        {
            Name = MemberNames.Of(known.Members, id),
            Id = ClusterIdentity.ToGuid(id.Value),
            PeerAddress = member.PeerAddress,
            ClientAddress = member.ClientAddress,
            HttpAddress = member.HttpAddress,
            Zone = member.Zone,
            Weight = member.Weight,
            FormatLowest = Cluster.Members.FormatsOf(id)?.Lowest,
            FormatNewest = Cluster.Members.FormatsOf(id)?.Newest,
            Status = Cluster.ClusterIds.IsKnown ? member.Status.ToString().ToLowerInvariant() : "joining",
            State = isUp ? "up" : state == PeerState.Suspect ? "suspect" : "down",
            ForMs = isUp ? null : clock.NowMs - sinceMs,
            Reason = isUp ? (room == 0 ? DiskGauge.NoRoom : "")
                : state == PeerState.Up ? "connected, and not accepted" : reason,
            Replicas = 0,
            Leaders = 0,
            RoomBytes = room,
        };
    }

    private static KeyspaceReport Describe(
        KeyspaceDefinition keyspace, PlannedCluster? planned, PlannedGroup[] moving) => new()
        {
            Name = keyspace.Settings.Name,
            Mode = keyspace.Settings.Mode,
            WriteQuorum = keyspace.Settings.Quorum?.WriteOf(keyspace.Settings.ReplicationFactor),
            ReadQuorum = keyspace.Settings.Quorum?.ReadOf(keyspace.Settings.ReplicationFactor),
            Sloppy = keyspace.Settings.Quorum?.IsSloppy,
            ClientTimestamps = keyspace.Settings.Quorum?.AllowsClientTime,
            Partitions = keyspace.Settings.PartitionCount,
            ReplicationFactor = keyspace.Settings.ReplicationFactor,
            KeyBytesMax = keyspace.Settings.KeyBytesMax,
            KeyPolicy = keyspace.Settings.KeyPolicy,
            AtTarget = planned is null ? null
                : keyspace.Settings.PartitionCount - moving.Count(group => group.Keyspace == keyspace.Id),
        };

    private static MoveReport Describe(PlannedGroup group, Known known)
    {
        var (keyspace, partition) = NameOf(group.Id, known);
        var nowMs = known.Planned!.NowMs;
        return new()
        {
            Keyspace = keyspace,
            Partition = partition,
            Adds = [.. GroupProgress.Adds(group).Select(node => MemberNames.Of(known.Members, node))],
            Removes = [.. GroupProgress.Removes(group).Select(node => MemberNames.Of(known.Members, node))],
            ForMs = Math.Max(0, nowMs - group.TargetSinceMs),
            SinceProgressMs = Math.Max(0, nowMs - group.ProgressAtMs),
            Bytes = group.Bytes,
        };
    }

    private IEnumerable<ObstacleReport> Obstacles(MetaMachine state) =>
        (plans.Last?.Obstacles ?? []).Select(obstacle =>
        {
            var (keyspace, partition) = MemberNames.Of(state.Directory, obstacle.Group);
            return new ObstacleReport
            {
                Keyspace = keyspace,
                Partition = partition,
                Wanted = obstacle.Wanted?.ToString().ToLowerInvariant() ?? "arrive",
                Text = MemberNames.InWords(obstacle.Text, state),
            };
        });

    private AdminReply Partitions(ShowPartitions asked, Known known)
    {
        var found = known.Keyspaces.Where(one => asked.Keyspace is "" || asked.Keyspace == one.Settings.Name)
            .ToArray();
        if (found.Length == 0 && known.Keyspaces.Count > 0)
        {
            return Refusal.UnknownKeyspace(
                asked.Keyspace, known.Keyspaces.Select(static one => one.Settings.Name)).Reply;
        }

        var planned = known.Planned?.Groups.ToDictionary(static group => group.Id);
        return new()
        {
            Status = ReplyStatus.Ok,
            Partitions = [.. found.SelectMany(keyspace => keyspace.Groups.All.Select(group =>
                Describe(keyspace, group, planned?.GetValueOrDefault(group), known)))],
        };
    }

    private PartitionReport Describe(
        KeyspaceDefinition keyspace, GroupId group, PlannedGroup? planned, Known known)
    {
        var target = known.Placement.Placed(group)?.Target ?? new([], []);
        return new()
        {
            Keyspace = keyspace.Settings.Name,
            Partition = keyspace.Groups.PartitionOf(group).Value,
            Mode = keyspace.Settings.Mode,
            Leader = LeaderOf(group, known) is { } leader ? MemberNames.Of(known.Members, leader) : "",
            Voters = [.. target.Voters.Select(node => MemberNames.Of(known.Members, node))],
            Learners = [.. target.Learners.Select(node => MemberNames.Of(known.Members, node))],
            AtTarget = planned?.Actual is null ? null : GroupProgress.HasArrived(planned),
            Bytes = planned?.Actual is null ? null : planned.Bytes,
        };
    }

    // The leader hears of all groups; another node knows those of which it has a replica.
    private NodeId? LeaderOf(GroupId group, Known known) =>
        known.Planned is not null ? plans.LeaderOf(group) : Cluster.Leaders.Of(group);

    private static (string Keyspace, uint Partition) NameOf(GroupId group, Known known) =>
        MemberNames.Of(new GroupDirectory(known.Keyspaces.Select(static one => one.Groups)), group);
}
