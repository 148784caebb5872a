namespace Kvorum.Node.Placement;

/// <summary>
/// The share of each node: in proportion to its weight, except that a node holds a partition at most once and
/// a zone keeps its <see cref="ZoneLimits"/>; what that takes from some goes to the others. In symbols,
/// <c>share(i) = min(1, rho w(i))</c> with one <c>rho</c> for all nodes, and one of its own for a zone at its
/// limit.
/// <para>Shares say what is possible: laid end to end, zone by zone, and cut into as many strips as there are
/// replicas (McNaughton 1959), they are a placement that keeps all limits. So bounds at or above them can be
/// kept together with the zones, however uneven the zones are. That is why a small zone's nodes may have to
/// carry more than their weight: to drop the zone instead would lose a partition with one rack.</para>
/// All in fractions, so that every node computes the same.
/// </summary>
internal sealed class FairShares
{
    private readonly int[] _weights;
    private readonly int[] _zoneOf;
    private readonly ZoneLimits _limits;
    private readonly int _replicas;

    private FairShares(int[] weights, int[] zoneOf, ZoneLimits limits, int replicas)
    {
        _weights = weights;
        _zoneOf = zoneOf;
        _limits = limits;
        _replicas = replicas;
    }

    /// <summary>The shares by node; there are at least as many nodes as replicas.</summary>
    public static Share[] Of(int[] weights, int[] zoneOf, ZoneLimits limits, int replicas) =>
        new FairShares(weights, zoneOf, limits, replicas).Compute();

    private Share[] Compute()
    {
        var common = CommonFactor();
        var sums = Sums(common);
        var shares = new Share[_weights.Length];
        for (var zone = 0; zone < _limits.Count; zone++)
        {
            var nodes = NodesOf(zone);
            var factor = Clamped(zone, sums[zone], common.Denominator) is { } limit
                ? FactorOf(nodes, limit)
                : common;
            foreach (var node in nodes)
                shares[node] = At(factor, _weights[node]);
        }

        return shares;
    }

    private static Share At(Share factor, int weight) => factor.Numerator * weight >= factor.Denominator
        ? Share.Whole
        : new Share(factor.Numerator * weight, factor.Denominator);

    // The least rho at which the shares add up to the replicas. The sum grows with rho and is linear between
    // the points at which a node becomes full or a zone meets a limit; the first point that is not too small
    // ends the piece in which rho lies.
    private Share CommonFactor()
    {
        var points = Points();
        var (low, high) = (0, points.Length - 1);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = IsEnough(points[middle]) ? (low, middle) : (middle + 1, high);
        }

        return Solve(points[low]);
    }

    private Share[] Points()
    {
        var points = _weights.Select(static weight => new Share(1, weight)).ToList();
        for (var zone = 0; zone < _limits.Count; zone++)
        {
            var nodes = NodesOf(zone);
            points.Add(FactorOf(nodes, _limits.Most(zone)));
            if (_limits.Least(zone) > 0)
                points.Add(FactorOf(nodes, _limits.Least(zone)));
        }

        points.Sort(static (left, right) =>
            (left.Numerator * right.Denominator).CompareTo(right.Numerator * left.Denominator));
        return [.. points];
    }

    private int[] NodesOf(int zone) =>
        [.. Enumerable.Range(0, _weights.Length).Where(node => _zoneOf[node] == zone)];

    private bool IsEnough(Share factor)
    {
        var sums = Sums(factor);
        long total = 0;
        for (var zone = 0; zone < _limits.Count; zone++)
        {
            total += Math.Clamp(
                sums[zone],
                _limits.Least(zone) * factor.Denominator,
                _limits.Most(zone) * factor.Denominator);
        }

        return total >= _replicas * factor.Denominator;
    }

    // What is fixed at the end of the piece is fixed within it; the rest grows with rho.
    private Share Solve(Share end)
    {
        var sums = Sums(end);
        var open = (long)_replicas;
        long weight = 0;
        for (var zone = 0; zone < _limits.Count; zone++)
            open -= Clamped(zone, sums[zone], end.Denominator) ?? 0;
        for (var node = 0; node < _weights.Length; node++)
        {
            if (Clamped(_zoneOf[node], sums[_zoneOf[node]], end.Denominator) is not null)
                continue;
            var isFull = end.Numerator * _weights[node] > end.Denominator;
            open -= isFull ? 1 : 0;
            weight += isFull ? 0 : _weights[node];
        }

        return weight == 0 ? end : new Share(open, weight);
    }

    // The limit that a zone with this sum of shares is held at, if any.
    private int? Clamped(int zone, long sum, long denominator) =>
        sum > _limits.Most(zone) * denominator ? _limits.Most(zone)
        : sum <= _limits.Least(zone) * denominator ? _limits.Least(zone)
        : null;

    private long[] Sums(Share factor)
    {
        var sums = new long[_limits.Count];
        for (var node = 0; node < _weights.Length; node++)
            sums[_zoneOf[node]] += Math.Min(factor.Denominator, factor.Numerator * _weights[node]);
        return sums;
    }

    // The factor at which the shares of these nodes add up to a whole number: the heaviest become full first.
    private Share FactorOf(int[] nodes, int sum)
    {
        int[] weights = [.. nodes.Select(node => _weights[node]).OrderDescending()];
        var rest = weights.Sum(static weight => (long)weight);
        var full = 0;
        while (full < sum && (sum - full) * (long)weights[full] >= rest)
            rest -= weights[full++];
        return full == sum ? new Share(1, weights[full - 1]) : new Share(sum - full, rest);
    }
}
