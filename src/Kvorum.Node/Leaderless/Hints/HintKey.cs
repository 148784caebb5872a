using System.Buffers.Binary;
using Kvorum.Quorum;
using Kvorum.Raft;

namespace Kvorum.Node.Leaderless.Hints;

/// <summary>
/// Under which key a hint is kept: hints for one node lie together, of these those of one partition, the
/// oldest first.
/// <code>
/// key = node:u128 group:u32 version:16       big endian, so that they sort
/// </code>
/// </summary>
internal static class HintKey
{
    private const int RangeBytes = 20;
    private const int Bytes = RangeBytes + RecordVersion.Size;

    /// <summary>The key of a hint.</summary>
    public static byte[] Of(NodeId peer, GroupId group, RecordVersion version)
    {
        var key = new byte[Bytes];
        WriteRange(key, peer, group);
        version.Write(key.AsSpan(RangeBytes));
        return key;
    }

    /// <summary>Where the hints of a partition for a node begin, and where they have ended.</summary>
    public static (byte[] From, byte[] End) RangeOf(NodeId peer, GroupId group)
    {
        var (from, end) = (new byte[RangeBytes], new byte[Bytes + 1]);
        WriteRange(from, peer, group);
        end.AsSpan().Fill(byte.MaxValue);
        WriteRange(end, peer, group);
        return (from, end);
    }

    /// <summary>Reads a key. A <see cref="FormatException"/> if it is none.</summary>
    public static (NodeId Peer, GroupId Group, RecordVersion Version) Read(ReadOnlySpan<byte> key) =>
        key.Length != Bytes ? throw new FormatException($"the key of a hint has {key.Length} bytes")
        : (new(BinaryPrimitives.ReadUInt128BigEndian(key)),
            new(BinaryPrimitives.ReadUInt32BigEndian(key[16..])), RecordVersion.Read(key[RangeBytes..]));

    private static void WriteRange(Span<byte> into, NodeId peer, GroupId group)
    {
        BinaryPrimitives.WriteUInt128BigEndian(into, peer.Value);
        BinaryPrimitives.WriteUInt32BigEndian(into[16..], group.Value);
    }
}
