using Kvorum.Node;
using Kvorum.Node.Placement;
using Kvorum.Node.Placement.Planning;
using Kvorum.Raft;

namespace Kvorum.Tests.Node.Placement.Planning.Harness;

/// <summary>
/// Holds a plan against the planner's promises, computed anew from the cluster: limits, safety, and that each
/// change lowers the potential.
/// </summary>
internal sealed class PlanCheck
{
    private readonly PlannedCluster _cluster;
    private readonly Plan _plan;
    private readonly Dictionary<NodeId, PlannedMember> _members;
    private readonly Dictionary<KeyspaceId, PlannedKeyspace> _keyspaces;
    private readonly Dictionary<GroupId, PlannedGroup> _groups;
    private readonly Dictionary<NodeId, long> _load = [];
    private readonly Dictionary<NodeId, long> _led = [];

    public PlanCheck(PlannedCluster cluster, Plan plan)
    {
        _cluster = cluster;
        _plan = plan;
        _members = cluster.Members.ToDictionary(member => member.Id);
        _keyspaces = cluster.Keyspaces.ToDictionary(keyspace => keyspace.Id);
        _groups = cluster.Groups.ToDictionary(group => group.Id);
        foreach (var group in cluster.Groups)
            Account(group, group.Target, 1);
    }

    /// <summary>What holds for the plan as a whole.</summary>
    public void Limits()
    {
        var settings = _cluster.Settings;
        Assert.InRange(_plan.Changes.Count, 0, settings.BatchSize);
        Assert.Equal(_plan.Changes.Count, _plan.Changes.DistinctBy(change => change.Group).Count());
        var changed = _plan.Changes.ToDictionary(change => change.Group);
        var going = _cluster.Groups.Count(group => changed.TryGetValue(group.Id, out var change)
            ? change.Adds is not null
            : IsGoing(group));
        Assert.Equal(going, _plan.MovesUnderWay);
        // A move that was stuck and goes on again may be one more than may begin.
        if (_plan.Changes.Any(change => change.Adds is not null))
            Assert.InRange(going, 0, settings.MovesMax);
    }

    /// <summary>What holds for a change, after those before it.</summary>
    public void Next(TargetChange change)
    {
        var group = _groups[change.Group];
        var actual = group.Actual!;
        var was = change.GivesUp is null ? group.Target
            : new ReplicaTarget(actual.Voters, IsLeaderless(group) ? [] : actual.Learners);
        var target = change.Target;
        Assert.Equal(target.Voters.Count + target.Learners.Count, Nodes(target).Distinct().Count());
        if (change.Reason == ChangeReason.Leaders)
            Assert.True(target.Voters.ToHashSet().SetEquals(group.Target.Voters));
        var added = Nodes(target).Except(Nodes(was)).ToArray();
        if (!IsFollowed(group))
            Assert.Equal(change.Adds is { } node ? [node] : [], added);
        foreach (var id in added)
        {
            Assert.False(_members[id].IsDraining && !IsFollowed(group));
            Assert.True(_members[id].SilentSinceMs is null || IsFollowed(group));
        }

        var upBefore = actual.Voters.Count(IsUp);
        Assert.True(
            target.Voters.Count(IsUp) >= Math.Min(upBefore, target.Voters.Count)
                || change.GivesUp is not null || change.Reason == ChangeReason.Leaders,
            $"{change} leaves fewer voters up");
        var load = Square(_load);
        var led = Square(_led);
        Account(group, group.Target, -1);
        Account(group, target, 1);
        // To go back to what there was is no step forward; the pause bounds how often.
        if (change.GivesUp is not null)
            return;
        var (badBefore, badAfter) = (IsBad(was.Voters[0]) ? 1 : 0, IsBad(target.Voters[0]) ? 1 : 0);
        double[] before = [.. Rank(group, was), load, badBefore, led];
        double[] after = [.. Rank(group, target), Square(_load), badAfter, Square(_led)];
        var differs = Enumerable.Range(0, before.Length)
            .FirstOrDefault(i => Math.Abs(before[i] - after[i]) > 1e-9 * Math.Abs(before[i]), -1);
        Assert.True(
            differs >= 0 && after[differs] < before[differs],
            $"{change.Reason} of group {group.Id} does not lower the potential: "
            + $"{string.Join(' ', before)} -> {string.Join(' ', after)}");
        if (change.Reason == ChangeReason.Balance)
            Assert.Equal(5, differs);
    }

