using Kvorum.Node.Membership;
using Kvorum.Node.Replicas;
using Kvorum.Node.State;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>
/// What other nodes and operators want of the metadata group: if the replica here leads, it is proposed. It
/// has come true once the group's state shows it. Owned by the loop of the metadata group.
/// </summary>
internal sealed class MetadataDesk(NodeContext context, ReplicaTable replicas)
{
    /// <summary>The replica of the metadata group, and its state; null if it does not lead.</summary>
    public (RaftReplica Replica, MetaMachine State)? Leader =>
        replicas.FindRaft(GroupId.Metadata) is { IsLeader: true } replica
            ? (replica, (MetaMachine)replica.Machine) : null;

    /// <summary>The group's state as it is committed here, leader or not; null without a replica.</summary>
    public MetaMachine? State => replicas.FindRaft(GroupId.Metadata)?.Machine as MetaMachine;

    private ClusterView Cluster => context.Cluster;

    /// <summary>A keyspace is wanted.</summary>
    public void Create(KeyspaceSettings settings)
    {
        if (Leader is not var (replica, state))
            return;
        if (settings.Quorum is not null && state.ActiveFormat < FormatRange.Quorums)
            return;
        var targets = Cluster.Place(settings);
        replica.Propose(MetaRecords.EncodeKeyspace(settings, targets, replica.LogTimeNow));
    }

    /// <summary>A member is wanted to have another status.</summary>
    public void Change(NodeId member, MemberStatus status)
    {
        if (Leader is var (replica, state) && state.WhyNotStatus(member, status) is null)
            replica.Propose(MetaRecords.EncodeStatus(member, status, replica.LogTimeNow));
    }

    /// <summary>A node wants to join.</summary>
    public JoinAnswer Take(JoinAsk ask)
    {
        if (Cluster.ClusterIds.IsForeign(ask.ClusterId))
        {
            return new(JoinVerdict.Refused, $"the data folder of {ask.Member.Name} belongs to cluster "
                + $"{ClusterIdentity.ToGuid(ask.ClusterId)}, and this is cluster "
                + $"{ClusterIdentity.ToGuid(Cluster.ClusterIds.Cluster)}: give it an empty --data folder");
        }

        if (Leader is var (replica, state))
            return Take(ask, replica, state);
        return Cluster.Leaders.Of(GroupId.Metadata) is { } leader && leader != Cluster.Self
            ? new(JoinVerdict.Elsewhere, Cluster.Members.PeerAddressOf(leader))
            : new(
                JoinVerdict.Later,
                $"the metadata group has no leader: {Cluster.WhyNoLeader(GroupId.Metadata)}");
    }

    private static JoinAnswer Take(JoinAsk ask, RaftReplica replica, MetaMachine state)
    {
        if (state.ClusterId == 0)
            return new(JoinVerdict.Later, "the cluster is being founded");
        if (state.WhyNotJoin(ask.Id, ask.Member, ask.Formats) is { } why)
            return new(JoinVerdict.Refused, why);
        if (state.Members.ContainsKey(ask.Id))
        {
            return new(JoinVerdict.Joined)
            {
                ClusterId = state.ClusterId,
                Version = state.Version,
                Members = [.. state.Members.Where(static one => one.Value.IsHeard).Select(static one =>
                    new MemberSeed(one.Key, one.Value.Name, one.Value.PeerAddress))],
            };
        }

        replica.Propose(MetaRecords.EncodeJoin(
            ask.Id, ask.Member, replica.LogTimeNow,
            state.ActiveFormat > FormatRange.First ? ask.Formats : null));
        return new(JoinVerdict.Later, "it is being made a member");
    }
}
