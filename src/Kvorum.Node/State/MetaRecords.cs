using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.State;

/// <summary>
/// The commands of the metadata group, and what its tree holds. Little endian.
/// <code>
/// command   = kind 1 member   time:u64 id:u128 member
///           | kind 3 cluster  time:u64 id:u128
///           | kind 4 keyspace time:u64 settings nodes{partitions}     kind 2 had no placement
/// tree      = 'm' id:u128   -> member
///           | 'c'           -> cluster id:u128
///           | 'k' id:u32    -> firstGroup:u32 settings
///           | 'p' group:u32 -> nodes                     the placement, the preferred leader first
///           | 'n'           -> keyspace:u32 group:u32    the numbers that come next
///           | 'e'           -> version:u64 epoch:u64     of all, and of the placement
/// member    = name peerAddress clientAddress httpAddress
/// settings  = name mode partitions:u32 replicas:u32 keyBytes:u32 valueBytes:u32 policy
/// nodes     = count:u8 id:u128{count}
/// text      = length:u32 UTF-8
/// </code>
/// </summary>
internal static class MetaRecords
{
    public const byte MemberCommand = 1;
    public const byte ClusterCommand = 3;
    public const byte KeyspaceCommand = 4;

    public const byte Member = (byte)'m';
    public const byte Cluster = (byte)'c';
    public const byte Keyspace = (byte)'k';
    public const byte Placed = (byte)'p';
    public const byte NextNumbers = (byte)'n';
    public const byte Versions = (byte)'e';

    public static byte[] EncodeMember(NodeId id, MemberRecord member, ulong timeMs)
    {
        var writer = Begin(MemberCommand, timeMs);
        writer.U128(id.Value);
        Write(writer, member);
        return writer.ToArray();
    }

    public static byte[] EncodeCluster(UInt128 id, ulong timeMs)
    {
        var writer = Begin(ClusterCommand, timeMs);
        writer.U128(id);
        return writer.ToArray();
    }

    public static byte[] EncodeKeyspace(
        KeyspaceSettings settings, IReadOnlyList<IReadOnlyList<NodeId>> placement, ulong timeMs)
    {
        var writer = Begin(KeyspaceCommand, timeMs);
        Write(writer, settings);
        foreach (var nodes in placement)
            Write(writer, nodes);
        return writer.ToArray();
    }

    public static void Write(ByteWriter into, MemberRecord member)
    {
        into.Text32(member.Name);
        into.Text32(member.PeerAddress);
        into.Text32(member.ClientAddress);
        into.Text32(member.HttpAddress);
    }

    public static MemberRecord ReadMember(ref ByteReader from) =>
        new(from.Text32(), from.Text32(), from.Text32(), from.Text32());

    public static void Write(ByteWriter into, KeyspaceSettings settings)
    {
        into.Text32(settings.Name);
        into.Text32(settings.Mode);
        into.U32((uint)settings.PartitionCount);
        into.U32((uint)settings.ReplicationFactor);
        into.U32((uint)settings.KeyBytesMax);
        into.U32((uint)settings.ValueBytesMax);
        into.Text32(settings.KeyPolicy);
    }

    public static KeyspaceSettings ReadSettings(ref ByteReader from) => new(
        from.Text32(), from.Text32(), from.Int("partitions"), from.Int("replicas"), from.Int("bound of keys"),
        from.Int("bound of values"), from.Text32());

    public static void Write(ByteWriter into, IReadOnlyList<NodeId> nodes)
    {
        into.U8(checked((byte)nodes.Count));
        foreach (var node in nodes)
            into.U128(node.Value);
    }

    public static IReadOnlyList<NodeId> ReadNodes(ref ByteReader from)
    {
        var nodes = new NodeId[from.U8()];
        for (var i = 0; i < nodes.Length; i++)
            nodes[i] = new(from.U128());
        return nodes;
    }

    private static ByteWriter Begin(byte kind, ulong timeMs)
    {
        var writer = new ByteWriter();
        writer.U8(kind);
        writer.U64(timeMs);
        return writer;
    }
}
