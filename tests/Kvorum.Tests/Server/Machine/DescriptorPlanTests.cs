using Kvorum.Server.Machine;

namespace Kvorum.Tests.Server.Machine;

public class DescriptorPlanTests
{
    [Theory]
    [InlineData(1024, 0, true, 768)]
    [InlineData(1024, 800, false, 896)]
    [InlineData(512, 0, true, 384)]
    [InlineData(256, 0, false, 128)]
    [InlineData(20_000, 0, true, 15_904)]
    [InlineData(1_048_576, 10_000, true, 1_044_480)]
    public void The_node_comes_first_and_connections_get_the_rest(
        long limit, int tables, bool suffices, long connectionsBelow)
    {
        var plan = DescriptorPlan.Of(limit, open: 100, tables, partitions: 65, members: 3);
        Assert.Equal((suffices, connectionsBelow), (plan.Suffices, plan.ConnectionsBelow));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5000)]
    public void The_least_that_works_leaves_room_for_some_connections(int tables)
    {
        var least = DescriptorPlan.Of(0, open: 100, tables, partitions: 65, members: 3).Least;
        var plan = DescriptorPlan.Of(least, open: 100, tables, partitions: 65, members: 3);
        Assert.True(plan.Suffices);
        Assert.Equal(least - 128, plan.ConnectionsBelow);
        Assert.False(DescriptorPlan.Of(least - 1, open: 100, tables, partitions: 65, members: 3).Suffices);
    }
}
