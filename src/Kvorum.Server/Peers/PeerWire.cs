// The wire between nodes. One TCP connection per direction: a node dials each peer, and its frames go out on
// the connection that it dialled. All numbers little endian, except ids, which are UUIDs, most significant
// byte first.
//
//   dialler   = preamble frame(Hello)            *frame(Raft | Forward | ... | Ping)
//   acceptor  = preamble frame(Welcome|Refused)  *frame(Ping) [frame(Refused)]
//
//   asker     = preamble frame(Join)             a node that may be no member, once; then both close
//   acceptor  = preamble frame(JoinAnswer|Refused)
//
//   preamble  = "KVPEER" version:u16
//   frame     = length:u32 crc:u32 kind:u8 payload      length = bytes of payload
//                                                       crc = CRC-32C of length, kind, payload
//   Hello     = foundingId:u128 clusterId:u128 nodeId:u128 expected:u128 process:u64 name peer client http
//               [lowest:u16 newest:u16 active:u16]
//   Welcome   = the same, expected = 0                  name ... http = length:u16 utf8
//   Refused   = mayPass:u8 utf8                         a sentence for the other side's operator
//   Ping      = nothing
//   Join      = at most 4 KiB, JoinAnswer = at most 64 KiB: the node's own
//
// The version of the preamble is that of these frames, the same in all format versions so far. `lowest` and
// `newest` are the format versions that the sender speaks, `active` is the one that its cluster has, as far
// as it knows; who does not say it speaks 1 only (docs/upgrading.md). What follows is passed over.
// `foundingId` is made of the founders of the sender's cluster; `clusterId` is 0 while the sender does not
// know it.
// `expected` is the node that the dialler means to call; `process` is drawn anew by each process, so that a
// peer that came back is told from one that stayed. `mayPass` is 1 where the refusal may be over soon without
// an operator, as that of a new member that the refusing node has not heard of yet; else 0. Kinds below 128
// belong to the node (PeerFrameKind), the others to the transport.
using System.Buffers.Binary;
using System.Numerics;
using Kvorum.Node;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Server.Tls;

namespace Kvorum.Server.Peers;

/// <summary>What is wrong with bytes that a peer sent.</summary>
internal sealed class PeerWireException(string message) : Exception(message)
{
    /// <summary>True if the other side speaks HTTP.</summary>
    public bool IsHttp { get; init; }
}

/// <summary>Why a connection is refused.</summary>
/// <param name="Why">A sentence for the other side's operator.</param>
/// <param name="MayPass">True if it may be over soon without an operator.</param>
internal sealed record PeerRefusal(string Why, bool MayPass = false);

/// <summary>A node's introduction, as it travels.</summary>
/// <param name="Node">The sender.</param>
/// <param name="Expected">The node that it means to reach; zero in an answer.</param>
/// <param name="Process">The speaking process.</param>
internal sealed record PeerIntroduction(PeerHello Node, NodeId Expected, ulong Process);

/// <summary>Encodes and decodes the frames between nodes.</summary>
internal static class PeerWire
{
    public const int PreambleBytes = 8;
    public const int HeaderBytes = 9;
    public const ushort Version = 9;

    /// <summary>Kinds from here on are the transport's own.</summary>
    public const byte FirstOwnKind = 128;

    public const byte Hello = 0xF0;
    public const byte Welcome = 0xF1;
    public const byte Refused = 0xF2;
    public const byte Ping = 0xF3;
    public const byte Join = 0xF4;
    public const byte JoinAnswer = 0xF5;

    /// <summary>Bound of a frame before the other side is known.</summary>
    public const int IntroductionBytesMax = 4 << 10;

    /// <summary>Bound of a question to join.</summary>
    public const int JoinAskBytesMax = 4 << 10;

    /// <summary>Bound of the answer to it.</summary>
    public const int JoinAnswerBytesMax = 64 << 10;

