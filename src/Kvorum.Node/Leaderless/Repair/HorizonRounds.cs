using Kvorum.Node.Placement;
using Kvorum.Quorum;
using Kvorum.Quorum.Deletes;
using Kvorum.Raft;

namespace Kvorum.Node.Leaderless.Repair;

/// <summary>
/// Brings the horizons of this loop's replicas forward, while they have something to collect. The first node
/// of a partition begins a round: it closes its gate at what all members have told, the others close theirs
/// when they hear of it, each is compared with each other one, and all tell when they are done. See
/// <see cref="CompletenessRound"/>. Owned by the node loop.
/// </summary>
internal sealed class HorizonRounds(IRepairHost host)
{
    private readonly SortedDictionary<GroupId, Partition> _partitions = [];

    // The newest of each replica, with the placement that it was told in.
    private readonly SortedDictionary<(GroupId Group, NodeId Node), RepairMessage.Told> _told = [];
    private long _sweptMs;

    private sealed class Partition(Epoch epoch, IReadOnlyList<NodeId> others)
    {
        public Epoch Epoch => epoch;

        public IReadOnlyList<NodeId> Others => others;

        public CompletenessRound? Round { get; set; }

        public RepairMessage.Told? LastTold { get; set; }

        public long TellAgainMs { get; set; }

        public long NextRoundMs { get; set; }

        public long CountAgainMs { get; set; }
    }

    /// <summary>Another replica tells its marks.</summary>
    public void Take(NodeId from, RepairMessage.Told told)
    {
        _told[(told.Group, from)] = told;
        if (host.ReplicaOf(told.Group) is { MayAnswer: true } replica && IsOfNow(replica, told)
            && Horizon.FitnessOf(told.Marks.Horizon, replica.Marks.CompleteBelow) != ReplicaFitness.Fit)
            replica.GiveUpBehindHorizon();
    }

    /// <summary>A peer came up: it may not know what was told.</summary>
    public void PeerUp()
    {
        foreach (var partition in _partitions.Values)
            partition.LastTold = null;
    }

    /// <summary>Time passes.</summary>
    public void Sweep()
    {
        if (host.NowMs - _sweptMs < Limits.HorizonSweepMs)
            return;
        _sweptMs = host.NowMs;
        foreach (var replica in host.Replicas)
        {
            if (host.Cluster.Placement.Placed(replica.Identity.Group) is { } placed
                && placed.Epoch == replica.Confirmed)
                Sweep(replica, PartitionOf(replica, placed), placed);
        }
    }

    /// <summary>
    /// The next replica that a replica here is to be compared with for its round, and the floor of the round;
    /// null if there is none.
    /// </summary>
    /// <param name="isReady">True if the pair may be compared now.</param>
    public (QuorumReplica Replica, NodeId Peer, HybridTimestamp Floor)? NextToCompare(
        Func<QuorumReplica, NodeId, bool> isReady)
    {
        foreach (var replica in host.Replicas)
        {
            if (!replica.MayAnswer || RoundOf(replica) is not { MayCompare: true } round)
                continue;
            foreach (var peer in round.Open)
            {
                if (isReady(replica, new(peer.Value)))
                    return (replica, new(peer.Value), round.Floor);
            }
        }

        return null;
    }

    /// <summary>A replica here has all that another one had below a floor.</summary>
    public void Compared(QuorumReplica replica, NodeId peer, HybridTimestamp floor)
    {
        if (RoundOf(replica) is { } round && round.Floor == floor)
            round.Compared(new(peer.Value));
    }

    private CompletenessRound? RoundOf(QuorumReplica replica) =>
        _partitions.GetValueOrDefault(replica.Identity.Group) is { } partition
        && partition.Epoch == replica.Confirmed ? partition.Round : null;

    private static bool IsOfNow(QuorumReplica replica, RepairMessage.Told told) =>
        told.IsWhole && told.Epoch == replica.Confirmed;

    private Partition PartitionOf(QuorumReplica replica, PlacedGroup placed)
    {
        var group = replica.Identity.Group;
        if (_partitions.TryGetValue(group, out var known) && known.Epoch == placed.Epoch)
            return known;
        var made = new Partition(
            placed.Epoch, [.. placed.Holders.Where(node => node != host.Cluster.Self)]);
        return _partitions[group] = made;
    }

    private void Sweep(QuorumReplica replica, Partition partition, PlacedGroup placed)
    {
        Tell(replica, partition);
        if (!replica.MayAnswer)
        {
            partition.Round = null;
            return;
        }

        RepairMessage.Told[] others =
        [
            .. partition.Others
                .Select(node => _told.GetValueOrDefault((replica.Identity.Group, node)))
                .Where(told => told is not null && IsOfNow(replica, told)).Select(static told => told!),
        ];
        foreach (var other in others)
            replica.CloseGate(other.Marks.Gate);
        BeginIfDue(replica, partition, placed);
        GoOn(replica, partition);
        if (others.Length == partition.Others.Count)
            Advance(replica, others);
        replica.HorizonIssue = WhyHeld(replica, partition);
        Account(replica, partition);
    }