    private bool IsFollowed(PlannedGroup group) => _keyspaces[group.Keyspace].IsFollowedByAll;

    private bool IsUp(NodeId node) => _members.GetValueOrDefault(node) is { SilentSinceMs: null };

    private bool IsGoing(PlannedGroup group) => !IsFollowed(group)
        && Nodes(group.Target).Except(group.Actual!.Voters).Except(group.Actual.Learners).Any()
        && (IsLeaderless(group) ? CanBeFilled(group)
            : group.Actual.Voters.Count(IsUp) > group.Actual.Voters.Count / 2)
        && _cluster.NowMs - Math.Max(group.TargetSinceMs, group.ProgressAtMs)
            < _cluster.Settings.BatchTimeoutMs;

    private bool IsLeaderless(PlannedGroup group) => _keyspaces[group.Keyspace].Quorum is not null;

    // Enough replicas refuse old writes and reads, and enough fill; those that are lost do the former.
    private bool CanBeFilled(PlannedGroup group)
    {
        var (numbers, count) = (_keyspaces[group.Keyspace].Quorum!, group.Actual!.Voters.Count);
        NodeId[] left = [.. group.Actual.Voters.Where(
            node => _members.GetValueOrDefault(node) is { IsLost: false })];
        var silent = left.Length - left.Count(IsUp);
        var sources = Math.Min(left.Length, Math.Max(1, count - numbers.WriteOf(count) + 1));
        return silent < Math.Min(count, numbers.WriteOf(count))
            && silent < Math.Min(count, numbers.ReadOf(count))
            && left.Length > 0 && left.Count(IsUp) >= sources;
    }

    private static IEnumerable<NodeId> Nodes(ReplicaTarget target) => target.Voters.Concat(target.Learners);

    // Replicas on gone nodes, on draining ones, distance from what is due, voters on such nodes that a
    // learner could stand in for, pairs in one zone.
    private double[] Rank(PlannedGroup group, ReplicaTarget target)
    {
        var active = _members.Values.Count(member => !member.IsDraining);
        var due = Math.Min(_keyspaces[group.Keyspace].ReplicationFactor, active);
        NodeId[] replicas = IsFollowed(group) ? [.. target.Voters] : [.. Nodes(target)];
        if (IsFollowed(group))
            due = Odd(due);
        var strangers = IsFollowed(group)
            ? _members.Keys.Except(Nodes(target)).Count() + Nodes(target).Except(_members.Keys).Count()
            : 0;
        var pairs = replicas.Where(_members.ContainsKey).CountBy(node => _members[node].Zone)
            .Sum(zone => zone.Value * (zone.Value - 1) / 2);
        // A learner that goes soon votes no more.
        var going = IsFollowed(group) ? 0 : target.Learners.Count(IsBad);
        var voters = IsLeaderless(group) ? replicas.Length : Odd(replicas.Length - going);
        var even = Math.Abs(target.Voters.Count - voters);
        return
        [
            replicas.Count(IsGone),
            replicas.Count(IsDraining),
            Math.Abs(replicas.Length - due) + strangers + even,
            Math.Min(target.Voters.Count(IsBad), replicas.Except(target.Voters).Count(node => !IsBad(node))),
            pairs,
        ];
    }

    private static int Odd(int count) => count - ((count + 1) % 2);

    private bool IsGone(NodeId node) => !_members.TryGetValue(node, out var member)
        || _cluster.NowMs - member.SilentSinceMs >= _cluster.Settings.GraceMs;

    private bool IsBad(NodeId node) => IsGone(node) || IsDraining(node);

    private bool IsDraining(NodeId node) => !IsGone(node) && _members[node].IsDraining;

    private void Account(PlannedGroup group, ReplicaTarget target, int sign)
    {
        if (IsFollowed(group))
            return;
        foreach (var node in Nodes(target))
        {
            var load = _cluster.Settings.ReplicaBytes + group.Bytes;
            _load[node] = _load.GetValueOrDefault(node) + (sign * load);
        }

        _led[target.Voters[0]] = _led.GetValueOrDefault(target.Voters[0]) + sign;
    }

    private double Square(Dictionary<NodeId, long> loads) => loads.Sum(load =>
        (double)load.Value * load.Value / (_members.GetValueOrDefault(load.Key)?.Weight ?? 100));
}
