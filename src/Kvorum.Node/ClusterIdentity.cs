using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node;

/// <summary>
/// Where ids come from: name-based UUIDs (RFC 9562 section 5.5 with SHA-256 in place of SHA-1, version 8).
/// Founders get theirs without talking to each other: equal lists give equal ids on every node, in any order
/// of starting. A cluster's own id is drawn by the first leader of its metadata group.
/// </summary>
public static class ClusterIdentity
{
    /// <summary>
    /// A node's id from what the operator calls it: a UUID as it is, else the UUID of the name.
    /// </summary>
    public static NodeId NodeFromName(string name) =>
        Guid.TryParse(name, out var id) ? new(ToUInt128(id)) : new(Hash("node-name", name));

    /// <summary>A node's id when the operator gave an address only.</summary>
    public static NodeId NodeFromAddress(string peerAddress) => new(Hash("node-address", peerAddress));

    /// <summary>
    /// The founding id, by which the nodes of a new cluster know each other: from its founders and from all
    /// that decides where partitions lie, so that nodes that were told different things never talk to each
    /// other. Clusters with equal founders have equal founding ids, and different cluster ids.
    /// </summary>
    public static UInt128 FoundingOf(
        IEnumerable<NodeId> founders, int partitionCount, int replicationFactor, int virtualNodes)
    {
        var ids = string.Join(',', founders.Order().Select(id => id.Value.ToString("x32", null)));
        return Hash("cluster", $"{ids}:{partitionCount}:{replicationFactor}:{virtualNodes}");
    }

    /// <summary>The short id of a data folder, which versions of quorum keyspaces name as writer.</summary>
    internal static ulong ShortOf(UInt128 incarnation) => (ulong)(incarnation >> 64) ^ (ulong)incarnation;

    /// <summary>
    /// The cluster id that a node proposes to a metadata group that has none; never 0. The folder's own id,
    /// the seed and the moment are in it, so that no two clusters have the same.
    /// </summary>
    internal static UInt128 DrawCluster(UInt128 incarnation, int randomSeed, long utcTicks) =>
        Hash("drawn-cluster", string.Create(
            CultureInfo.InvariantCulture, $"{incarnation:x32}:{randomSeed}:{utcTicks}"));

    /// <summary>
    /// The id of a node that joins a cluster. Seed and moment are in it, so that a new data folder is another
    /// node, whatever it is called.
    /// </summary>
    internal static NodeId DrawNode(string name, int randomSeed, long utcTicks) =>
        new(Hash("drawn-node", string.Create(
            CultureInfo.InvariantCulture, $"{name}:{randomSeed}:{utcTicks}")));

    /// <summary>
    /// A new data folder's own id. The moment is in it, so that two folders differ even if their nodes drew
    /// the same seed.
    /// </summary>
    internal static UInt128 IncarnationOf(NodeId node, int randomSeed, long utcTicks) =>
        Hash("incarnation", string.Create(
            CultureInfo.InvariantCulture, $"{node.Value:x32}:{randomSeed}:{utcTicks}"));

    /// <summary>The id of a start of a node; never 0.</summary>
    internal static ulong LifeOf(NodeId node, int randomSeed, long utcTicks) =>
        (ulong)Hash("life", string.Create(
            CultureInfo.InvariantCulture, $"{node.Value:x32}:{randomSeed}:{utcTicks}")) | 1;

    /// <summary>The id as a UUID, most significant byte first.</summary>
    public static Guid ToGuid(UInt128 value)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>The UUID as a number, most significant byte first.</summary>
    public static UInt128 ToUInt128(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    private static UInt128 Hash(string kind, string text)
    {
        var hash = SHA256.HashData(Utf8Text.Encode($"the {kind}'s name", $"kvorum:{kind}:{text}"));
        hash[6] = (byte)((hash[6] & 0x0f) | 0x80);
        hash[8] = (byte)((hash[8] & 0x3f) | 0x80);
        return BinaryPrimitives.ReadUInt128BigEndian(hash);
    }
}
