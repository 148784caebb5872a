using Kvorum.Node;
using Kvorum.Node.Membership;
using Kvorum.Node.State;
using Kvorum.Raft;

namespace Kvorum.Tests.Node.Membership;

public class MemberDirectoryTests
{
    private static readonly NodeId One = new(1), Two = new(2), Three = new(3);

    private readonly MemberDirectory _members = new(
        new(One, "one", "p1", "c1", "h1"),
        [new(Three, "", "p3"), new(One, "one", "p1"), new(Two, "two", "p2")]);

    [Fact]
    public void Members_are_in_the_order_of_their_ids_and_called_as_the_operator_does()
    {
        Assert.Equal([One, Two, Three], _members.Ids);
        Assert.Equal(["one", "two", "p3"], _members.Ids.Select(_members.NameOf));
        Assert.Equal($"{new NodeId(9)}", _members.NameOf(new(9)));
        Assert.Equal(["c1", "", ""], _members.Ids.Select(_members.ClientAddressOf));
        // A founder is told of before it is met.
        Assert.Equal(new("two", "p2", "", ""), _members.Announcement(Two));
        Assert.Equal("h1", _members.Announcement(One)!.HttpAddress);
    }

    [Fact]
    public void What_a_member_says_itself_counts_more_than_what_the_group_remembers()
    {
        Assert.True(_members.Agreed(new Dictionary<NodeId, MemberRecord>
        {
            [Two] = new("2", "agreed", "c2", ""),
        }));
        Assert.Null(_members.Announcement(Two));
        Assert.Equal(("2", "agreed", "c2"), Known(Two));
        _members.Heard(new(Two, "two!", "said", "c2!", ""));
        Assert.Equal(("two!", "said", "c2!"), Known(Two));
        _members.Introduced(Two, "rack", 300);
        Assert.Equal(("rack", 300), (_members.Announcement(Two)!.Zone, _members.Announcement(Two)!.Weight));
        Assert.Equal("p3", _members.PeerAddressOf(Three));
    }

    [Fact]
    public void Changes_of_members_and_of_their_addresses_are_told()
    {
        var records = new Dictionary<NodeId, MemberRecord>
        {
            [Two] = new("two", "a", "", ""),
            [Three] = new("three", "b", "", ""),
        };
        Assert.True(_members.Agreed(records));
        Assert.False(_members.Agreed(records));
        records[Three] = new("three", "c", "", "");
        Assert.True(_members.Agreed(records));
        Assert.Equal(["a", "c"], _members.Peers.Select(static peer => peer.PeerAddress));
        records[Three] = records[Three] with { Weight = 7, Status = MemberStatus.Draining };
        Assert.False(_members.Agreed(records));
    }

    [Fact]
    public void Members_come_and_go_as_the_group_says()
    {
        var (four, records) = (new NodeId(4), new Dictionary<NodeId, MemberRecord>());
        records[four] = new("four", "p4", "c4", "h4");
        Assert.True(_members.Agreed(records));
        Assert.Equal([One, Two, Three, four], _members.Ids);
        records[Two] = new("two", "p2", "c2", "h2") { Status = MemberStatus.Lost };
        records[four] = records[four] with { Status = MemberStatus.Removed };
        Assert.True(_members.Agreed(records));
        Assert.Equal([One, Three], _members.Ids);
        Assert.Equal([Three], _members.Peers.Select(static peer => peer.Id));
        Assert.Equal("four", _members.NameOf(four));
    }

    [Fact]
    public void What_the_folder_remembers_counts_until_the_group_has_told_as_much()
    {
        var four = new NodeId(4);
        MemberSeed[] remembered =
            [new(One, "one", "p1"), new(Three, "three", "moved"), new(four, "four", "p4")];
        _members.Learn(new(7, [.. remembered.Select(Founder.Of)]));
        Assert.Equal(remembered[1..], _members.Peers);
        Assert.Equal(("four", "p4", ""), Known(four));
        var records = new Dictionary<NodeId, MemberRecord>
        {
            [One] = new("one", "p1", "", ""),
            [Two] = new("two", "p2", "", ""),
            [Three] = new("three", "p3", "", ""),
        };
        // By a replica that was away for long.
        Assert.False(_members.Agreed(records, 6));
        Assert.Equal(remembered[1..], _members.Peers);
        records[four] = new("four", "p4", "", "") { Status = MemberStatus.Removed };
        Assert.True(_members.Agreed(records, 7));
        Assert.Equal([One, Two, Three], _members.Ids);
        Assert.Equal([records[One], records[Two], records[Three]], _members.AgreedSeeds.Select(static one =>
            new MemberRecord(one.Name, one.PeerAddress, "", "")));
    }

    [Fact]
    public void A_member_is_found_by_where_clients_reach_it()
    {
        Assert.Equal(One, _members.At("c1"));
        Assert.Null(_members.At("c2"));
        Assert.Null(_members.At(""));
        _members.Heard(new(Two, "two", "p2", "c2", ""));
        Assert.Equal(Two, _members.At("c2"));
    }

    private (string Name, string Peer, string Client) Known(NodeId node) =>
        (_members.NameOf(node), _members.PeerAddressOf(node), _members.ClientAddressOf(node));
}
