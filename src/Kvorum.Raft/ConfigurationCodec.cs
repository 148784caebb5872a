using System.Buffers;
using System.Buffers.Binary;

namespace Kvorum.Raft;

// All integers are little-endian.
//
//   configuration := version:u8=1  voters:nodes  outgoing:nodes  learners:nodes  learnersNext:nodes
//   change        := version:u8=1  count:u16  (kind:u8  node)*count
//   nodes         := count:u16  node*count
//   node          := u128
//
// `kind` is the value of MemberChangeKind. The bytes end there.

/// <summary>
/// The bytes of configurations (inside snapshots) and of configuration changes (the data of
/// <see cref="EntryKind.Configuration"/> entries). The grammar stands at the top of this file.
/// </summary>
public static class ConfigurationCodec
{
    private const byte Version = 1;
    private const int NodeBytes = 16;

    /// <summary>Writes a configuration.</summary>
    public static void Encode(Configuration configuration, IBufferWriter<byte> into)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(into);
        IReadOnlyList<NodeId>[] lists =
        [
            configuration.Voters, configuration.Outgoing, configuration.Learners, configuration.LearnersNext,
        ];
        var size = 1 + lists.Sum(nodes => 2 + (nodes.Count * NodeBytes));
        var span = into.GetSpan(size);
        span[0] = Version;
        var rest = span[1..];
        foreach (var nodes in lists) rest = WriteNodes(rest, nodes);
        into.Advance(size);
    }

    /// <summary>Writes a configuration change.</summary>
    public static void Encode(ConfigurationChange change, IBufferWriter<byte> into)
    {
        ArgumentNullException.ThrowIfNull(change);
        ArgumentNullException.ThrowIfNull(into);
        var size = 3 + (change.Changes.Count * (1 + NodeBytes));
        var span = into.GetSpan(size);
        span[0] = Version;
        BinaryPrimitives.WriteUInt16LittleEndian(span[1..], checked((ushort)change.Changes.Count));
        var rest = span[3..];
        foreach (var (kind, node) in change.Changes)
        {
            rest[0] = (byte)kind;
            rest = WriteNode(rest[1..], node);
        }
        into.Advance(size);
    }

    /// <summary>
    /// Reads a configuration. Throws <see cref="FormatException"/> if the bytes are not one.
    /// </summary>
    public static Configuration DecodeConfiguration(ReadOnlySpan<byte> bytes)
    {
        var rest = ReadVersion(bytes);
        var configuration = new Configuration
        {
            Voters = ReadNodes(ref rest),
            Outgoing = ReadNodes(ref rest),
            Learners = ReadNodes(ref rest),
            LearnersNext = ReadNodes(ref rest),
        };
        return rest.IsEmpty ? configuration : throw Broken("bytes follow the last list");
    }

    /// <summary>
    /// Reads a configuration change. Throws <see cref="FormatException"/> if the bytes are not one.
    /// </summary>
    public static ConfigurationChange DecodeChange(ReadOnlySpan<byte> bytes)
    {
        var rest = ReadVersion(bytes);
        var changes = new MemberChange[ReadCount(ref rest)];
        for (var i = 0; i < changes.Length; i++)
        {
            var kind = (MemberChangeKind)Take(ref rest, 1)[0];
            if (kind is < MemberChangeKind.AddVoter or > MemberChangeKind.Remove)
                throw Broken($"the kind of change {(byte)kind} is unknown");
            changes[i] = new MemberChange(kind, ReadNode(ref rest));
        }
        return rest.IsEmpty ? new ConfigurationChange(changes) : throw Broken("bytes follow the last change");
    }

    private static Span<byte> WriteNodes(Span<byte> into, IReadOnlyList<NodeId> nodes)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(into, checked((ushort)nodes.Count));
        into = into[2..];
        foreach (var node in nodes) into = WriteNode(into, node);
        return into;
    }

    private static Span<byte> WriteNode(Span<byte> into, NodeId node)
    {
        BinaryPrimitives.WriteUInt128LittleEndian(into, node.Value);
        return into[NodeBytes..];
    }

    private static ReadOnlySpan<byte> ReadVersion(ReadOnlySpan<byte> bytes)
    {
        var version = Take(ref bytes, 1)[0];
        return version == Version ? bytes : throw Broken($"version {version} is unknown");
    }

    private static NodeId[] ReadNodes(ref ReadOnlySpan<byte> bytes)
    {
        var nodes = new NodeId[ReadCount(ref bytes)];
        for (var i = 0; i < nodes.Length; i++)
        {
            nodes[i] = ReadNode(ref bytes);
            if (i > 0 && nodes[i] <= nodes[i - 1]) throw Broken("the nodes are not in ascending order");
        }
        return nodes;
    }

    private static NodeId ReadNode(ref ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt128LittleEndian(Take(ref bytes, NodeBytes)));

    private static int ReadCount(ref ReadOnlySpan<byte> bytes) =>
        BinaryPrimitives.ReadUInt16LittleEndian(Take(ref bytes, 2));

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> bytes, int count)
    {
        if (bytes.Length < count) throw Broken("it is cut short");
        var taken = bytes[..count];
        bytes = bytes[count..];
        return taken;
    }

    private static FormatException Broken(string why) =>
        new($"Malformed configuration or configuration change: {why}.");
}
