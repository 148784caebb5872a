// The log on disk. All numbers are little-endian; crc is CRC-32C.
//
//   segment file = header frame* zeros         named <number, 16 digits>.log, numbers without gaps
//   header       = magic "KVORUMLG", version u32 (2; 3: with encrypted frames), length of the file u32,
//                  segment u64, zero u32, crc u32
//                  32 bytes; the crc is over the 28 before it
//   frame        = marker "KvF1", length u32, sequence u64, body crc u32, crc u32, body, padding
//                  24 bytes, length bytes, zeros up to a multiple of 8
//                  the second crc is over: segment u64, offset of the frame u64, the 20 bytes before it
//   body         = record+
//   encrypted    = marker "KvF2", the rest as a frame; its body is: data key u64, salt u128, number u64,
//                  encrypted records, tag 16 bytes
//   record       = 1 u8, group u32, index u64, length u32, payload      an entry
//                | 2 u8, group u32, length u32, payload                 the newest state; empty: none
//                | 3 u8, segment u64                                    no segment below it is needed
//                | 4 u8, segment u64                                    the log goes on in that segment
//
// A frame is what one write and one sync made durable; its sequence is one more than that of the frame
// before. The sum over the frame's place makes a frame valid only where it was written: bytes that merely
// look like a frame, for instance in a value, are rejected. A file is made under the name <number>.new,
// zero-filled at its full length, synced and then renamed: it never has another length. A record of kind 4
// is alone in the last frame of its segment, for which each segment has room; it is durable before anything
// is written to the next segment, and the next segment is there before it is. What lies behind it is left
// over from a write that found no room.
//
// An encrypted body is AES-256-GCM; key and salt are its seal, its nonce is the number, and bound to it are
// sequence u64, segment u64 and offset u64 of the frame. Each start of the process draws a salt for each
// segment and counts from 1. The sums are over what is encrypted: a wrong sum is damage, a wrong tag behind a
// right sum is another key. The last frame of a segment, which holds only a number, is always plain.

using System.Buffers.Binary;
using Kvorum.Storage.Encryption;

namespace Kvorum.Storage.Log;

/// <summary>
/// Encodes and decodes the pieces of a segment file. The grammar is at the top of this file.
/// </summary>
internal static class RecordFormat
{
    public const int SegmentHeaderBytes = 32;
    public const int FrameHeaderBytes = 24;
    public const int Alignment = 8;
    public const uint Version = 2;
    public const uint SealedVersion = 3;

    public const byte Entry = 1;
    public const byte State = 2;
    public const byte Trim = 3;
    public const byte Continued = 4;

    public const int EntryHeaderBytes = 17;
    public const int StateHeaderBytes = 9;
    public const int TrimBytes = 9;
    public const int ContinuedBytes = 9;

    /// <summary>Bytes before the records of an encrypted body: the seal, and the number.</summary>
    public const int SealHeadBytes = Seal.Bytes + sizeof(ulong);

    /// <summary>Bytes that a body grows by when it is encrypted.</summary>
    public const int SealBytes = SealHeadBytes + FileCipher.TagBytes;

    /// <summary>Bytes of what is bound to an encrypted body.</summary>
    public const int PlaceBytes = 24;

    /// <summary>Bytes that each segment keeps for its last frame.</summary>
    public const int LastFrameBytes =
        (FrameHeaderBytes + ContinuedBytes + Alignment - 1) & ~(Alignment - 1);

    private const uint Marker = 0x3146764b; // "KvF1"
    private const uint SealedMarker = 0x3246764b; // "KvF2"

    private static ReadOnlySpan<byte> Magic => "KVORUMLG"u8;

    /// <summary>Bytes a frame with a body of that length takes in the file.</summary>
    public static int FrameBytes(int bodyBytes) =>
        checked(FrameHeaderBytes + bodyBytes + Alignment - 1) & ~(Alignment - 1);

    public static void WriteSegmentHeader(Span<byte> into, ulong segment, long length, bool isSealed = false)
    {
        into[..SegmentHeaderBytes].Clear();
        Magic.CopyTo(into);
        BinaryPrimitives.WriteUInt32LittleEndian(into[8..], isSealed ? SealedVersion : Version);
        BinaryPrimitives.WriteUInt32LittleEndian(into[12..], checked((uint)length));
        BinaryPrimitives.WriteUInt64LittleEndian(into[16..], segment);
        BinaryPrimitives.WriteUInt32LittleEndian(into[28..], Crc32C.Of(into[..28]));
    }

