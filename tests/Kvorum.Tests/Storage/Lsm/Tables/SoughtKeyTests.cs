using Kvorum.Storage.Lsm.Tables;

namespace Kvorum.Tests.Storage.Lsm.Tables;

public class SoughtKeyTests
{
    [Fact]
    public unsafe void Keys_compare_as_their_bytes_do()
    {
        var random = new Random(5);
        var equal = 0;
        for (var i = 0; i < 200_000; i++)
        {
            var sought = Key(random);
            var other = Key(random);
            // In a block at least nine bytes follow; what they are does not matter.
            byte[] lying = [.. other, .. Enumerable.Repeat((byte)random.Next(256), 9)];
            int order;
            fixed (byte* start = lying)
                order = new SoughtKey(sought, 0).Compare(start, other.Length);
            Assert.Equal(Math.Sign(other.AsSpan().SequenceCompareTo(sought)), Math.Sign(order));
            equal += order == 0 ? 1 : 0;
        }

        Assert.True(equal > 100);
    }

    // Few different bytes, so that many keys share much: also zeros, which a missing byte must not look like.
    private static byte[] Key(Random random)
    {
        var key = new byte[random.Next(12)];
        for (var i = 0; i < key.Length; i++)
            key[i] = random.Next(8) == 0 ? (byte)random.Next(256) : (byte)0;
        return key;
    }
}