    // To count takes a walk over the tombstones: only where many may have gathered.
    private void Account(QuorumReplica replica, Partition partition)
    {
        replica.TombstoneAgeMs = replica.Machine.NextEndMs is { } endMs && host.RecordTimeMs >= (long)endMs
            ? host.RecordTimeMs - (long)endMs : null;
        if (replica.HorizonIssue is null)
        {
            replica.Tombstones = null;
        }
        else if (host.NowMs >= partition.CountAgainMs)
        {
            partition.CountAgainMs = host.NowMs + host.SyncIntervalMs;
            replica.CountTombstones(host.Scan);
        }
    }

    private void Tell(QuorumReplica replica, Partition partition)
    {
        var told = new RepairMessage.Told(
            replica.Identity.Group, replica.Confirmed, replica.Marks, replica.MayAnswer);
        var isOpen = replica.Marks.Horizon < replica.Marks.Gate && host.NowMs >= partition.TellAgainMs;
        if (told.Marks == default || (told == partition.LastTold && !isOpen))
            return;
        partition.LastTold = told;
        partition.TellAgainMs = host.NowMs + Limits.TellAgainMs;
        foreach (var other in partition.Others.Where(host.Cluster.Health.IsUp))
            host.Send(other, told);
    }

    // Only where something has ended: other partitions need no horizon.
    private void BeginIfDue(QuorumReplica replica, Partition partition, PlacedGroup placed)
    {
        var marks = replica.Marks;
        if (placed.Holders.Min() != host.Cluster.Self || marks.CompleteBelow < marks.Gate
            || host.NowMs < partition.NextRoundMs || replica.Machine.NextEndMs is not { } endMs
            || host.FloorOf(replica.Identity.Group) is not { } floor || (ulong)floor.UnixMs <= endMs)
            return;
        partition.NextRoundMs = host.NowMs + host.SyncIntervalMs;
        replica.CloseGate(floor);
    }

    private void GoOn(QuorumReplica replica, Partition partition)
    {
        var marks = replica.Marks;
        if (marks.CompleteBelow >= marks.Gate)
        {
            partition.Round = null;
            return;
        }

        if (partition.Round?.Floor != marks.Gate)
        {
            partition.Round = new(
                marks.Gate, [.. partition.Others.Select(static node => new PeerId(node.Value))]);
            partition.Round.CloseGate();
        }

        foreach (var node in partition.Others)
        {
            if (_told.GetValueOrDefault((replica.Identity.Group, node)) is { } told && IsOfNow(replica, told)
                && told.Marks.Gate >= marks.Gate)
                partition.Round.GateClosed(new(node.Value));
        }

        if (partition.Round.IsDone)
            replica.Completed(partition.Round.Floor);
    }

    private static void Advance(QuorumReplica replica, RepairMessage.Told[] others)
    {
        var horizon = replica.Marks.CompleteBelow;
        foreach (var other in others)
            horizon = other.Marks.CompleteBelow < horizon ? other.Marks.CompleteBelow : horizon;
        replica.AdvanceHorizon(horizon);
    }

    // Told once it is much longer than rounds take.
    private string? WhyHeld(QuorumReplica replica, Partition partition)
    {
        if (replica.Machine.NextEndMs is not { } endMs
            || host.RecordTimeMs - (long)endMs < host.TombstoneMinMs + (3 * host.SyncIntervalMs))
            return null;
        NodeId[] members = [.. host.Cluster.Ids.Union(partition.Others).Order()];
        var reports = new List<LowWatermark>();
        foreach (var member in members.Where(host.Cluster.Health.IsUp))
        {
            if (host.Watermarks.Of(member) is not { } told)
                continue;
            HybridTimestamp? complete = member == host.Cluster.Self ? replica.Marks.CompleteBelow
                : partition.Others.Contains(member)
                    ? _told.GetValueOrDefault((replica.Identity.Group, member))?.Marks.CompleteBelow
                        ?? HybridTimestamp.Zero
                    : null;
            HybridTimestamp? hint = told.OldestHints.TryGetValue(replica.Identity.Group, out var oldest)
                ? oldest : null;
            reports.Add(LowWatermark.Of(new(member.Value), told.Low, told.IsHeld, hint, complete));
        }

        var held = Horizon.Decide(
            replica.Marks.Horizon, [.. members.Select(static member => new PeerId(member.Value))], reports);
        return held.Sentence(
            host.RecordTimeMs, peer => host.Cluster.Members.NameOf(new(peer.Value)));
    }
}
