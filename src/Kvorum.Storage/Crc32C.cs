using System.Numerics;
using Kvorum.Protocol;

namespace Kvorum.Storage;

/// <summary>
/// CRC-32C (Castagnoli, RFC 3720 appendix B.4) with the processor's instruction: "123456789" gives e3069283.
/// </summary>
internal static class Crc32C
{
    /// <summary>The checksum of the bytes.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes) => End(Add(Begin, bytes));

    /// <summary>The state before the first byte, for sums over several pieces.</summary>
    public const uint Begin = uint.MaxValue;

    /// <summary>Adds a piece to a running state.</summary>
    public static uint Add(uint state, ReadOnlySpan<byte> bytes) => Crc32CLanes.Add(state, bytes);

    /// <summary>Adds a number, as eight little-endian bytes.</summary>
    public static uint Add(uint state, ulong number) => BitOperations.Crc32C(state, number);

    /// <summary>The checksum of a running state.</summary>
    public static uint End(uint state) => ~state;
}
