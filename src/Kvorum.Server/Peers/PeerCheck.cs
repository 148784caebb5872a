using Kvorum.Node;
using Kvorum.Raft;

namespace Kvorum.Server.Peers;

/// <summary>The two do not belong together; the message says why and what to do.</summary>
internal sealed class PeerRefusedException(PeerRefusal refusal) : Exception(refusal.Why)
{
    /// <summary>As it was told, or is to be told.</summary>
    public PeerRefusal Refusal => refusal;
}

/// <summary>Decides whether two nodes belong together. Every answer names both and the remedy.</summary>
internal static class PeerCheck
{
    /// <summary>Why the peer that dialled is refused; null if it is accepted.</summary>
    public static PeerRefusal? OfHello(PeerHello self, PeerIntroduction dialler, bool isMember)
    {
        if (IsJoining(self, dialler, isMember))
        {
            return new(
                $"{Describe(self)} does not know yet that it belongs to the cluster of "
                + $"{Describe(dialler.Node)}: that passes while it joins. If it was started with --peers, "
                + "they lack that node", MayPass: true);
        }

        // The address has another node now: then nothing else matters.
        if (dialler.Expected != self.Id && dialler.Node.Id != self.Id)
        {
            return new($"{Describe(dialler.Node)} looks for node {Uuid(dialler.Expected)} here, but this is "
                + $"{Describe(self)}: correct --peers, unless this one has taken the place of that");
        }

        if (OfCluster(self, dialler.Node) is { } why)
            return new(why);
        if (dialler.Node.Id == self.Id)
        {
            return new($"{Describe(dialler.Node)} has the id of this node, {Describe(self)}: "
                + "give each node its own --id");
        }

        if (OfFormats(self, dialler.Node) is { } apart)
            return new(apart);

        // A new member may dial one that has not heard of it yet.
        return isMember
            ? null
            : new($"{Describe(dialler.Node)} is no member of the cluster of {Describe(self)}: it was removed "
                + "from the cluster, or has not joined it. To join, start it with an empty --data folder and "
                + $"--join {self.PeerAddress}", MayPass: true);
    }

    /// <summary>Why a peer that dialled plainly is refused where nodes speak TLS.</summary>
    public static PeerRefusal Plain(PeerHello self) => new(
        $"{Describe(self)} speaks TLS with nodes and takes no plain connection: start the other node with "
        + "--tls-cert, --tls-key and --tls-ca, or this one with --insecure for as long as it takes",
        MayPass: true);

    /// <summary>
    /// Why a certificate does not belong to the node that shows it; null if it does, or there is none.
    /// It names the node by its name or by its UUID.
    /// </summary>
    /// <param name="shown">Whose certificate it is.</param>
    /// <param name="node">What the node says of itself.</param>
    /// <param name="agreedName">What the cluster calls it; empty if that is not known.</param>
    public static PeerRefusal? OfCertificate(ConnectionIdentity shown, PeerHello node, string agreedName)
    {
        if (shown.Name is not { } name || name.Name == Uuid(node.Id).ToString())
            return null;
        if (name.Name != node.Name)
        {
            return new(
                $"{Describe(node)} shows the certificate of {name}: give it one of its own, kvorum cert "
                + $"node {node.Name}");
        }

        return agreedName.Length == 0 || agreedName == node.Name ? null
            : new($"{Describe(node)} is known here as {agreedName}, and shows the certificate of {name}");
    }

    /// <summary>Why a peer is refused at the port of clients.</summary>
    public static PeerRefusal AtClientPort(PeerHello self, PeerIntroduction dialler) => new(
        $"{Describe(dialler.Node)} looks for a node where {Describe(self)} serves clients: correct the "
        + $"address in --peers to {self.PeerAddress}");

    /// <summary>Why the peer that answered is refused; null if it is accepted.</summary>
    public static string? OfAnswer(PeerHello self, MemberSeed expected, PeerHello answered)
    {
        if (OfCluster(self, answered) is { } why)
            return why;
        return answered.Id == expected.Id
            ? OfFormats(self, answered)
            : $"at {expected.PeerAddress} lives {Describe(answered)}, "
                + $"not node {Uuid(expected.Id)}: correct --peers";
    }

    // It is a member for the others as soon as they have agreed on it, and learns that a moment later.
    private static bool IsJoining(PeerHello self, PeerIntroduction dialler, bool isMember) =>
        self.ClusterId == 0 && dialler.Node.ClusterId != 0 && dialler.Expected == self.Id && !isMember;

    // While one of the two does not know its cluster yet, the founders must be the same.
    private static string? OfCluster(PeerHello self, PeerHello other)
    {
        if (self.ClusterId != 0 && other.ClusterId != 0)
        {
            return self.ClusterId == other.ClusterId
                ? null
                : $"{Describe(other)} belongs to cluster {ClusterIdentity.ToGuid(other.ClusterId)}, "
                    + $"{Describe(self)} to cluster {ClusterIdentity.ToGuid(self.ClusterId)}: correct the "
                    + "address in --peers, or give --data the folder that belongs to this cluster. A node "
                    + "that was given up when its cluster was recovered comes back with an empty --data "
                    + "folder and --join";
        }

        return self.FoundingId == other.FoundingId
            ? null
            : $"{Describe(other)} was founded with other members or settings than {Describe(self)}: give all "
                + "nodes of a new cluster the same members in --peers and the same --partitions, "
                + "--replication-factor and --virtual-nodes at their first start";
    }

    /// <summary>Why the versions of the two are too far apart; null if they are not.</summary>
    public static string? OfFormats(PeerHello self, PeerHello other)
    {
        if (self.SpeaksWith(other))
            return null;
        if (!self.Formats.Meets(other.Formats))
        {
            return $"{Describe(other)} speaks format version {other.Formats}, and {Describe(self)} "
                + $"{self.Formats}: the two programs are more than one version apart. Start on all nodes "
                + "versions of kvorum that differ by one at most";
        }

        return self.Formats.Has(other.ActiveFormat) ? Apart(other, self) : Apart(self, other);
    }

    private static string Apart(PeerHello node, PeerHello member) =>
        $"the cluster of {Describe(member)} has format version {member.ActiveFormat}, and {Describe(node)} "
        + $"speaks {node.Formats}: start that node with the kvorum that the others run. A cluster does not "
        + "go back to an older version";

    private static string Describe(PeerHello node) => $"{node.Name} ({node.PeerAddress}, id {Uuid(node.Id)})";

    private static Guid Uuid(NodeId id) => ClusterIdentity.ToGuid(id.Value);
}
