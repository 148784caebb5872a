using Kvorum.Node;
using Kvorum.Raft;

namespace Kvorum.Server.Peers;

/// <summary>The two do not belong together; the message says why and what to do.</summary>
internal sealed class PeerRefusedException(string message) : Exception(message);

/// <summary>Decides whether two nodes belong together. Every answer names both and the remedy.</summary>
internal static class PeerCheck
{
    /// <summary>Why the peer that dialled is refused; null if it is accepted.</summary>
    public static string? OfHello(PeerHello self, PeerIntroduction dialler, bool isMember)
    {
        if (OfCluster(self, dialler.Node) is { } why)
            return why;
        if (dialler.Node.Id == self.Id)
        {
            return $"{Describe(dialler.Node)} has the id of this node, {Describe(self)}: "
                + "give each node its own --id";
        }

        if (dialler.Expected != self.Id)
        {
            return $"{Describe(dialler.Node)} looks for node {Uuid(dialler.Expected)} here, "
                + $"but this is {Describe(self)}: correct --peers";
        }

        return isMember
            ? null
            : $"{Describe(dialler.Node)} is no member of the cluster of {Describe(self)}: add it to --peers";
    }

    /// <summary>Why the peer that answered is refused; null if it is accepted.</summary>
    public static string? OfAnswer(PeerHello self, MemberSeed expected, PeerHello answered)
    {
        if (OfCluster(self, answered) is { } why)
            return why;
        return answered.Id == expected.Id
            ? null
            : $"at {expected.PeerAddress} lives {Describe(answered)}, "
                + $"not node {Uuid(expected.Id)}: correct --peers";
    }

    private static string? OfCluster(PeerHello self, PeerHello other) => self.ClusterId == other.ClusterId
        ? null
        : $"{Describe(other)} belongs to cluster {ClusterIdentity.ToGuid(other.ClusterId)}, "
            + $"{Describe(self)} to cluster "
            + $"{ClusterIdentity.ToGuid(self.ClusterId)}: start all nodes with the same members in "
            + "--peers and the same --partitions, --replication-factor and --virtual-nodes";

    private static string Describe(PeerHello node) => $"{node.Name} ({node.PeerAddress}, id {Uuid(node.Id)})";

    private static Guid Uuid(NodeId id) => ClusterIdentity.ToGuid(id.Value);
}
