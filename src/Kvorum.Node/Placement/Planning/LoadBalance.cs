namespace Kvorum.Node.Placement.Planning;

/// <summary>
/// Moves replicas from nodes that carry much for their weight to nodes that carry little. A move must lower
/// the potential (<see cref="PlannerNodes.Gain"/>) by what is worth a move, be beyond the margin, and put no
/// more replicas of the group into one zone than before. So single moves are enough: with loads of one size,
/// nodes between which none is left to be made differ by the margin or by one replica, or the zones forbid
/// more.
/// </summary>
internal sealed class LoadBalance
{
    // Enough to find a good size among groups of different ones.
    private const int CandidatesMax = 32;

    private readonly PlannerNodes _nodes;
    private readonly GroupSteps _steps;
    private readonly PlannerSettings _settings;
    private readonly List<GroupState>[] _groupsOf;

    // By density, the fullest first; nodes without a possible move are taken out.
    private readonly SortedSet<(double Density, int Node)> _givers = [];

    // By zone and density, the emptiest first: a zone that is closed to a group is passed over as a whole.
    private readonly SortedSet<(double Density, int Node)>[] _takers;

    /// <summary>Balance among these groups, which stand where their targets want them.</summary>
    public LoadBalance(PlannerNodes nodes, GroupSteps steps, PlannerSettings settings, GroupState[] open)
    {
        _nodes = nodes;
        _steps = steps;
        _settings = settings;
        _groupsOf = [.. Enumerable.Range(0, nodes.MemberCount).Select(static _ => new List<GroupState>())];
        _takers =
            [.. Enumerable.Range(0, nodes.ZoneCount).Select(static _ => new SortedSet<(double, int)>())];
        foreach (var group in open)
        {
            // A group that has other worries is not moved for balance.
            if (group.IsChanged || group.IsFollowedByAll || !group.Replicas.All(nodes.Takes))
                continue;
            foreach (var node in group.Replicas)
                _groupsOf[node].Add(group);
        }

        foreach (var node in nodes.Active.Where(nodes.Takes))
        {
            _givers.Add((-nodes.DensityOf(node), node));
            _takers[nodes.ZoneOf(node)].Add((nodes.DensityOf(node), node));
        }
    }

    /// <summary>True if two densities differ by more than what is left alone.</summary>
    public static bool IsBeyondMargin(double high, double low, PlannerSettings settings) =>
        high > low * (100 + settings.MarginPercent) / 100;

    /// <summary>Makes moves, the best of the fullest node first, for as long as there may be more.</summary>
    public void Run(Func<bool> mayMove, Action<GroupState, GroupStep> move)
    {
        while (mayMove() && _givers.Count > 0)
        {
            var from = _givers.Min.Node;
            if (!IsBeyondMargin(_nodes.DensityOf(from), LeastDensity(), _settings))
                return;
            var (group, to) = BestOf(from);
            if (group is null)
            {
                // Takers only become fuller, so there will be no move later either.
                _givers.Remove(_givers.Min);
                continue;
            }

            var isGiver = _givers.Remove((-_nodes.DensityOf(to), to));
            _givers.Remove(_givers.Min);
            _takers[_nodes.ZoneOf(from)].Remove((_nodes.DensityOf(from), from));
            _takers[_nodes.ZoneOf(to)].Remove((_nodes.DensityOf(to), to));
            move(group, _steps.Replace(group, from, to));
            _givers.Add((-_nodes.DensityOf(from), from));
            if (isGiver)
                _givers.Add((-_nodes.DensityOf(to), to));
            _takers[_nodes.ZoneOf(from)].Add((_nodes.DensityOf(from), from));
            _takers[_nodes.ZoneOf(to)].Add((_nodes.DensityOf(to), to));
        }
    }

    private double LeastDensity() =>
        _takers.Where(static zone => zone.Count > 0).Min(static zone => zone.Min.Density);

    // Among the first possible moves off a node, the one that lowers the potential most.
    private (GroupState? Group, int To) BestOf(int from)
    {
        (GroupState? Group, int To) best = default;
        var (most, found) = (0.0, 0);
        foreach (var group in _groupsOf[from].Where(static group => !group.IsChanged))
        {
            if (found >= CandidatesMax)
                break;
            foreach (var zone in _takers)
            {
                if (To(group, from, zone) is not { } to)
                    continue;
                // Between nodes that differ by one replica a few bytes more must not move it to and fro.
                var worth = _nodes.DensityOf(to) == 0
                    ? 0 : group.Load * _nodes.DensityOf(from) * _settings.MarginPercent / 100;
                var gain = _nodes.Gain(from, to, group.Load);
                if (gain <= worth)
                    continue;
                found++;
                if (gain > most)
                    (most, best) = (gain, (group, to));
            }
        }

        return best;
    }

    // The node with the least load in a zone that may take a group's replica.
    private int? To(GroupState group, int from, SortedSet<(double Density, int Node)> zone)
    {
        if (zone.Count == 0 || !IsBeyondMargin(_nodes.DensityOf(from), zone.Min.Density, _settings))
            return null;
        var replicas = group.Replicas;
        var (here, there) = (_nodes.ZoneOf(from), _nodes.ZoneOf(zone.Min.Node));
        if (here != there && group.CountIn(there, replicas) >= group.CountIn(here, replicas))
            return null;
        foreach (var (density, to) in zone)
        {
            if (!IsBeyondMargin(_nodes.DensityOf(from), density, _settings))
                return null;
            if (!replicas.Contains(to) && _steps.CanTake(group, to))
                return to;
        }

        return null;
    }
}
