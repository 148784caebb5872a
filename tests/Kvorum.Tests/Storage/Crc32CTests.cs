using System.Reflection;
using Kvorum.Protocol;
using Kvorum.Storage;

namespace Kvorum.Tests.Storage;

public class Crc32CTests
{
    // Around the bounds of lanes (96 and 6144 bytes) and of their words.
    private static readonly int[] Lengths =
        [.. Enumerable.Range(0, 700), .. Enumerable.Range(6100, 200), .. Enumerable.Range(12_250, 160)];

    [Fact]
    public void Is_what_its_definition_says_for_all_lengths()
    {
        var bytes = TestBytes(1, Lengths.Max());
        var expected = ByDefinition(bytes);
        foreach (var length in Lengths)
        {
            Assert.Equal(expected[length], Crc32C.Of(bytes.AsSpan(0, length)));
            Assert.Equal(expected[length], FrameCodec.Crc32C(bytes.AsSpan(0, length)));
        }
    }

    [Theory]
    [InlineData(300)]
    [InlineData(6200)]
    public void Is_the_same_wherever_the_bytes_are_split(int length)
    {
        var bytes = TestBytes(2, length);
        var expected = ByDefinition(bytes)[length];
        for (var at = 0; at <= length; at++)
        {
            var state = Crc32C.Add(Crc32C.Add(Crc32C.Begin, bytes.AsSpan(0, at)), bytes.AsSpan(at));
            Assert.Equal(expected, Crc32C.End(state));
            state = FrameCodec.Crc32C(FrameCodec.Crc32C(~0u, bytes.AsSpan(0, at)), bytes.AsSpan(at));
            Assert.Equal(expected, ~state);
        }
    }

    /// <summary>Both rooms have the type, so that its name alone would say neither.</summary>
    [Theory]
    [InlineData(typeof(FrameCodec))]
    [InlineData(typeof(Crc32C))]
    public void A_processor_without_the_product_makes_it_of_bits(Type room)
    {
        var multiply = Door("Multiply");
        var byBits = Door("MultiplyByBits");
        var random = new Random(3);
        for (var i = 0; i < 2000; i++)
        {
            var a = (uint)random.NextInt64() >> random.Next(32);
            var b = (uint)random.NextInt64() >> random.Next(32);
            ulong expected = 0;
            for (var bit = 0; bit < 32; bit++)
                expected ^= (b >> bit & 1) == 0 ? 0 : (ulong)a << bit;
            Assert.Equal(expected, multiply(a, b));
            Assert.Equal(expected, byBits(a, b));
        }

        Func<uint, uint, ulong> Door(string name) => room.Assembly
            .GetType("Kvorum.Protocol.Crc32CLanes", throwOnError: true)!
            .GetMethod(name, BindingFlags.Static | BindingFlags.NonPublic)!
            .CreateDelegate<Func<uint, uint, ulong>>();
    }

    private static byte[] TestBytes(int seed, int length)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    // Of each number of bytes, bit by bit: RFC 3720 with the bits of a byte from the lowest on.
    private static uint[] ByDefinition(byte[] bytes)
    {
        var sums = new uint[bytes.Length + 1];
        var sum = ~0u;
        for (var i = 0; i < bytes.Length; i++)
        {
            sum ^= bytes[i];
            for (var bit = 0; bit < 8; bit++)
                sum = (sum >> 1) ^ (0x82F63B78u * (sum & 1));
            sums[i + 1] = ~sum;
        }

        return sums;
    }
}
