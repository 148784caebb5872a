using Kvorum.Cli.Administration;
using Kvorum.Node.Administration;

namespace Kvorum.Tests.Cli.Administration;

public class MemberWaitTests
{
    private static readonly MemberReport Two = new()
    {
        Name = "node-2",
        Id = Guid.Parse("00000000-0000-0000-0000-000000000002"),
        PeerAddress = "",
        ClientAddress = "",
        HttpAddress = "",
        Zone = "",
        Weight = 100,
        Status = "leaving",
        State = "up",
        Replicas = 3,
        Leaders = 0,
    };

    private static readonly ClusterReport Report = new()
    {
        ClusterId = Guid.Empty,
        Leader = "node-1",
        ToldBy = "node-1",
        Epoch = 1,
        Version = 1,
        Members = [Two],
        Keyspaces = [],
    };

    [Fact]
    public void It_waits_while_the_member_is_there() => Assert.Equal(
        (false, "node-2: 3 replicas to be moved, 0 moves under way"),
        MemberWait.Judge(Report, new("node-2", MemberWish.Decommission), Two));

    [Fact]
    public void What_is_in_the_way_is_told()
    {
        var obstacle = new ObstacleReport
        {
            Keyspace = "a",
            Partition = 1,
            Wanted = "drain",
            Text = "no room",
        };
        Assert.Equal(
            (false, "node-2: 3 replicas to be moved, 0 moves under way; in the way: no room (and 1 more)"),
            MemberWait.Judge(
                Report with { Obstacles = [obstacle, obstacle] }, new("node-2", MemberWish.Drain), Two));
    }

    [Fact]
    public void A_drain_ends_when_nothing_is_there_any_more()
    {
        var empty = Report with { Members = [Two with { Replicas = 0 }] };
        Assert.Equal(
            (true, "node-2 is empty"), MemberWait.Judge(empty, new("node-2", MemberWish.Drain), Two));
        Assert.False(MemberWait.Judge(empty, new("node-2", MemberWish.Decommission), Two).IsDone);
        var move = new MoveReport
        {
            Keyspace = "a",
            Partition = 1,
            Adds = ["node-3"],
            Removes = ["node-2"],
            ForMs = 1,
            SinceProgressMs = 1,
            Bytes = 1,
        };
        Assert.False(MemberWait.Judge(
            empty with { Moves = [move] }, new("node-2", MemberWish.Drain), Two).IsDone);
    }

    [Fact]
    public void A_removed_member_is_known_by_its_id_though_another_has_its_name()
    {
        var other = Report with { Members = [Two with { Id = Guid.Empty }] };
        Assert.Equal(
            (true, "node-2 is no member any more"),
            MemberWait.Judge(other, new("node-2", MemberWish.Decommission), Two));
    }

    [Fact]
    public void A_cluster_without_a_leader_decides_nothing() => Assert.False(MemberWait.Judge(
        Report with { Leader = "", Members = [] }, new("node-2", MemberWish.Decommission), Two).IsDone);
}
