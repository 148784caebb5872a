namespace Kvorum.Node.Placement;

/// <summary>
/// How many replicas of one partition each zone has when they are spread as evenly as the zones' sizes allow:
/// at least <see cref="Least"/>, at most <see cref="Most"/>. With as many zones as replicas that is at most
/// one in each.
/// </summary>
internal sealed class ZoneLimits
{
    private readonly int[] _sizes;
    private readonly int _level;

    /// <summary>
    /// Limits for zones with these numbers of nodes, together at least as many as replicas.
    /// </summary>
    public ZoneLimits(int[] sizes, int replicas)
    {
        _sizes = sizes;
        _level = 1;
        while (sizes.Sum(size => Math.Min(size, _level)) < replicas)
            _level++;
    }

    /// <summary>Number of zones.</summary>
    public int Count => _sizes.Length;

    /// <summary>The fewest replicas of a partition in a zone.</summary>
    public int Least(int zone) => Math.Min(_sizes[zone], _level - 1);

    /// <summary>The most replicas of a partition in a zone.</summary>
    public int Most(int zone) => Math.Min(_sizes[zone], _level);
}
