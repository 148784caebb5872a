using Kvorum.Node.Placement.Planning;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Administration;

/// <summary>
/// Another leader of a group. A leader hands over to the preferred one as soon as that can take over, so what
/// lasts is another order of preference: that is what is proposed, and the leadership follows it.
/// </summary>
internal sealed class TransferDecider(Func<NodeId, bool> isUp, Func<GroupId, NodeId?> leaderOf)
{
    /// <summary>The decision.</summary>
    public AdminDecision Decide(TransferLeadership change, MetaMachine state)
    {
        var isMetadata = change.Keyspace == KeyspaceName.System;
        if (!isMetadata && state.KeyspaceNamed(change.Keyspace) is null)
        {
            return Refusal.UnknownKeyspace(
                change.Keyspace,
                [.. state.Keyspaces.Values.Select(static one => one.Settings.Name), KeyspaceName.System]);
        }

        if (!isMetadata && state.KeyspaceNamed(change.Keyspace)!.IsQuorum)
        {
            return Refusal.Impossible(
                $"keyspace '{change.Keyspace}' is of mode quorum: its partitions have no leaders");
        }

        var count = isMetadata ? 1 : state.KeyspaceNamed(change.Keyspace)!.Settings.PartitionCount;
        if (change.Partition >= count)
        {
            return Refusal.Wrong(
                $"no partition {change.Partition} in keyspace '{change.Keyspace}': it has 0 to {count - 1}");
        }

        NodeId? to = null;
        if (change.To.Length > 0 && (to = MemberNames.Find(state.Members, change.To)) is null)
            return Refusal.UnknownMember(change.To, state);
        var group = isMetadata
            ? GroupId.Metadata : state.KeyspaceNamed(change.Keyspace)!.Groups.Of(new(change.Partition));
        var (members, leader, words) = (state.Members, leaderOf(group), state.Directory.NameOf(group));
        return new AdminDecision.Propose($"{words} has another leader", static _ => [], static _ => false)
        {
            Prepare = cluster => Choose(
                cluster, group, to, leader, words, node => MemberNames.Of(members, node)),
        };
    }

    private AdminDecision Choose(
        PlannedCluster cluster, GroupId group, NodeId? to, NodeId? leader, string words,
        Func<NodeId, string> nameOf)
    {
        if (cluster.Groups.FirstOrDefault(one => one.Id == group) is not { } planned)
        {
            return new AdminDecision.Answer(AdminReply.Of(
                ReplyStatus.Unavailable,
                $"nothing was done: no leader has told where {words} is; ask again in some seconds"));
        }

        var voters = planned.Target.Voters;
        var others = voters.Where(node => node != leader && isUp(node)).ToArray();
        if (to is null && others.Length == 0)
            return Refusal.Impossible($"{words} keeps its leader: no other voter of it answers");
        var chosen = to ?? others[0];
        if (!voters.Contains(chosen))
        {
            return Refusal.Impossible(
                $"{nameOf(chosen)} does not vote in {words}: {string.Join(", ", voters.Select(nameOf))} do");
        }

        if (!isUp(chosen))
            return Refusal.Impossible($"{nameOf(chosen)} does not answer: it cannot lead {words} now");
        if (leader == chosen && voters[0] == chosen)
            return Refusal.Already($"{nameOf(chosen)} leads {words}; that was so before");
        var target = planned.Target with { Voters = [chosen, .. voters.Where(node => node != chosen)] };
        var change = new TargetChange(group, planned.Epoch, target, ChangeReason.Leaders, null, null);
        return new AdminDecision.Propose(
            $"{nameOf(chosen)} leads {words}",
            timeMs => MetaRecords.EncodeTargets([change], timeMs),
            now => now.Placement.Placed(group)?.Target.Voters[0] == chosen)
        {
            Leads = (group, chosen),
        };
    }
}
