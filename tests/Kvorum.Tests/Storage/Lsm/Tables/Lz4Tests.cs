using Kvorum.Storage.Lsm.Tables;

namespace Kvorum.Tests.Storage.Lsm.Tables;

public class Lz4Tests
{
    // Three literals, 22 bytes from 3 back (15 + 3 + 4), and the last five.
    [Fact]
    public void Golden_bytes_of_a_block()
    {
        var plain = TestBytes.Of(string.Concat(Enumerable.Repeat("abc", 10)));
        Assert.Equal("3f616263030003506263616263", Convert.ToHexStringLower(Pack(plain)!));
    }

    [Theory]
    // A literal only; one of 15 and more of them; a match that overlaps itself; a length of two bytes.
    [InlineData("10" + "61", "a")]
    [InlineData("f000" + "6161616161616161616161" + "61616161", "aaaaaaaaaaaaaaa")]
    [InlineData("1261" + "0100" + "10" + "62", "aaaaaaab")]
    [InlineData("2f6162" + "0200" + "00" + "10" + "63", "ababababababababababac")]
    public void What_others_have_packed_is_unpacked(string packed, string plain)
    {
        var into = new byte[plain.Length];
        Assert.True(Lz4.TryUnpack(Convert.FromHexString(packed), into));
        Assert.Equal(plain, TestBytes.Text(into));
        Assert.False(Lz4.TryUnpack(Convert.FromHexString(packed), new byte[plain.Length + 1]));
        Assert.False(Lz4.TryUnpack(Convert.FromHexString(packed), new byte[plain.Length - 1]));
    }

    // Made by the lz4 program.
    [Fact]
    public void What_the_program_has_packed_is_unpacked()
    {
        string[] cities = ["Berlin", "Hamburg", "Bremen"];
        var plain = string.Concat(Enumerable.Range(0, 8).Select(i =>
            $"{{\"id\":{i},\"name\":\"user-{i * 7}\",\"city\":\"{cities[i % 3]}\"}}"));
        var into = new byte[plain.Length];
        Assert.True(Lz4.TryUnpack(
            Convert.FromHexString(
                "f2197b226964223a302c226e616d65223a22757365722d30222c2263697479223a224265726c696e22" +
                "7d28001a312800163728007448616d6275726729001a3229002631342a00554272656d6552001a3329" +
                "002732312900097b001b342900163829000b7c001a352a002633352a000a7c001a3629002734322900" +
                "097c001b372900163929009048616d62757267227d"),
            into));
        Assert.Equal(plain, TestBytes.Text(into));
    }

    [Theory]
    [InlineData("")]
    [InlineData("00")]
    [InlineData("20" + "61")]
    [InlineData("f0")]
    [InlineData("f0ffffffff")]
    [InlineData("1061" + "01")]
    [InlineData("1061" + "0000" + "1062")]
    [InlineData("1061" + "0200" + "1062")]
    [InlineData("1f61" + "0100" + "ffffffffffffffff")]
    public void What_is_no_block_is_refused(string packed) =>
        Assert.False(Lz4.TryUnpack(Convert.FromHexString(packed), new byte[20]));

    [Fact]
    public void What_was_packed_comes_back_and_leaves_its_surroundings_alone()
    {
        for (var seed = 0; seed < 3000; seed++)
        {
            var plain = Drawn(new Random(seed));
            if (Pack(plain) is not { } packed)
                continue;
            Assert.True(plain.Length <= (long)packed.Length * Lz4.RatioMax);
            var into = new byte[plain.Length + 32];
            into.AsSpan().Fill(0xA5);
            Assert.True(Lz4.TryUnpack(packed, into.AsSpan(16, plain.Length)));
            Assert.True(plain.AsSpan().SequenceEqual(into.AsSpan(16, plain.Length)));
            Assert.Equal(-1, into.AsSpan(0, 16).IndexOfAnyExcept((byte)0xA5));
            Assert.Equal(-1, into.AsSpan(16 + plain.Length).IndexOfAnyExcept((byte)0xA5));
        }
    }

