// The LZ4 block format (lz4_Block_format.md of the lz4 project), both ways.
//
//   block    = sequence* literals-only sequence
//   sequence = token u8, [length+], literal u8{literals}, distance u16, [length+]
//   token    = literals in the upper four bits, match length - 4 in the lower; 15: lengths follow
//   length   = 255 u8* rest u8: all are added up
//
// A match repeats bytes that were put out before, from `distance` bytes back; it may overlap what it makes.
// The last sequence ends behind its literals, of which there are five at least; no match begins in the last
// twelve bytes.

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Kvorum.Storage.Lsm.Tables;

/// <summary>
/// Packs and unpacks blocks. Greedy, with one candidate per hash of four bytes, and steps that grow where
/// nothing is found, so that incompressible data is given up soon. Any thread; nothing is allocated.
/// </summary>
internal static unsafe class Lz4
{
    /// <summary>No byte of a packed block stands for more bytes than this.</summary>
    public const int RatioMax = 255;

    private const int HashBits = 12;
    private const int MatchMin = 4;
    private const int LastLiterals = 5;
    private const int LastMatch = 12;
    private const int DistanceMax = ushort.MaxValue;
    private const int Long = 15;

    // After so many misses, as a power of two, steps become one byte longer.
    private const int MissesPerStep = 5;

    /// <summary>
    /// Packs the bytes; their packed length, or 0 if that would be more than there is room for.
    /// </summary>
    public static int Pack(ReadOnlySpan<byte> plain, Span<byte> into)
    {
        int* places = stackalloc int[1 << HashBits];
        new Span<int>(places, 1 << HashBits).Fill(-1);
        fixed (byte* from = plain, first = into)
        {
            var output = new Output(first, into.Length);
            var anchor = 0;
            var misses = 0;
            for (var at = 0; at < plain.Length - LastMatch;)
            {
                var four = Four(from + at);
                ref int place = ref places[HashOf(four)];
                var match = place;
                place = at;
                if (match < 0 || at - match > DistanceMax || Four(from + match) != four)
                {
                    at += 1 + (misses++ >> MissesPerStep);
                    continue;
                }

                misses = 0;
                for (; at > anchor && match > 0 && from[at - 1] == from[match - 1]; at--)
                    match--;
                var most = plain.Length - LastLiterals - at - MatchMin;
                var length = MatchMin + Same(from + at + MatchMin, from + match + MatchMin, most);
                if (!output.Add(from + anchor, at - anchor, at - match, length))
                    return 0;
                at += length;
                anchor = at;
                if (at < plain.Length - LastMatch)
                    places[HashOf(Four(from + at - 2))] = at - 2;
            }

            return output.Add(from + anchor, plain.Length - anchor) ? output.Bytes : 0;
        }
    }

    /// <summary>
    /// Unpacks a block that makes exactly as many bytes as there is room for; false if it does not. For any
    /// input only bytes of the two spans are touched.
    /// </summary>
    public static bool TryUnpack(ReadOnlySpan<byte> packed, Span<byte> into)
    {
        fixed (byte* first = packed, start = into)
        {
            var from = first;
            var fromEnd = first + packed.Length;
            var at = start;
            var end = start + into.Length;
            while (from < fromEnd)
            {
                int token = *from++;
                long literals = token >> 4;
                if ((literals == Long && !TryReadLength(ref from, fromEnd, ref literals)) ||
                    literals > fromEnd - from || literals > end - at)
                    return false;
                CopyLiterals(from, fromEnd, at, end, literals);
                from += literals;
                at += literals;
                if (from == fromEnd)
                    return at == end;
                if (fromEnd - from < sizeof(ushort))
                    return false;
                int distance = Unsafe.ReadUnaligned<ushort>(from);
                from += sizeof(ushort);
                long length = token & 15;
                if (length == Long && !TryReadLength(ref from, fromEnd, ref length))
                    return false;
                length += MatchMin;
                if (distance == 0 || distance > at - start || length > end - at)
                    return false;
                CopyMatch(at, distance, length, end);
                at += length;
            }

            return false;
        }
    }

    private static uint Four(byte* at) => Unsafe.ReadUnaligned<uint>(at);

    private static int HashOf(uint four) => (int)((four * 2654435761) >> (32 - HashBits));

    // How many bytes are the same at both places.
    private static int Same(byte* a, byte* b, int most)
    {
        var same = 0;
        for (; same + sizeof(ulong) <= most; same += sizeof(ulong))
        {
            var different =
                Unsafe.ReadUnaligned<ulong>(a + same) ^ Unsafe.ReadUnaligned<ulong>(b + same);
            if (different != 0)
                return same + (BitOperations.TrailingZeroCount(different) >> 3);
        }

        while (same < most && a[same] == b[same])
            same++;
        return same;
    }

    // Mostly few: where there is room on both sides, sixteen bytes at once are quicker than the right number.
    private static void CopyLiterals(byte* from, byte* fromEnd, byte* into, byte* end, long count)
    {
        const int Few = 16;
        var isFew = count <= Few && fromEnd - from >= Few && end - into >= Few;
        Unsafe.CopyBlockUnaligned(into, from, isFew ? Few : (uint)count);
    }

    private static void CopyMatch(byte* into, int distance, long count, byte* end)
    {
        var from = into - distance;
        var stop = into + count;
        if (distance >= sizeof(ulong) && end - stop >= sizeof(ulong))
        {
            for (; into < stop; into += sizeof(ulong), from += sizeof(ulong))
                Unsafe.WriteUnaligned(into, Unsafe.ReadUnaligned<ulong>(from));
            return;
        }

        for (; into < stop; into++, from++)
            *into = *from;
    }

    private static bool TryReadLength(ref byte* from, byte* end, ref long length)
    {
        byte more;
        do
        {
            if (from == end)
                return false;
            more = *from++;
            length += more;
        }
        while (more == byte.MaxValue);
        return true;
    }

    /// <summary>Where sequences are put.</summary>
    private ref struct Output(byte* first, int room)
    {
        private readonly byte* _first = first;
        private byte* _at = first;

        public readonly int Bytes => (int)(_at - _first);

        /// <summary>Adds a sequence; one without a match is the last. False if there is no room.</summary>
        public bool Add(byte* from, int literals, int distance = 0, int length = MatchMin)
        {
            var match = length - MatchMin;
            long most = 1 + BytesOf(literals) + literals + sizeof(ushort) + BytesOf(match);
            if (most > room - Bytes)
                return false;
            *_at++ = (byte)((Math.Min(literals, Long) << 4) | Math.Min(match, Long));
            AddLength(literals);
            Unsafe.CopyBlockUnaligned(_at, from, (uint)literals);
            _at += literals;
            if (distance == 0)
                return true;
            Unsafe.WriteUnaligned(_at, (ushort)distance);
            _at += sizeof(ushort);
            AddLength(match);
            return true;
        }

        private static int BytesOf(int length) => length < Long ? 0 : 1 + ((length - Long) / byte.MaxValue);

        private void AddLength(int length)
        {
            if (length < Long)
                return;
            for (length -= Long; length >= byte.MaxValue; length -= byte.MaxValue)
                *_at++ = byte.MaxValue;
            *_at++ = (byte)length;
        }
    }
}
