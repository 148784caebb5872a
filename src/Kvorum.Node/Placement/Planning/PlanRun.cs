using System.Globalization;
using Kvorum.Raft;

namespace Kvorum.Node.Placement.Planning;

/// <summary>
/// The making of one plan. First it looks at the moves under way, then at what groups need, the most urgent
/// first: groups that lost the most voters, drains, replication factors, zones; then, if moves are left over,
/// at balance; then at preferred leaders, which move no data.
/// </summary>
internal sealed class PlanRun
{
    private readonly PlannedCluster _cluster;
    private readonly PlannerSettings _settings;
    private readonly PlannerNodes _nodes;
    private readonly GroupSteps _steps;
    private readonly GroupState[] _groups;
    private readonly List<TargetChange> _changes = [];
    private readonly List<Obstacle> _obstacles = [];
    private readonly List<(GroupState Group, int Moves)> _lost = [];
    private int _underWay;
    private int _waiting;

    public PlanRun(PlannedCluster cluster)
    {
        _cluster = cluster;
        _settings = cluster.Settings;
        _nodes = new PlannerNodes(cluster);
        _steps = new GroupSteps(_nodes, _settings, cluster.NowMs);
        var keyspaces = cluster.Keyspaces.ToDictionary(static keyspace => keyspace.Id);
        _groups = [.. cluster.Groups.OrderBy(static group => group.Id)
            .Select(group => new GroupState(group, keyspaces[group.Keyspace], _nodes, _settings))];
        foreach (var group in _groups)
            Account(group, 1);
    }

    public Plan Run()
    {
        var open = _groups.Where(LookAfter).ToArray();
        // Only now it is known how many moves are under way.
        foreach (var (group, moves) in _lost.TakeWhile(_ => IsRoomForChange))
        {
            _underWay -= moves;
            GiveUp(group);
        }

        Mend(open);
        if (!_settings.IsPaused)
            new LoadBalance(_nodes, _steps, _settings, open).Run(() => IsRoomForMove, Balanced);
        BalanceLeaders(open);
        return new Plan(_changes, _obstacles, _waiting, _underWay, Drained());
    }

    private bool IsRoomForMove => _underWay < _settings.MovesMax && IsRoomForChange;

    private bool IsRoomForChange => _changes.Count < _settings.BatchSize;

    // True if the group stands where its target wants it. A move under way is counted, reported as stuck, or
    // lost.
    private bool LookAfter(GroupState group)
    {
        if (group.IsSettled)
            return true;
        var waitedMs = _cluster.NowMs - Math.Max(group.Group.TargetSinceMs, group.Group.ProgressAtMs);
        var isStuck = waitedMs >= _settings.BatchTimeoutMs;
        if (group.Group.Actual is null)
        {
            if (isStuck)
                Report(group, null, ObstacleKind.NoReport);
            return false;
        }

        var coming = group.Coming;
        var hindrance = group.WhyNoChange(fills: group.Pending.Length > 0);
        // A quorum keyspace's group goes back to what it has without any of its replicas.
        var isTakenBack = group.IsLeaderless && !group.Group.Actual.IsJoint
            && coming.Any(node => !_nodes.Keeps(node));
        if (hindrance is { } kind && !isTakenBack)
        {
            Report(group, null, kind);
            return false;
        }

        var attempts = group.Group.Failures + (waitedMs / _settings.BatchTimeoutMs);
        var isLost = coming.Any(node => !_nodes.Keeps(node))
            || (attempts >= _settings.RetryAttempts && HasOtherWay(group));
        var moves = isStuck || hindrance is not null || group.Pending.Length == 0 ? 0 : 1;
        _underWay += moves;
        if (isLost && coming.Length > 0 && !group.Group.Actual.IsJoint)
            _lost.Add((group, moves));
        else if (isStuck)
        {
            var text = $"no progress for {waitedMs / 1000} s, attempt "
                + $"{Math.Min(attempts + 1, _settings.RetryAttempts)} of {_settings.RetryAttempts}"
                + WhyStuck(group);
            Report(group, null, ObstacleKind.Stuck, text);
        }

        return false;
    }

    // Where no other node could take the replica, the move stays, and goes on as soon as it can.
    private bool HasOtherWay(GroupState group) => Enumerable.Range(0, _nodes.MemberCount).Any(
        node => !group.Has(node) && _steps.CanTake(group, node));

    // As far as it can be told from here.
    private string WhyStuck(GroupState group)
    {
        foreach (var node in group.Coming)
        {
            if (!_nodes.Answers(node))
                return $": {_nodes.Names([node])} is silent";
            if (_nodes.FreeOf(node) < group.Group.Bytes)
            {
                return $": the disk of {_nodes.Names([node])} has room for {MiB(_nodes.FreeOf(node))}, and "
                    + $"the replica has {MiB(group.Group.Bytes)}";
            }
        }

        return "";
    }

