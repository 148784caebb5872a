using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Arm = System.Runtime.Intrinsics.Arm;

namespace Kvorum.Protocol;

/// <summary>
/// The steps of CRC-32C over many bytes. The processor's instruction takes three cycles until its result can
/// go into the next one, but one can begin in every cycle: a piece is cut into three lanes that are summed at
/// once and put together. This file is compiled into Kvorum.Storage, too: neither room may refer to the
/// other, and both live by this sum.
/// </summary>
/// <remarks>
/// A sum is a polynomial, and a lane of n bytes behind it multiplies it by x^8n. The instruction itself
/// multiplies by x^32, and the product of two such numbers without carries by x more; so a product with the
/// remainder of x^(8n-33) and one more instruction make the sum as it is n bytes later. Gopal and others:
/// Fast CRC Computation for iSCSI Polynomial Using CRC32 Instruction, Intel 2011.
/// </remarks>
internal static class Crc32CLanes
{
    /// <summary>What is shorter is summed in one lane: putting together costs more than it saves.</summary>
    public const int LeastBytes = 96;

    /// <summary>Most bytes that are summed at once, so that the table of factors is small.</summary>
    public const int MostBytes = 3 * WordsMax * sizeof(ulong);

    private const int WordsMax = 256;

    // For each number of words the remainder of x^(64 words - 33), its lowest power in the highest bit.
    private static readonly uint[] Factors = MakeFactors();

    /// <summary>Carries a sum, not inverted, on over these bytes.</summary>
    public static uint Add(uint sum, ReadOnlySpan<byte> bytes)
    {
        while (BitConverter.IsLittleEndian && bytes.Length >= LeastBytes)
        {
            var words = Math.Min(bytes.Length / (3 * sizeof(ulong)), WordsMax);
            sum = AddLanes(sum, ref MemoryMarshal.GetReference(bytes), words);
            bytes = bytes[(3 * sizeof(ulong) * words)..];
        }

        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
            sum = BitOperations.Crc32C(sum, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var b in bytes)
            sum = BitOperations.Crc32C(sum, b);
        return sum;
    }

    /// <summary>The product of two polynomials without remainder, in the order of bits of the sums.</summary>
    internal static ulong Multiply(uint a, uint b)
    {
        if (Pclmulqdq.IsSupported)
            return Pclmulqdq.CarrylessMultiply(
                Vector128.CreateScalar((ulong)a), Vector128.CreateScalar((ulong)b), 0).ToScalar();
        if (Arm.Aes.IsSupported)
            return Arm.Aes.PolynomialMultiplyWideningLower(
                Vector64.CreateScalar((ulong)a), Vector64.CreateScalar((ulong)b)).ToScalar();
        return MultiplyByBits(a, b);
    }

    /// <summary>The same for any processor.</summary>
    internal static ulong MultiplyByBits(uint a, uint b)
    {
        ulong product = 0;
        for (; b != 0; b &= b - 1)
            product ^= (ulong)a << BitOperations.TrailingZeroCount(b);
        return product;
    }

    private static uint AddLanes(uint sum, ref byte first, int words)
    {
        uint second = 0;
        uint third = 0;
        var lane = (nuint)words * sizeof(ulong);
        for (nuint at = 0; at < lane; at += sizeof(ulong))
        {
            sum = BitOperations.Crc32C(sum, Word(ref first, at));
            second = BitOperations.Crc32C(second, Word(ref first, at + lane));
            third = BitOperations.Crc32C(third, Word(ref first, at + lane + lane));
        }

        var behind = Multiply(sum, Factors[2 * words]) ^ Multiply(second, Factors[words]);
        return BitOperations.Crc32C(0, behind) ^ third;
    }

    private static ulong Word(ref byte first, nuint at) =>
        Unsafe.ReadUnaligned<ulong>(ref Unsafe.AddByteOffset(ref first, at));

    private static uint[] MakeFactors()
    {
        var factors = new uint[(2 * WordsMax) + 1];
        factors[1] = 1; // x^31
        for (var i = 2; i < factors.Length; i++)
            factors[i] = BitOperations.Crc32C(factors[i - 1], 0ul);
        return factors;
    }
}
