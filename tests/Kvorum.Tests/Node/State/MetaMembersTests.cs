using Kvorum.Node;
using Kvorum.Node.State;
using Kvorum.Tests.Node.State.Harness;

namespace Kvorum.Tests.Node.State;

/// <summary>What the metadata group keeps of members, and what it refuses.</summary>
public sealed class MetaMembersTests : IDisposable
{
    private readonly MetaBench _bench = new();

    private MetaMachine Machine => _bench.Machine;

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void A_node_joins_once_and_is_read_back()
    {
        Assert.Null(Machine.WhyNotJoin(MetaBench.Node(1), MetaBench.Member("a"), FormatRange.Own));
        var zoned = MetaBench.Member("a") with { Zone = "z", Weight = 200 };
        Assert.True(_bench.Apply(MetaRecords.EncodeJoin(MetaBench.Node(1), zoned, 5)));
        Assert.True(Machine.IsCheckpointDue);
        Assert.Equal(zoned, Machine.Members[MetaBench.Node(1)]);
        Assert.Equal(MetaBench.Node(1), Machine.MemberNamed("a"));
        // The same node may ask again, as after an answer that was lost.
        Assert.Null(Machine.WhyNotJoin(MetaBench.Node(1), zoned, FormatRange.Own));
        Assert.False(_bench.Apply(MetaRecords.EncodeJoin(MetaBench.Node(1), zoned with { Weight = 1 }, 6)));
        _bench.CheckReloaded();
    }

    /// <summary>Whatever a node says of itself, it begins as an active member.</summary>
    [Fact]
    public void The_status_is_the_clusters_and_not_the_nodes()
    {
        var member = MetaBench.Member("a") with { Status = MemberStatus.Draining };
        _bench.Join(1, "b");
        Assert.True(_bench.Announce(2, member));
        Assert.Equal(MemberStatus.Active, Machine.Members[MetaBench.Node(2)].Status);
        Assert.True(_bench.Become(2, MemberStatus.Draining));
        Assert.True(_bench.Announce(2, MetaBench.Member("a") with { PeerAddress = "elsewhere" }));
        Assert.Equal(
            ("elsewhere", MemberStatus.Draining),
            (Machine.Members[MetaBench.Node(2)].PeerAddress, Machine.Members[MetaBench.Node(2)].Status));
        Assert.False(_bench.Announce(2, MetaBench.Member("a") with { PeerAddress = "elsewhere" }));
    }

    [Fact]
    public void A_name_belongs_to_one_member_that_is_heard()
    {
        _bench.Join(1, "a");
        _bench.Join(2, "b");
        Assert.False(_bench.Join(3, "a"));
        Assert.Equal(
            "this cluster has a member a already: give the new node another --id; if the data of that member "
                + "is lost, tell the cluster first: kvorum node replace a",
            Machine.WhyNotJoin(MetaBench.Node(3), MetaBench.Member("a"), FormatRange.Own));
        Assert.True(_bench.Become(1, MemberStatus.Lost));
        Assert.Null(Machine.MemberNamed("a"));
        Assert.True(_bench.Join(3, "a"));
        Assert.Equal(MetaBench.Node(3), Machine.MemberNamed("a"));
        _bench.CheckReloaded();
    }

    [Theory]
    [InlineData(MemberStatus.Lost)]
    [InlineData(MemberStatus.Removed)]
    public void A_folder_that_is_gone_never_comes_back(MemberStatus status)
    {
        _bench.Join(1, "a");
        _bench.Join(2, "b");
        Assert.True(_bench.Become(1, status));
        Assert.False(_bench.Join(1, "a"));
        Assert.False(_bench.Join(1, "c"));
        Assert.Equal(
            "node c was removed from this cluster, and a data folder that was removed never comes back: "
                + "start it with an empty --data folder",
            Machine.WhyNotJoin(MetaBench.Node(1), MetaBench.Member("c"), FormatRange.Own));
        // News of it changes nothing either.
        Assert.False(_bench.Announce(1, MetaBench.Member("a") with { PeerAddress = "elsewhere" }));
        _bench.Ids.Add(MetaBench.Node(1));
        _bench.Known.Add(MetaBench.Node(1), MetaBench.Member("elsewhere"));
        Assert.DoesNotContain(Machine.Lacking(5), static command => command[0] == MetaRecords.MemberCommand);
        _bench.CheckReloaded();
    }