    private const int FixedBytes = (4 * 16) + sizeof(ulong);
    private const int FormatBytes = 3 * sizeof(ushort);

    public static void WritePreamble(Span<byte> into)
    {
        "KVPEER"u8.CopyTo(into);
        BinaryPrimitives.WriteUInt16LittleEndian(into[6..], Version);
    }

    /// <summary>
    /// Throws if the bytes are not the beginning of a connection between nodes of this version.
    /// </summary>
    public static void CheckPreamble(ReadOnlySpan<byte> bytes)
    {
        if (bytes[0] == TlsDoor.FirstByte)
            throw new PeerWireException(
                "it speaks TLS, and this node does not: start it with --tls-cert, --tls-key and --tls-ca");
        if (!bytes[..6].SequenceEqual("KVPEER"u8))
            throw new PeerWireException(
                "it does not speak the protocol between nodes (is this another server's address?)")
            {
                IsHttp = bytes.StartsWith("HTTP/"u8),
            };
        var version = BinaryPrimitives.ReadUInt16LittleEndian(bytes[6..]);
        if (version != Version)
            throw new PeerWireException(
                $"it speaks version {version} of the protocol between nodes, and this node {Version}: the "
                + "two programs are more than one version apart. Start on all nodes versions of kvorum that "
                + "differ by one at most");
    }

    public static void WriteHeader(Span<byte> into, byte kind, ReadOnlySpan<byte> payload)
    {
        BinaryPrimitives.WriteInt32LittleEndian(into, payload.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(into[4..], Checksum(payload.Length, kind, payload));
        into[8] = kind;
    }

    /// <summary>
    /// The length that a header claims, the checksum not yet looked at; throws if it is beyond the bound.
    /// </summary>
    public static int ReadLength(ReadOnlySpan<byte> header, int boundBytes)
    {
        var length = BinaryPrimitives.ReadUInt32LittleEndian(header);
        return length <= (uint)boundBytes
            ? (int)length
            : throw new PeerWireException(
                $"a frame of {length} bytes is over the bound of {boundBytes}: damaged in transit?");
    }

    /// <summary>Throws if the bytes were damaged on their way.</summary>
    public static void CheckFrame(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload)
    {
        var announced = BinaryPrimitives.ReadUInt32LittleEndian(header[4..]);
        if (announced != Checksum(payload.Length, header[8], payload))
            throw new PeerWireException(
                $"the checksum of a frame of {payload.Length} bytes is wrong: damaged in transit");
    }

    /// <summary>Preamble and first frame of a connection, from either side.</summary>
    public static byte[] EncodeOpening(byte kind, ReadOnlySpan<byte> payload)
    {
        var bytes = new byte[PreambleBytes + HeaderBytes + payload.Length];
        WritePreamble(bytes);
        WriteHeader(bytes.AsSpan(PreambleBytes), kind, payload);
        payload.CopyTo(bytes.AsSpan(PreambleBytes + HeaderBytes));
        return bytes;
    }

    /// <summary>A frame of its own.</summary>
    public static byte[] EncodeFrame(byte kind, ReadOnlySpan<byte> payload)
    {
        var bytes = new byte[HeaderBytes + payload.Length];
        WriteHeader(bytes, kind, payload);
        payload.CopyTo(bytes.AsSpan(HeaderBytes));
        return bytes;
    }

    /// <summary>The sentence is cut to what fits an introduction.</summary>
    public static byte[] EncodeRefusal(PeerRefusal refusal) =>
    [
        refusal.MayPass ? (byte)1 : (byte)0,
        .. Utf8Text.Encode("the refusal", Utf8Text.Message(refusal.Why, IntroductionBytesMax - 1)),
    ];

    public static PeerRefusal DecodeRefusal(byte[] bytes) =>
        bytes.Length == 0
            ? throw new PeerWireException("its refusal is cut short")
            : new(Utf8Text.DecodeMessage(bytes.AsSpan(1)), MayPass: bytes[0] == 1);

    public static byte[] EncodeIntroduction(PeerIntroduction introduction)
    {
        var node = introduction.Node;
        string[] texts = [node.Name, node.PeerAddress, node.ClientAddress, node.HttpAddress];
        var bytes =
            new byte[FixedBytes + texts.Sum(text => sizeof(ushort) + Utf8Text.CountOf(text)) + FormatBytes];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, node.FoundingId);
        BinaryPrimitives.WriteUInt128BigEndian(bytes.AsSpan(16), node.ClusterId);
        BinaryPrimitives.WriteUInt128BigEndian(bytes.AsSpan(32), node.Id.Value);
        BinaryPrimitives.WriteUInt128BigEndian(bytes.AsSpan(48), introduction.Expected.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(64), introduction.Process);
        var at = FixedBytes;
        foreach (var text in texts)
        {
            var length = Utf8Text.Write(text, bytes.AsSpan(at + sizeof(ushort)));
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(at), checked((ushort)length));
            at += sizeof(ushort) + length;
        }

