using Kvorum.Node.State;
using Kvorum.Raft;

namespace Kvorum.Node.Administration;

/// <summary>Another status of a member.</summary>
/// <param name="isUp">True if a member answers.</param>
internal sealed class MemberDecider(Func<NodeId, bool> isUp)
{
    /// <summary>The decision.</summary>
    public AdminDecision Decide(ChangeMember change, MetaMachine state)
    {
        if (MemberNames.Find(state.Members, change.Member) is not { } id)
            return Refusal.UnknownMember(change.Member, state);
        var name = MemberNames.Of(state.Members, id);
        var (status, words) = change.Wish switch
        {
            MemberWish.Drain => (MemberStatus.Draining, "is drained: it is emptied, and stays a member"),
            MemberWish.Undrain => (MemberStatus.Active, "is active: it holds replicas as its weight says"),
            MemberWish.Decommission => (MemberStatus.Leaving, "leaves: it is emptied, and then removed"),
            MemberWish.Replace =>
                (MemberStatus.Lost, "is lost: other members get what it had, and it never comes back"),
            _ => throw new ArgumentOutOfRangeException(nameof(change)),
        };
        if (state.Members[id].Status == status)
            return Refusal.Already($"{name} {words}; that was so before");
        if (state.WhyNotStatus(id, status) is { } why)
            return Refusal.Impossible($"{name} stays as it is: {why}");
        if (status == MemberStatus.Lost && isUp(id))
        {
            return Refusal.Impossible(
                $"{name} answers, so its data is not lost: stop that node first, or move its data away with "
                + $"kvorum node decommission {name}");
        }

        var propose = new AdminDecision.Propose(
            $"{name} {words}",
            timeMs => MetaRecords.EncodeStatus(id, status, timeMs),
            now => now.Members.TryGetValue(id, out var member) && IsAtLeast(member.Status, status))
        {
            // What is lost is lost, whatever comes of it.
            IsForced = change.Force || status is MemberStatus.Lost or MemberStatus.Active,
        };
        return propose with
        {
            Prepare = cluster => propose with { Forecast = MemberForecast.Of(cluster, id, status) },
        };
    }

    // One that leaves may have been removed before it was looked at.
    private static bool IsAtLeast(MemberStatus status, MemberStatus wanted) => status == wanted
        || (wanted is MemberStatus.Leaving or MemberStatus.Lost && status > wanted);
}