    /// <summary>From each status to each: only these are refused.</summary>
    [Fact]
    public void What_a_status_can_become()
    {
        string[] refused =
        [
            "Lost -> Active: a was declared lost, and stays so",
            "Lost -> Draining: a was declared lost, and stays so",
            "Lost -> Leaving: a was declared lost, and stays so",
            "Lost -> Lost: a was declared lost, and stays so",
            "Removed -> Active: a was removed before",
            "Removed -> Draining: a was removed before",
            "Removed -> Leaving: a was removed before",
            "Removed -> Lost: a was removed before",
            "Removed -> Removed: a was removed before",
        ];
        var found = new List<string>();
        foreach (var from in Enum.GetValues<MemberStatus>())
        {
            foreach (var to in Enum.GetValues<MemberStatus>())
            {
                using var bench = new MetaBench();
                bench.Join(1, "a");
                bench.Join(2, "b");
                Assert.Equal(from != MemberStatus.Active, bench.Become(1, from));
                if (bench.Machine.WhyNotStatus(MetaBench.Node(1), to) is { } why)
                    found.Add($"{from} -> {to}: {why}");
                var isPossible = found.Count == 0
                    || !found[^1].StartsWith($"{from} -> {to}:", StringComparison.Ordinal);
                Assert.Equal(isPossible && from != to, bench.Become(1, to));
                Assert.Equal(isPossible ? to : from, bench.Machine.Members[MetaBench.Node(1)].Status);
                bench.CheckReloaded();
            }
        }

        Assert.Equal(refused, found);
    }

    [Fact]
    public void One_member_stays_active()
    {
        _bench.Join(1, "a");
        _bench.Join(2, "b");
        foreach (var status in new[] { MemberStatus.Draining, MemberStatus.Leaving, MemberStatus.Lost })
        {
            _bench.Become(2, status);
            Assert.Equal("a is the only active member", Machine.WhyNotStatus(MetaBench.Node(1), status));
            Assert.False(_bench.Become(1, status));
        }

        Assert.Equal("it is no member", Machine.WhyNotStatus(MetaBench.Node(9), MemberStatus.Draining));
    }

    [Fact]
    public void A_member_that_is_to_hold_replicas_is_not_removed()
    {
        _bench.Join(1, "a");
        _bench.Join(2, "b");
        _bench.Join(3, "c");
        Assert.True(_bench.Create("k", 1, new([MetaBench.Node(1)], [MetaBench.Node(2)])));
        foreach (var holder in new[] { 1, 2 })
        {
            Assert.Contains(
                "still is to hold replicas",
                Machine.WhyNotStatus(MetaBench.Node(holder), MemberStatus.Removed),
                StringComparison.Ordinal);
            Assert.False(_bench.Become(holder, MemberStatus.Removed));
        }

        Assert.True(_bench.Place(1, 1, MetaBench.Target(3)));
        Assert.True(_bench.Become(2, MemberStatus.Removed));
        // Who votes in the metadata group holds it; who only follows it does not.
        Assert.True(_bench.Place(0, 0, new([MetaBench.Node(1)], [MetaBench.Node(3)])));
        Assert.False(_bench.Become(1, MemberStatus.Removed));
        Assert.True(_bench.Place(0, 3, new([MetaBench.Node(3)], [MetaBench.Node(1)])));
        Assert.True(_bench.Become(1, MemberStatus.Removed));
    }

    [Fact]
    public void No_more_join_than_a_cluster_takes()
    {
        for (var id = 1; id <= Kvorum.Node.Limits.MembersMax; id++)
            Assert.True(_bench.Join(id, $"n{id}"));
        Assert.False(_bench.Join(1000, "x"));
        Assert.Equal(
            "this cluster has 64 members, and takes no more",
            Machine.WhyNotJoin(MetaBench.Node(1000), MetaBench.Member("x"), FormatRange.Own));
        // Who is gone takes no place.
        Assert.True(_bench.Become(2, MemberStatus.Lost));
        Assert.True(_bench.Join(1000, "x"));
        Assert.False(_bench.Join(1001, "y"));
    }
}