        int[] formats = [node.Formats.Lowest, node.Formats.Newest, node.ActiveFormat];
        foreach (var number in formats)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(at), checked((ushort)number));
            at += sizeof(ushort);
        }

        return bytes;
    }

    public static PeerIntroduction DecodeIntroduction(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < FixedBytes)
            throw new PeerWireException("its introduction is cut short");
        var founding = BinaryPrimitives.ReadUInt128BigEndian(bytes);
        var cluster = BinaryPrimitives.ReadUInt128BigEndian(bytes[16..]);
        var id = new NodeId(BinaryPrimitives.ReadUInt128BigEndian(bytes[32..]));
        var expected = new NodeId(BinaryPrimitives.ReadUInt128BigEndian(bytes[48..]));
        var process = BinaryPrimitives.ReadUInt64LittleEndian(bytes[64..]);
        bytes = bytes[FixedBytes..];
        string name = ReadText(ref bytes), peer = ReadText(ref bytes);
        string client = ReadText(ref bytes), http = ReadText(ref bytes);
        var node = new PeerHello(id, name, peer, client, http) { FoundingId = founding, ClusterId = cluster };
        return new(bytes.IsEmpty ? node : WithFormats(node, bytes), expected, process);
    }

    private static PeerHello WithFormats(PeerHello node, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < FormatBytes)
            throw new PeerWireException("its introduction is cut short");
        int lowest = BinaryPrimitives.ReadUInt16LittleEndian(bytes);
        int newest = BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]);
        int active = BinaryPrimitives.ReadUInt16LittleEndian(bytes[4..]);
        return lowest >= FormatRange.First && lowest <= newest && active >= FormatRange.First
            ? node with { Formats = new(lowest, newest), ActiveFormat = active }
            : throw new PeerWireException(
                $"its format versions, {lowest} to {newest}, in a cluster of {active}, are none");
    }

    private static string ReadText(ref ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < sizeof(ushort))
            throw new PeerWireException("its introduction is cut short");
        int length = BinaryPrimitives.ReadUInt16LittleEndian(bytes);
        if (bytes.Length - sizeof(ushort) < length)
            throw new PeerWireException("its introduction is cut short");
        var text = bytes.Slice(sizeof(ushort), length);
        bytes = bytes[(sizeof(ushort) + length)..];
        return Utf8Text.Problem("a name in its introduction", text) is { } problem
            ? throw new PeerWireException(problem)
            : Utf8Text.Decode("a name", text);
    }

    /// <summary>CRC-32C (RFC 3720 appendix B.4) over length, kind and payload.</summary>
    private static uint Checksum(int length, byte kind, ReadOnlySpan<byte> payload)
    {
        var crc = BitOperations.Crc32C(uint.MaxValue, (uint)length);
        crc = BitOperations.Crc32C(crc, kind);
        return ~FrameCodec.Crc32C(crc, payload);
    }
}