    private static string MiB(long bytes) =>
        string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 20):0.0} MiB");

    // Another node in place of the one that did not take the replica, or back to what there is.
    private void GiveUp(GroupState group)
    {
        var coming = group.Coming;
        var lost = _nodes.IdOf(coming.FirstOrDefault(node => !_nodes.Keeps(node), coming[0]));
        Account(group, -1);
        group.GiveUp();
        var need = _steps.NeedOf(group);
        var step = need is { } reason
            ? _steps.Next(group, reason, IsRoomForMove, out _)
            : GroupStep.None;
        if (!step.IsSome)
            step = new GroupStep(group.Voters, group.Learners, null);
        Account(group, 1);
        Change(group, step, need ?? ChangeReason.Balance, lost);
    }

    private void Mend(GroupState[] open)
    {
        var needs = open.Select(group => (Group: group, Need: _steps.NeedOf(group)))
            .Where(static wish => wish.Need is not null)
            .OrderBy(static wish => wish.Need)
            .ThenByDescending(wish => wish.Group.ActualVoters.Count(_nodes.IsGone))
            .ThenBy(static wish => wish.Group.Group.Id);
        foreach (var (group, need) in needs)
        {
            var mayMove = IsRoomForMove;
            var step = IsRoomForChange
                ? _steps.Next(group, need!.Value, mayMove, out var inTheWay)
                : Later(out inTheWay);
            if (step.IsSome)
                Change(group, step, need!.Value, null);
            else if (inTheWay is { } kind)
                Report(group, need!.Value, kind);
            else if (!mayMove)
                _waiting++;
        }
    }

    private static GroupStep Later(out ObstacleKind? inTheWay)
    {
        inTheWay = null;
        return GroupStep.None;
    }

    private void Balanced(GroupState group, GroupStep step) =>
        Change(group, step, ChangeReason.Balance, null);

    private void BalanceLeaders(GroupState[] open)
    {
        foreach (var group in open.Where(static group => !group.IsChanged))
        {
            if (!IsRoomForChange)
                return;
            if (BetterLeader(group) is not { } leader)
                continue;
            int[] voters = [leader, .. group.Voters.Where(node => node != leader)];
            Change(group, new GroupStep(voters, group.Learners, null), ChangeReason.Leaders, null);
        }
    }

    // A preferred leader that is gone or drains is followed at once, any other one if that is worth it.
    private int? BetterLeader(GroupState group)
    {
        var other = -1;
        foreach (var node in group.Voters)
        {
            if (_nodes.Takes(node) && (other < 0 || _nodes.LedDensityOf(node) < _nodes.LedDensityOf(other)))
                other = node;
        }

        var first = group.Voters[0];
        if (other < 0 || !_nodes.Keeps(first))
            return other < 0 ? null : other;
        if (_settings.IsPaused || group.IsFollowedByAll)
            return null;
        var isWorth = _nodes.LedGain(first, other) > 0
            && LoadBalance.IsBeyondMargin(_nodes.LedDensityOf(first), _nodes.LedDensityOf(other), _settings);
        return isWorth ? other : null;
    }

    private void Change(GroupState group, GroupStep step, ChangeReason reason, NodeId? givesUp)
    {
        Account(group, -1);
        group.Become(step);
        Account(group, 1);
        _underWay += step.Adds is null ? 0 : 1;
        var target = new ReplicaTarget(
            [.. step.Voters.Select(_nodes.IdOf)], [.. step.Learners.Select(_nodes.IdOf)]);
        NodeId? adds = step.Adds is { } node ? _nodes.IdOf(node) : null;
        _changes.Add(new TargetChange(group.Group.Id, group.Group.Epoch, target, reason, adds, givesUp));
    }

    // What the group's target will cost its nodes.
    private void Account(GroupState group, int sign)
    {
        foreach (var node in group.Replicas)
            _nodes.AddLoad(node, sign * group.Load);
        foreach (var node in group.Pending)
            _nodes.Reserve(node, sign * group.Group.Bytes);
        if (!group.IsFollowedByAll && group.Voters.Length > 0)
            _nodes.AddLed(group.Voters[0], sign);
    }

    private NodeId[] Drained()
    {
        if (_nodes.Active.Length == _nodes.MemberCount)
            return [];
        var used = new HashSet<int>();
        foreach (var group in _groups)
        {
            // Every member follows the metadata group until it is removed.
            used.UnionWith(group.Replicas);
            used.UnionWith(group.ActualVoters);
            if (group.IsFollowedByAll)
                continue;
            used.UnionWith(group.ActualLearners);
            used.UnionWith(_nodes.NumbersOf(group.Group.Actual?.Filling ?? []));
        }

        return [.. Enumerable.Range(0, _nodes.MemberCount).Except(_nodes.Active)
            .Where(node => !used.Contains(node)).Select(_nodes.IdOf)];
    }

    private void Report(GroupState group, ChangeReason? wanted, ObstacleKind kind, string? detail = null)
    {
        var text = kind switch
        {
            ObstacleKind.NoNode => "no further node answers that has no replica of it",
            ObstacleKind.NoRoom => $"no node that could take the replica has room for its "
                + MiB(group.Group.Bytes),
            ObstacleKind.GivenUp => "moves to all nodes that could take the replica were given up lately",
            ObstacleKind.Stuck => group.Coming is { Length: > 0 } coming
                ? $"the move to {_nodes.Names(coming)} makes {detail}"
                : $"the change of its voters makes {detail}",
            ObstacleKind.NoMajority => "no majority of its voters answers: "
                + $"{_nodes.Names(group.ActualVoters.Where(node => !_nodes.Answers(node)))} are silent",
            ObstacleKind.Silent => "its replicas cannot change while these are silent: "
                + $"{_nodes.Names(group.Silent)}. Start them, or give them up with kvorum node replace",
            ObstacleKind.AllLost => "its records are lost with all members that had a replica of it: "
                + $"{_nodes.Names(group.ActualVoters)}. Drop its keyspace, and make it anew",
            ObstacleKind.Unsafe => "the change would leave fewer voters that answer",
            ObstacleKind.NoReport => "no leader has told of its replicas",
            _ => throw new ArgumentOutOfRangeException(nameof(kind)),
        };
        _obstacles.Add(new Obstacle(group.Group.Id, wanted, kind, $"group {group.Group.Id}: {text}"));
    }
}
