using Kvorum.Node.State;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>
/// While the replica of the metadata group leads: raises the format version of the cluster once every member
/// that is not lost or removed is up and speaks a newer one. Owned by the loop of the metadata group.
/// </summary>
internal sealed class FormatRounds(NodeContext context, LoopClock clock, MetadataDesk desk)
{
    private long _proposedMs = long.MinValue / 2;

    /// <summary>Proposes the version that all members speak, if it is a newer one.</summary>
    public void Tick()
    {
        if (context.Cluster.ActiveFormat >= context.Cluster.Formats.Newest
            || clock.NowMs - _proposedMs < Limits.ReportMs
            || desk.Leader is not var (replica, state) || state.ClusterId == 0)
            return;
        var members = context.Cluster.Ids;
        // A founder that was not met yet is a member, too.
        if (!members.All(state.Members.ContainsKey)
            || NewestOfAll(members) is not { } newest || newest <= state.ActiveFormat)
            return;
        _proposedMs = clock.NowMs;
        replica.Propose(MetaRecords.EncodeFormat(newest, members, replica.LogTimeNow));
    }

    // What a member said before it went down may not be so any more: an older program may come back.
    private int? NewestOfAll(IReadOnlyList<NodeId> members)
    {
        var cluster = context.Cluster;
        var newest = cluster.Formats.Newest;
        foreach (var member in members)
        {
            if (!cluster.Health.IsUp(member) || cluster.Members.FormatsOf(member) is not { } spoken)
                return null;
            newest = Math.Min(newest, spoken.Newest);
        }

        return members.All(member => cluster.Members.FormatsOf(member)!.Value.Has(newest))
            ? newest : null;
    }
}
