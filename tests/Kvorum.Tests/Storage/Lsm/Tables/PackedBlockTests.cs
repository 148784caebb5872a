using Kvorum.Storage.Lsm.Tables;

namespace Kvorum.Tests.Storage.Lsm.Tables;

public class PackedBlockTests
{
    private const int LengthBytes = 4;
    private static readonly string[] Cities = ["Berlin", "Hamburg", "Bremen"];

    [Theory]
    // A literal only; one of 15 and more of them; a match that overlaps itself; a length of two bytes.
    [InlineData("10" + "61", "a")]
    [InlineData("f000" + "6161616161616161616161" + "61616161", "aaaaaaaaaaaaaaa")]
    [InlineData("3f6162630300" + "03" + "50" + "6263616263", "abcabcabcabcabcabcabcabcabcabc")]
    public void A_block_of_the_format_is_unpacked(string packed, string plain)
    {
        var bytes = Convert.FromHexString(packed);
        Assert.Equal(plain, TestBytes.Text(Unpack(bytes, plain.Length)!));
        Assert.Null(Unpack(bytes, plain.Length + 1));
        Assert.Null(Unpack(bytes, plain.Length - 1));
    }

    [Fact]
    public void A_block_of_the_lz4_program_is_unpacked()
    {
        var plain = string.Concat(Enumerable.Range(0, 8).Select(i =>
            $"{{\"id\":{i},\"name\":\"user-{i * 7}\",\"city\":\"{Cities[i % 3]}\"}}"));
        var packed = Convert.FromHexString(
            "f2197b226964223a302c226e616d65223a22757365722d30222c2263697479223a224265726c696e22" +
            "7d28001a312800163728007448616d6275726729001a3229002631342a00554272656d6552001a3329" +
            "002732312900097b001b342900163829000b7c001a352a002633352a000a7c001a3629002734322900" +
            "097c001b372900163929009048616d62757267227d");
        Assert.Equal(plain, TestBytes.Text(Unpack(packed, plain.Length)!));
    }

    [Theory]
    [InlineData("")]
    [InlineData("00")]
    [InlineData("20" + "61")]
    [InlineData("f0")]
    [InlineData("f0ffffffff")]
    [InlineData("1061" + "01")]
    [InlineData("1061" + "0200" + "1062")]
    [InlineData("1f61" + "0100" + "ffffffffffffffff")]
    public void A_malformed_block_is_refused(string packed) =>
        Assert.Null(Unpack(Convert.FromHexString(packed), 20));

    [Fact]
    public void A_packed_body_comes_back()
    {
        byte[] into = [];
        var packed = 0;
        for (var seed = 0; seed < 3000; seed++)
        {
            var plain = Drawn(new Random(seed));
            var bytes = PackedBlock.Pack(plain, ref into);
            if (bytes == 0)
                continue;
            packed++;
            if (plain.Length <= TableFormat.BlockBytesMax)
                Assert.Equal(plain.Length, PackedBlock.PlainLength(into.AsSpan(0, bytes)));
            Assert.True(plain.AsSpan().SequenceEqual(Unpack(into[LengthBytes..bytes], plain.Length)));
        }

        Assert.InRange(packed, 1000, 3000);
    }

    // Whatever the bytes are: nothing outside is written.
    [Fact]
    public void Random_bytes_do_no_harm()
    {
        byte[] room = [];
        for (var seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            var packed = new byte[random.Next(60)];
            random.NextBytes(packed);
            if (seed % 2 == 1 && PackedBlock.Pack(Drawn(random, 300), ref room) is var bytes and > 0)
                packed = room[LengthBytes..bytes];
            for (var n = random.Next(4); n > 0 && packed.Length > 0; n--)
                packed[random.Next(packed.Length)] = (byte)random.Next(256);
            Unpack(packed, random.Next(400));
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
        BitConverter.TryWriteBytes(into, (bytes * 255) + 1);
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
            // Between them the codec decides: lengths and the ends of a block cost some bytes.
            if (random is < 825 or > 875)
                Assert.Equal(random < 825, bytes > 0);
        }
    }

    // Into the middle of a larger room, whose rest must stay as it is.
    private static byte[]? Unpack(byte[] packed, int length)
    {
        const int Around = 32;
        var room = new byte[Around + length + TableFormat.TrailerBytes + Around];
        room.AsSpan().Fill(0x5A);
        var block = room.AsSpan(Around, length + TableFormat.TrailerBytes);
        var isWhole = PackedBlock.TryUnpack([0, 0, 0, 0, .. packed], block);
        Assert.Equal(-1, room.AsSpan(0, Around).IndexOfAnyExcept((byte)0x5A));
        Assert.Equal(-1, room.AsSpan(Around + block.Length).IndexOfAnyExcept((byte)0x5A));
        return isWhole ? block[..length].ToArray() : null;
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
