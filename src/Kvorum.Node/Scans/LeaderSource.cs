using Kvorum.Node.Membership;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Scans;

/// <summary>A part that the group's leader gives, or for a stale scan any replica.</summary>
internal sealed class LeaderSource(ClusterView cluster, GroupId group, ReadConsistency consistency)
    : IPartitionSource
{
    private bool _isAsked;
    private bool _rests;

    /// <inheritdoc/>
    public GroupId Group => group;

    /// <inheritdoc/>
    public bool HasRecords => false;

    /// <inheritdoc/>
    public bool IsThere { get; private set; }

    /// <inheritdoc/>
    public string? Failure => null;

    /// <inheritdoc/>
    public IReadOnlyList<AskedNode> Next()
    {
        if (IsThere || _isAsked || _rests || Target() is not { } node)
            return [];
        _isAsked = true;
        return [new(node, default)];
    }

    /// <inheritdoc/>
    public void Answered(AskedNode asked) => IsThere = true;

    /// <inheritdoc/>
    public void Refused(AskedNode asked, in RefusedGroup refused)
    {
        (_isAsked, _rests) = (false, true);
        // Where no replica is here to know better, what the asked node said of the leader is remembered.
        if (!cluster.PreferenceOf(group).Contains(cluster.Self))
            cluster.Leaders.Set(group, refused.Leader == asked.Node ? null : refused.Leader, default);
    }

    /// <inheritdoc/>
    public void TakenBack(AskedNode asked) => _isAsked = false;

    /// <inheritdoc/>
    public void IsSlow(AskedNode asked)
    {
    }

    /// <inheritdoc/>
    public void Rested() => _rests = false;

    /// <inheritdoc/>
    public Receipt Receipt(IReadOnlyList<string> nodes) => new()
    {
        Mode = ReplicationMode.Strong,
        Nodes = nodes,
        Needed = 1,
        Replicas = cluster.PreferenceOf(group).Count,
        IsDurable = true,
        StalenessMs = consistency == ReadConsistency.Stale ? null : 0,
        Promise =
        [
            consistency == ReadConsistency.Stale
                ? "It may be out of date by any time, as asked for."
                : "Each partition's leader gave its part as a read of its own, which saw every write "
                    + "acknowledged before the page was asked for.",
        ],
    };

    /// <inheritdoc/>
    public string WhyLate()
    {
        var isLeaderless = cluster.Leaders.Of(group) is not { } leader || !cluster.Health.IsUp(leader);
        return isLeaderless
            ? $" has no leader: {cluster.WhyNoLeader(group)}" : " did not confirm the read";
    }

    // Null while no node is known that could answer.
    private NodeId? Target()
    {
        var preference = cluster.PreferenceOf(group);
        // It leads, or knows why no replica does.
        if (preference is [var only])
            return cluster.Health.IsUp(only) ? only : null;
        var isHere = preference.Contains(cluster.Self);
        if (consistency == ReadConsistency.Stale && isHere)
            return cluster.Self;
        if (cluster.Leaders.Of(group) is { } leader && cluster.Health.IsUp(leader))
            return leader;
        // A replica here will know the leader as soon as there is one.
        return isHere ? null : preference.Where(cluster.Health.IsUp).Cast<NodeId?>().FirstOrDefault();
    }
}
