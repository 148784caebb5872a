using System.Buffers;

namespace Kvorum.Protocol;

/// <summary>
/// Bytes of a <see cref="ClusterMap"/>. Integers are little-endian.
/// <code>
/// map       := clusterId:16 bytes epoch:u64 version:u64 members:u16 member* keyspaces:u16 keyspace*
/// member    := id:16 bytes name:text16 clientAddress:text16 httpAddress:text16 peerAddress:text16
/// keyspace  := name:text16 mode:text16 replicationFactor:u32 keyBytesMax:u32 valueBytesMax:u32
///              keyPolicy:text16 partitions:u16 partition*
/// partition := number:u32 leader:u16 term:u64 replicas:u8 replica:u16*
/// </code>
/// A leader is a position among the members, 65535 if unknown, and so are replicas. Bounds: 65534 members,
/// 65535 keyspaces, 16384 partitions each, 255 replicas, texts of <see cref="TextBytesMax"/>.
/// </summary>
public static class ClusterMapCodec
{
    /// <summary>Bound of every text, in UTF-8 bytes.</summary>
    public const int TextBytesMax = 1024;

    private const ushort Unknown = ushort.MaxValue;

    /// <summary>
    /// Appends a map. <see cref="ArgumentException"/> if it is over a bound; then nothing was appended.
    /// </summary>
    public static void Encode(ClusterMap map, IBufferWriter<byte> into)
    {
        var size = SizeOf(map);
        var writer = new SpanWriter(into.GetSpan(size));
        writer.Guid(map.ClusterId);
        writer.U64(map.Epoch);
        writer.U64(map.Version);
        writer.U16((ushort)map.Members.Count);
        foreach (var member in map.Members)
        {
            writer.Guid(member.Id);
            writer.Text16(member.Name);
            writer.Text16(member.ClientAddress);
            writer.Text16(member.HttpAddress);
            writer.Text16(member.PeerAddress);
        }

        writer.U16((ushort)map.Keyspaces.Count);
        foreach (var keyspace in map.Keyspaces)
            Write(ref writer, keyspace);
        into.Advance(size);
    }

    /// <summary>
    /// Reads a map that fills <paramref name="bytes"/>. <see cref="FormatException"/> if it is not one.
    /// </summary>
    public static ClusterMap Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        var clusterId = reader.Guid("cluster id");
        var epoch = reader.U64("epoch");
        var version = reader.U64("version");
        var members = new MemberInfo[reader.Count16("members", bytesEach: 24)];
        for (var i = 0; i < members.Length; i++)
        {
            members[i] = new(
                reader.Guid("member's id"), Text(ref reader), Text(ref reader), Text(ref reader),
                Text(ref reader));
        }

        var keyspaces = new KeyspaceInfo[reader.Count16("keyspaces", bytesEach: 20)];
        for (var i = 0; i < keyspaces.Length; i++)
            keyspaces[i] = ReadKeyspace(ref reader, members.Length);
        reader.End("map");
        return new(clusterId, epoch, version, members, keyspaces);
    }

    private static void Write(ref SpanWriter writer, KeyspaceInfo keyspace)
    {
        writer.Text16(keyspace.Name);
        writer.Text16(keyspace.Mode);
        writer.U32((uint)keyspace.ReplicationFactor);
        writer.U32((uint)keyspace.KeyBytesMax);
        writer.U32((uint)keyspace.ValueBytesMax);
        writer.Text16(keyspace.KeyPolicy);
        writer.U16((ushort)keyspace.Partitions.Count);
        foreach (var partition in keyspace.Partitions)
        {
            writer.U32(partition.Partition);
            writer.U16(partition.Leader < 0 ? Unknown : (ushort)partition.Leader);
            writer.U64(partition.Term);
            writer.U8((byte)partition.Replicas.Count);
            foreach (var replica in partition.Replicas)
                writer.U16((ushort)replica);
        }
    }

    private static KeyspaceInfo ReadKeyspace(ref ByteReader reader, int members)
    {
        var name = Text(ref reader);
        var mode = Text(ref reader);
        var replicationFactor = reader.Int("replication factor");
        var keyBytesMax = reader.Int("bound of keys");
        var valueBytesMax = reader.Int("bound of values");
        var keyPolicy = Text(ref reader);
        var partitions = new PartitionInfo[reader.Count16("partitions", bytesEach: 15)];
        for (var i = 0; i < partitions.Length; i++)
            partitions[i] = ReadPartition(ref reader, members);
        return new(name, mode, replicationFactor, keyBytesMax, valueBytesMax, keyPolicy, partitions);
    }

    private static PartitionInfo ReadPartition(ref ByteReader reader, int members)
    {
        var number = reader.U32("partition");
        var leader = reader.U16("leader");
        if (leader != Unknown && leader >= members)
            throw new FormatException($"Leader {leader} of partition {number} is none of {members} members.");
        var term = reader.U64("term");
        var replicas = new int[reader.U8("replicas")];
        for (var i = 0; i < replicas.Length; i++)
        {
            replicas[i] = reader.U16("replica");
            if (replicas[i] >= members)
                throw new FormatException(
                    $"Replica {replicas[i]} of partition {number} is none of {members} members.");
        }

        return new(number, replicas, leader == Unknown ? -1 : leader, term);
    }

    private static int SizeOf(ClusterMap map)
    {
        Bound(map.Members.Count, Unknown - 1, "members");
        Bound(map.Keyspaces.Count, ushort.MaxValue, "keyspaces");
        var size = 16 + 8 + 8 + 2 + 2;
        foreach (var member in map.Members)
        {
            size += 16 + TextSize(member.Name) + TextSize(member.ClientAddress) + TextSize(member.HttpAddress)
                + TextSize(member.PeerAddress);
        }

        foreach (var keyspace in map.Keyspaces)
        {
            Bound(keyspace.Partitions.Count, Limits.SlotCount, "partitions");
            size += TextSize(keyspace.Name) + TextSize(keyspace.Mode) + 12 + TextSize(keyspace.KeyPolicy) + 2;
            foreach (var partition in keyspace.Partitions)
            {
                Bound(partition.Replicas.Count, byte.MaxValue, "replicas");
                size += 4 + 2 + 8 + 1 + (2 * partition.Replicas.Count);
            }
        }

        return size;
    }

    private static int TextSize(string text)
    {
        var count = Utf8Text.CountOf(text);
        Bound(count, TextBytesMax, "bytes of a text");
        return 2 + count;
    }

    private static void Bound(int count, int max, string what)
    {
        if (count > max)
            throw new ArgumentException($"A map has {count} {what}; at most {max} are allowed.");
    }

    private static string Text(ref ByteReader reader) => reader.Text16("text", TextBytesMax);
}
