using Kvorum.Node.Events;
using Kvorum.Raft;

namespace Kvorum.Node.Membership;

/// <summary>
/// To which cluster this node and its peers belong. Two clusters whose founders have the same names must
/// never become one, whichever addresses are mixed up: a node that knows its cluster hears no peer of another
/// one, and a node that does not know it yet hears no peer that does.
/// </summary>
internal sealed partial class PeerAdmission
{
    // Peers that belong to a cluster, heard of while this node does not know to which it belongs itself.
    private readonly SortedDictionary<NodeId, IncarnationHello> _early = [];
    private bool _isJoining;

    // False if nothing else is to be done about the introduction, now or ever.
    private bool IsOfThisCluster(NodeId from, in IncarnationHello hello)
    {
        var ids = Cluster.ClusterIds;
        // It may have vouched for this folder when it belonged to no cluster: that counts no more.
        if (hello.ClusterId != 0 && !Cluster.IsAdmitted && !ids.IsForeign(hello.ClusterId)
            && !_admission.IsVouchedBy(from, hello.ClusterId) && _unanswered.Add(from))
            Introduce(from);
        if (hello.ClusterId != 0 && !ids.IsKnown)
        {
            _early[from] = hello;
            // With that very folder it took part together with this one.
            if (_known[from] == hello.Incarnation)
                Join(hello.ClusterId);
            return false;
        }

        _early.Remove(from);
        if (!ids.IsForeign(hello.ClusterId))
            return true;
        _met.Remove(from);
        _admission.Withdrawn(from);
        Refuse(from, hello, RefusalKind.OtherCluster, WhyForeign(from, hello.ClusterId));
        return false;
    }

    private string WhyForeign(NodeId from, UInt128 theirs)
    {
        var (self, name) = (Cluster.Members.NameOf(Cluster.Self), Cluster.Members.NameOf(from));
        if (_identity.WasCluster(theirs))
        {
            return $"the cluster of {self} was recovered without a majority of its nodes, and {name} comes "
                + $"with a data folder from before. If the plan of the recovery names {name} as a survivor, "
                + "stop it and run kvorum recover apply on its folder; else it was given up, and never "
                + "votes again: to bring it in as a new node, start it with an empty --data folder and "
                + "--join";
        }

        return $"{self} belongs to cluster {ClusterIdentity.ToGuid(Cluster.ClusterIds.Cluster)}, and {name} "
            + $"comes with a data folder of cluster {ClusterIdentity.ToGuid(theirs)}: both clusters were "
            + "founded with the same names. "
            + $"If {name} is at the wrong address, correct --peers; if it has the wrong folder, "
            + "stop it and give it the one of this cluster, or an empty one if it never had any";
    }

    // Enough members of one cluster know this folder: no other cluster can ever admit it. A node that takes
    // part already has voted with others, and learns from these.
    private void JoinIfGranted()
    {
        var cluster = _admission.Cluster;
        if (cluster != 0 && !Cluster.ClusterIds.IsKnown && !Cluster.IsAdmitted)
            Join(cluster);
    }

    private void LearnFromMetadata()
    {
        var agreed = Cluster.AgreedClusterId;
        // The replica is from before the recovery, and will learn of it.
        if (_identity.WasCluster(agreed))
            return;
        if (Cluster.ClusterIds.IsForeign(agreed))
        {
            throw new NodeFaultException(
                $"the metadata group has cluster id {ClusterIdentity.ToGuid(agreed)}, and "
                + $"{IdentityFile.Name} has {ClusterIdentity.ToGuid(Cluster.ClusterIds.Cluster)}: files of "
                + "two clusters are in this data folder. Restore the whole folder from a copy of it");
        }

        if (agreed != 0 && !Cluster.ClusterIds.IsKnown)
            Join(agreed);
    }

    private void Join(UInt128 cluster)
    {
        if (_isJoining || !_isBegun || _host.NowMs < _writeAgainMs)
            return;
        _isJoining = true;
        // An attempt that found no room may be in the folder by now, with another change.
        var id = _identity.ClusterId ?? ClusterIdentity.ToGuid(cluster);
        WriteIdentity(_identity with { ClusterId = id }, failure =>
        {
            _isJoining = false;
            if (!IsForLater(failure, "to which cluster this node belongs"))
                Joined(ClusterIdentity.ToUInt128(id));
        });
    }

    // Peers whose hello is older hear of it, and those that came early are judged.
    private void Joined(UInt128 cluster)
    {
        Cluster.ClusterIds.Learn(cluster);
        _host.World.Transport.Identify(cluster);
        Cluster.Tell(new ClusterJoined($"{ClusterIdentity.ToGuid(cluster)}"));
        foreach (var peer in _connected)
        {
            _unanswered.Add(peer);
            Introduce(peer);
        }

        foreach (var (peer, hello) in _early.ToArray())
            Introduced(peer, hello);
        AdmitIfGranted();
    }
}