    /// <summary>The header of a segment, if it is whole.</summary>
    public static bool TryReadSegmentHeader(ReadOnlySpan<byte> from, out SegmentHeader header)
    {
        header = default;
        if (from.Length < SegmentHeaderBytes || !from.StartsWith(Magic) ||
            BinaryPrimitives.ReadUInt32LittleEndian(from[28..]) != Crc32C.Of(from[..28]))
            return false;
        header = new SegmentHeader(
            BinaryPrimitives.ReadUInt32LittleEndian(from[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(from[12..]),
            BinaryPrimitives.ReadUInt64LittleEndian(from[16..]));
        return true;
    }

    /// <summary>
    /// Completes a frame: <paramref name="frame"/> has room for the header, then the body, then zeros.
    /// </summary>
    public static void WriteFrameHeader(
        Span<byte> frame, int bodyBytes, ulong sequence, ulong segment, long offset, bool isSealed = false)
    {
        var bodyCrc = Crc32C.Of(frame.Slice(FrameHeaderBytes, bodyBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(frame, isSealed ? SealedMarker : Marker);
        BinaryPrimitives.WriteInt32LittleEndian(frame[4..], bodyBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(frame[8..], sequence);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[16..], bodyCrc);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[20..], FrameHeaderCrc(frame, segment, offset));
    }

    /// <summary>
    /// Reads the header of a frame at its place in the file; false if there is no valid one.
    /// </summary>
    public static bool TryReadFrameHeader(
        ReadOnlySpan<byte> file, ulong segment, int offset, out FrameHeader header)
    {
        header = default;
        if (file.Length - offset < FrameHeaderBytes)
            return false;
        var at = file[offset..];
        var marker = BinaryPrimitives.ReadUInt32LittleEndian(at);
        if (marker is not (Marker or SealedMarker) ||
            BinaryPrimitives.ReadUInt32LittleEndian(at[20..]) != FrameHeaderCrc(at, segment, offset))
            return false;
        header = new FrameHeader(
            BinaryPrimitives.ReadUInt32LittleEndian(at[4..]),
            BinaryPrimitives.ReadUInt64LittleEndian(at[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(at[16..]),
            marker == SealedMarker);
        return true;
    }

    /// <summary>Where a frame is, as it is bound to its encrypted body.</summary>
    public static void WritePlace(Span<byte> into, ulong sequence, ulong segment, long offset)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(into, sequence);
        BinaryPrimitives.WriteUInt64LittleEndian(into[8..], segment);
        BinaryPrimitives.WriteInt64LittleEndian(into[16..], offset);
    }

    /// <summary>
    /// The data key of the first frame of a segment, if it is encrypted, by the first bytes of the file.
    /// </summary>
    public static ulong? FirstKey(ReadOnlySpan<byte> file)
    {
        if (!TryReadSegmentHeader(file, out var made) ||
            !TryReadFrameHeader(file, made.Number, SegmentHeaderBytes, out var first) || !first.IsSealed ||
            file.Length < SegmentHeaderBytes + FrameHeaderBytes + Seal.Bytes)
            return null;
        return Seal.Read(file[(SegmentHeaderBytes + FrameHeaderBytes)..]).Key;
    }

    /// <summary>The body of a frame whose header was read, if it is all there and its sum is right.</summary>
    public static bool TryReadBody(
        ReadOnlySpan<byte> file, int offset, FrameHeader header, out ReadOnlySpan<byte> body)
    {
        body = default;
        var start = offset + FrameHeaderBytes;
        if (header.Length > (uint)(file.Length - start))
            return false;
        body = file.Slice(start, (int)header.Length);
        return Crc32C.Of(body) == header.BodyCrc;
    }

    public static void WriteEntryHeader(Span<byte> into, uint group, ulong index, int payloadBytes)
    {
        into[0] = Entry;
        BinaryPrimitives.WriteUInt32LittleEndian(into[1..], group);
        BinaryPrimitives.WriteUInt64LittleEndian(into[5..], index);
        BinaryPrimitives.WriteInt32LittleEndian(into[13..], payloadBytes);
    }

    public static void WriteStateHeader(Span<byte> into, uint group, int payloadBytes)
    {
        into[0] = State;
        BinaryPrimitives.WriteUInt32LittleEndian(into[1..], group);
        BinaryPrimitives.WriteInt32LittleEndian(into[5..], payloadBytes);
    }

    public static void WriteTrim(Span<byte> into, ulong segment)
    {
        into[0] = Trim;
        BinaryPrimitives.WriteUInt64LittleEndian(into[1..], segment);
    }

    public static void WriteContinued(Span<byte> into, ulong segment)
    {
        into[0] = Continued;
        BinaryPrimitives.WriteUInt64LittleEndian(into[1..], segment);
    }

    private static uint FrameHeaderCrc(ReadOnlySpan<byte> frame, ulong segment, long offset)
    {
        var state = Crc32C.Add(Crc32C.Add(Crc32C.Begin, segment), (ulong)offset);
        return Crc32C.End(Crc32C.Add(state, frame[..20]));
    }
}

/// <summary>The verified header of a segment.</summary>
internal readonly record struct SegmentHeader(uint Version, long Length, ulong Number)
{
    /// <summary>True if its frames may be encrypted.</summary>
    public bool IsSealed => Version == RecordFormat.SealedVersion;

    /// <summary>True if this program can read it.</summary>
    public bool IsKnown => IsSealed || Version == RecordFormat.Version;
}

/// <summary>The verified header of a frame.</summary>
internal readonly record struct FrameHeader(uint Length, ulong Sequence, uint BodyCrc, bool IsSealed);
