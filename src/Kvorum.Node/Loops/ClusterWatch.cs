using Kvorum.Node.State;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>
/// What only the leader of the metadata group sees and all shall hear: members that are down or back, and
/// that no replica moves any more. Proposed when it has changed. Owned by the loop of the metadata group.
/// </summary>
internal sealed class ClusterWatch(NodeContext context, LoopClock clock, MetadataDesk desk, PlanRounds plans)
{
    private long _lookedMs;
    private int _calmLooks;

    /// <summary>Looks, if it is time.</summary>
    public void Tick()
    {
        if (clock.NowMs - _lookedMs < Limits.PlanMs)
            return;
        _lookedMs = clock.NowMs;
        if (desk.Leader is not var (replica, state) || !context.Cluster.IsAdmitted)
            return;
        foreach (var (id, member) in state.Members)
        {
            if (!member.IsHeard || id == context.Cluster.Self || IsDown(id) is not { } isDown
                || isDown == state.IsDown(id))
                continue;
            replica.Propose(MetaRecords.EncodeHealth(id, isDown, replica.LogTimeNow));
        }

        if (plans.Last is not { } plan)
            return;
        var isMoving = plan.MovesUnderWay > 0 || plan.Changes.Any(static change => change.Adds is not null);
        _calmLooks = isMoving ? 0 : _calmLooks + 1;
        // Between two moves there may be a moment without one. That they begin is told with the first.
        if (!isMoving && state.IsRebalancing && _calmLooks >= 3)
            replica.Propose(MetaRecords.EncodeRebalancing(isMoving: false, replica.LogTimeNow));
    }

    // A short silence is no news: null while it may be one.
    private bool? IsDown(NodeId member)
    {
        if (context.Cluster.Health.IsUp(member))
            return false;
        var (_, sinceMs, _) = context.Cluster.Health.StateOf(member);
        return clock.NowMs - sinceMs >= Limits.DownNewsMs ? true : null;
    }
}
