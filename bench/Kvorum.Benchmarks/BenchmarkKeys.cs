using System.Buffers.Binary;

namespace Kvorum.Benchmarks;

/// <summary>
/// Keys and values as db_bench makes them: 16 bytes, of which 8 are the number; 100 bytes of noise.
/// </summary>
internal static class BenchmarkKeys
{
    /// <summary>Bytes of a key.</summary>
    public const int KeyBytes = 16;

    /// <summary>Bytes of a value.</summary>
    public const int ValueBytes = 100;

    private static readonly byte[] Noise = MakeNoise();

    /// <summary>The key of a number: big-endian, then zeros (the digit) up to its length.</summary>
    public static void Write(Span<byte> key, long number)
    {
        BinaryPrimitives.WriteInt64BigEndian(key, number);
        key[sizeof(long)..].Fill((byte)'0');
    }

    /// <summary>Some value.</summary>
    public static ReadOnlySpan<byte> Value(long number) =>
        Noise.AsSpan((int)(number * 7919 % (Noise.Length - ValueBytes)), ValueBytes);

    private static byte[] MakeNoise()
    {
        var noise = new byte[1 << 20];
        new Random(301).NextBytes(noise);
        return noise;
    }
}
