using System.Text;
using Kvorum.Protocol;

namespace Kvorum.Tests.Protocol;

public class KeySlotTests
{
    [Fact]
    public void Check_value_of_the_specification() =>
        Assert.Equal(0x31C3 % Limits.SlotCount, SlotOf("123456789"));

    /// <summary>
    /// Slots that redis-cli's CLUSTER KEYSLOT gives, and those of the specification's example.
    /// </summary>
    [Theory]
    [InlineData("foo", 12182)]
    [InlineData("bar", 5061)]
    [InlineData("hello", 866)]
    [InlineData("somekey", 11058)]
    [InlineData("foo{hash_tag}", 2515)]
    [InlineData("", 0)]
    public void Known_slots(string key, int slot) => Assert.Equal(slot, SlotOf(key));

    [Theory]
    [InlineData("{user1000}.following", "user1000")]
    [InlineData("a{user1000}b{x}", "user1000")]
    [InlineData("foo{{bar}}zap", "{bar")]
    [InlineData("foo{bar}{zap}", "bar")]
    [InlineData("}{a}", "a")]
    public void Only_the_tag_counts(string key, string tag) => Assert.Equal(SlotOf(tag), SlotOf(key));

    [Theory]
    [InlineData("foo{}{bar}", "bar")]
    [InlineData("foo{bar", "bar")]
    [InlineData("foo}bar", "foo")]
    [InlineData("{}", "")]
    public void Without_a_tag_all_of_it_counts(string key, string part) =>
        Assert.NotEqual(SlotOf(part), SlotOf(key));

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(64)]
    [InlineData(1000)]
    [InlineData(Limits.SlotCount)]
    public void Partitions_are_contiguous_even_and_cover_all_slots(int count)
    {
        var sizes = new int[count];
        var previous = 0u;
        for (var slot = 0; slot < Limits.SlotCount; slot++)
        {
            var partition = KeySlot.PartitionOf(slot, count);
            Assert.InRange(partition, previous, previous + 1);
            sizes[partition]++;
            previous = partition;
        }

        Assert.Equal((uint)count - 1, previous);
        Assert.InRange(sizes.Max() - sizes.Min(), 0, 1);
    }

    private static int SlotOf(string key) => KeySlot.Of(Encoding.UTF8.GetBytes(key));
}