    [Fact]
    public void What_does_not_fit_is_not_packed()
    {
        var plain = new byte[5000];
        new Random(1).NextBytes(plain);
        Assert.Equal(0, Lz4.Pack(plain, new byte[4999]));
        var packed = Pack(new byte[5000])!;
        for (var room = 0; room < packed.Length; room++)
        {
            var into = new byte[room + 16];
            Assert.Equal(0, Lz4.Pack(new byte[5000], into.AsSpan(0, room)));
            Assert.Equal(-1, into.AsSpan(room).IndexOfAnyExcept((byte)0));
        }
    }

    // Whatever the bytes are: nothing outside is read or written.
    [Fact]
    public void Random_bytes_make_no_harm()
    {
        for (var seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            byte[] packed = seed % 2 == 0 ? new byte[random.Next(60)] : Pack(Drawn(random, 300)) ?? [];
            if (seed % 2 == 0)
                random.NextBytes(packed);
            for (var n = random.Next(4); n > 0 && packed.Length > 0; n--)
                packed[random.Next(packed.Length)] = (byte)random.Next(256);
            var into = new byte[random.Next(400) + 32];
            into.AsSpan().Fill(0x5A);
            Lz4.TryUnpack(packed, into.AsSpan(16, into.Length - 32));
            Assert.Equal(-1, into.AsSpan(0, 16).IndexOfAnyExcept((byte)0x5A));
            Assert.Equal(-1, into.AsSpan(into.Length - 16).IndexOfAnyExcept((byte)0x5A));
        }
    }

    [Fact]
    public void A_length_that_cannot_be_is_none()
    {
        var body = new byte[4000];
        byte[] into = [];
        var bytes = PackedBlock.Pack(body, ref into);
        Assert.InRange(bytes, 1, 40);
        Assert.Equal(4000, PackedBlock.PlainLength(into.AsSpan(0, bytes)));
        BitConverter.TryWriteBytes(into, (bytes * Lz4.RatioMax) + 1);
        Assert.Equal(0, PackedBlock.PlainLength(into.AsSpan(0, bytes)));
        BitConverter.TryWriteBytes(into, -1);
        Assert.Equal(0, PackedBlock.PlainLength(into.AsSpan(0, bytes)));
        Assert.Equal(0, PackedBlock.PlainLength(into.AsSpan(0, 4)));
        Assert.Equal(0, PackedBlock.PlainLength([]));
    }

    [Fact]
    public void What_saves_less_than_an_eighth_stays()
    {
        byte[] into = [];
        for (var random = 0; random <= 1000; random += 25)
        {
            var body = new byte[1000];
            new Random(1).NextBytes(body.AsSpan(0, random));
            var bytes = PackedBlock.Pack(body, ref into);
            Assert.True(bytes <= 875);
            Assert.Equal(random < 840, bytes > 0);
        }
    }

    private static byte[]? Pack(byte[] plain)
    {
        var into = new byte[plain.Length + (plain.Length / 255) + 16];
        var bytes = Lz4.Pack(plain, into);
        return bytes == 0 ? null : into[..bytes];
    }

    // Of random bytes, runs, and pieces of what came before; some far behind.
    private static byte[] Drawn(Random random, int most = 0)
    {
        var plain = new byte[random.Next(most > 0 ? most : random.Next(20) == 0 ? 200_000 : 5000)];
        for (var at = 0; at < plain.Length;)
        {
            var count = Math.Min(plain.Length - at, 1 + random.Next(random.Next(10) == 0 ? 1000 : 20));
            var next = plain.AsSpan(at, count);
            switch (random.Next(4))
            {
                case 0:
                    random.NextBytes(next);
                    break;
                case 1:
                    next.Fill((byte)random.Next(256));
                    break;
                default:
                    var from = random.Next(at + 1);
                    for (var i = 0; i < count && at > 0; i++)
                        next[i] = plain[from + (i % Math.Max(1, at - from))];
                    break;
            }

            at += count;
        }

        return plain;
    }
}
