using Kvorum.Node.Placement;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Wire;

/// <summary>
/// Bytes of a report, little endian.
/// <code>
/// report   = room:u64 group{to the end}
/// group    = group:u32 term:u64 index:u64 voters learners filling joint:u8 bytes:u64 sinceProgress:u64
/// voters   = learners = filling = count:u8 node:u128{count}
/// </code>
/// </summary>
internal static class ReportCodec
{
    public static void Encode(NodeReport report, ByteWriter into)
    {
        into.U64((ulong)report.RoomBytes);
        foreach (var group in report.Groups)
        {
            into.Group(group.Group);
            into.U64(group.Term.Value);
            into.U64(group.ConfigurationIndex.Value);
            Write(into, group.Replicas.Voters);
            Write(into, group.Replicas.Learners);
            Write(into, group.Replicas.Filling);
            into.U8(group.Replicas.IsJoint ? (byte)1 : (byte)0);
            into.U64((ulong)group.Bytes);
            into.U64((ulong)group.SinceProgressMs);
        }
    }

    /// <summary>
    /// Of quorum keyspaces:
    /// <c>hints:u64 (group:u32 confirmed:u64 isFilled:u8 bytes:u64 filled:u64){to the end}</c>.
    /// </summary>
    public static void Encode(QuorumReport report, ByteWriter into)
    {
        into.U64((ulong)report.Hints);
        foreach (var replica in report.Replicas)
        {
            into.Group(replica.Group);
            into.U64(replica.Confirmed.Value);
            into.U8(replica.IsFilled ? (byte)1 : (byte)0);
            into.U64((ulong)replica.Bytes);
            into.U64((ulong)replica.Filled);
        }
    }

    public static QuorumReport DecodeQuorum(ReadOnlyMemory<byte> bytes)
    {
        var from = new ByteReader(bytes);
        var hints = Bytes(ref from);
        var replicas = new List<QuorumReplicaReport>();
        while (!from.AtEnd)
        {
            replicas.Add(new(
                from.Group(), new(from.U64()), from.Flag("mark of a full replica"), Bytes(ref from),
                Bytes(ref from)));
        }

        return new(hints, replicas);
    }

    public static NodeReport Decode(ReadOnlyMemory<byte> bytes)
    {
        var from = new ByteReader(bytes);
        var room = Bytes(ref from);
        var groups = new List<GroupReport>();
        while (!from.AtEnd)
        {
            var (group, term, index) = (from.Group(), new Term(from.U64()), new LogIndex(from.U64()));
            var (voters, learners, filling) = (Read(ref from), Read(ref from), Read(ref from));
            var replicas = new GroupReplicas(voters, learners, filling, from.Flag("mark of a joint state"));
            groups.Add(new(group, term, index, replicas, Bytes(ref from), Bytes(ref from)));
        }

        return new(room, groups);
    }

    private static long Bytes(ref ByteReader from)
    {
        var value = from.U64();
        return value <= long.MaxValue
            ? (long)value : throw new FormatException($"{value} is too great for what is reported");
    }

    private static void Write(ByteWriter into, IReadOnlyList<NodeId> nodes)
    {
        into.U8(checked((byte)nodes.Count));
        foreach (var node in nodes)
            into.U128(node.Value);
    }

    private static NodeId[] Read(ref ByteReader from)
    {
        var nodes = new NodeId[from.U8()];
        for (var i = 0; i < nodes.Length; i++)
            nodes[i] = new(from.U128());
        return nodes;
    }
}
