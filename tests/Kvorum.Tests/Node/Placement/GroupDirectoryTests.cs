using Kvorum.Node;
using Kvorum.Node.Placement;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Tests.Node.Placement;

public class GroupDirectoryTests
{
    private static readonly GroupDirectory Two = new(
    [
        new(new(2), "orders", new(5), 8),
        new(new(1), KeyspaceName.Default, new(1), 4),
    ]);

    [Fact]
    public void Groups_and_partitions_lead_to_each_other()
    {
        Assert.Equal(Enumerable.Range(0, 13).Select(static group => new GroupId((uint)group)), Two.Groups);
        Assert.Equal(new(7), Two.Keyspace("orders")!.Of(new(2)));
        Assert.Equal(new(2), Two.PartitionOf(new(7)));
        Assert.Equal("orders", Two.KeyspaceOf(new(12))!.Name);
        Assert.Null(Two.KeyspaceOf(new(13)));
        Assert.Null(Two.Keyspace("other"));
        // No client reaches the metadata group by a name.
        Assert.Null(Two.Keyspace(KeyspaceName.System));
        Assert.Throws<InvariantException>(() => Two.Keyspace("orders")!.Of(new(8)));
    }

    [Theory]
    [InlineData(0, "the metadata group")]
    [InlineData(4, "partition 3")]
    [InlineData(5, "partition 0 of keyspace 'orders'")]
    [InlineData(13, "group 13")]
    public void Messages_name_a_group(uint group, string name) => Assert.Equal(name, Two.NameOf(new(group)));

    [Fact]
    public void No_two_keyspaces_share_a_group() => Assert.Throws<InvariantException>(
        () => new GroupDirectory([new(new(1), "a", new(1), 4), new(new(2), "b", new(4), 1)]));

    [Fact]
    public void Every_loop_owns_its_share() => Assert.Equal(
        [0, 1, 2, 0], Two.Groups.Take(4).Select(static group => GroupDirectory.LoopOf(group, 3)));
}
