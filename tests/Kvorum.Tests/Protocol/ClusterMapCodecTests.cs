using System.Buffers;
using System.Text.Json;
using Kvorum.Protocol;

namespace Kvorum.Tests.Protocol;

public class ClusterMapCodecTests
{
    private static readonly ClusterMap Map = new(
        Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"), 7, 9,
        [
            new(Guid.Parse("10000000-0000-0000-0000-000000000001"), "n1", "h1:1", "h1:2", "h1:3"),
            new(Guid.Parse("10000000-0000-0000-0000-000000000002"), "ñ2", "", "", "h2:3"),
        ],
        [
            new(KeyspaceName.Default, "strong", 2, 4096, 1 << 22, "binary",
                [new(0, [0, 1], 1, 5), new(1, [1], -1, 0)]),
            new("empty", "quorum", 1, 1, 1, "strict", []),
        ]);

    [Fact]
    public void Every_field_survives() => Assert.Equal(
        JsonSerializer.Serialize(Map), JsonSerializer.Serialize(ClusterMapCodec.Decode(Encode(Map))));

    [Fact]
    public void A_map_has_golden_bytes()
    {
        var map = new ClusterMap(Guid.Empty, 1, 2, [new(Guid.Empty, "a", "b", "c", "d")],
            [new("k", "m", 3, 1, 2, "p", [new(0, [0], -1, 9)])]);
        Assert.Equal(
            new string('0', 32) + "0100000000000000" + "0200000000000000" + "0100" + new string(
                '0', 32) + "010061" + "010062" + "010063" + "010064"
            + "0100" + "01006b" + "01006d" + "03000000" + "01000000" + "02000000" + "010070"
            + "0100" + "00000000" + "ffff" + "0900000000000000" + "01" + "0000",
            Convert.ToHexStringLower(Encode(map)));
    }

    [Fact]
    public void Every_cut_and_every_byte_too_many_is_noticed()
    {
        var bytes = Encode(Map);
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<FormatException>(() => ClusterMapCodec.Decode(bytes.AsMemory(0, length)));
        Assert.Throws<FormatException>(() => ClusterMapCodec.Decode((byte[])[.. bytes, 0]));
    }

    [Fact]
    public void Mutated_bytes_never_throw_anything_else()
    {
        var random = new Random(7);
        var bytes = Encode(Map);
        var refused = 0;
        for (var round = 0; round < 20_000; round++)
        {
            var mutated = bytes.ToArray();
            for (var change = random.Next(1, 4); change > 0; change--)
                mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
            try
            {
                ClusterMapCodec.Decode(mutated);
            }
            catch (FormatException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 1000, 19_999);
    }

    [Fact]
    public void What_is_over_a_bound_is_refused()
    {
        var writer = new ArrayBufferWriter<byte>();
        var member = Map.Members[0] with { Name = new string('n', ClusterMapCodec.TextBytesMax + 1) };
        Assert.Throws<ArgumentException>(
            () => ClusterMapCodec.Encode(Map with { Members = [member] }, writer));
        Assert.Equal(0, writer.WrittenCount);
    }

    private static byte[] Encode(ClusterMap map)
    {
        var writer = new ArrayBufferWriter<byte>();
        ClusterMapCodec.Encode(map, writer);
        return writer.WrittenSpan.ToArray();
    }
}
