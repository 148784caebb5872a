using Kvorum.Node;
using Kvorum.Server.Peers;

namespace Kvorum.Tests.Server.Peers;

public sealed class PeerCheckTests
{
    private static readonly PeerHello Member = new(new(1), "node-1", "127.0.0.1:1", "", "")
    {
        FoundingId = 70,
        ClusterId = 7,
    };

    private static readonly PeerHello Young = new(new(2), "node-2", "127.0.0.1:2", "", "")
    {
        FoundingId = 71,
    };

    /// <summary>The others know that it is a member a moment before it does: no reason to call.</summary>
    [Fact]
    public void A_node_that_joins_puts_off_the_members_of_its_cluster_until_it_has_joined()
    {
        var refusal = PeerCheck.OfHello(Young, new(Member, Young.Id, 1), isMember: false);
        Assert.True(refusal!.MayPass);
        Assert.Contains("does not know yet", refusal.Why, StringComparison.Ordinal);
        var joined = Young with { ClusterId = 7 };
        Assert.Null(PeerCheck.OfHello(joined, new(Member, Young.Id, 1), isMember: true));
    }

    [Fact]
    public void A_founder_with_other_settings_is_refused_for_good()
    {
        var refusal = PeerCheck.OfHello(Young, new(Member, Young.Id, 1), isMember: true);
        Assert.False(refusal!.MayPass);
        Assert.Contains("other members or settings", refusal.Why, StringComparison.Ordinal);
    }

    /// <summary>Lowest, newest, and the cluster's; of this node, then of the other.</summary>
    [Theory]
    [InlineData(1, 2, 1, 1, 1, 1, null)]
    [InlineData(1, 2, 1, 1, 2, 2, null)]
    [InlineData(1, 2, 2, 2, 3, 2, null)]
    [InlineData(1, 2, 2, 1, 1, 1,
        "the cluster of node-1 (127.0.0.1:1, id 00000000-0000-0000-0000-000000000001) "
        + "has format version 2, and node-2 (127.0.0.1:2, id 00000000-0000-0000-0000-000000000002) speaks 1 "
        + "only: start that node with the kvorum that the others run")]
    [InlineData(1, 2, 2, 2, 3, 3,
        "the cluster of node-2 (127.0.0.1:2, id 00000000-0000-0000-0000-000000000002) "
        + "has format version 3, and node-1 (127.0.0.1:1, id 00000000-0000-0000-0000-000000000001) speaks 1 "
        + "to 2: start that node with the kvorum that the others run")]
    [InlineData(1, 2, 1, 3, 4, 1, "more than one version apart")]
    public void Nodes_whose_versions_are_too_far_apart_are_refused_with_words(
        int lowest, int newest, int active, int itsLowest, int itsNewest, int itsActive, string? why)
    {
        var self = Member with { Formats = new(lowest, newest), ActiveFormat = active };
        var other = Young with
        {
            FoundingId = 70,
            ClusterId = 7,
            Formats = new(itsLowest, itsNewest),
            ActiveFormat = itsActive,
        };
        var refusal = PeerCheck.OfHello(self, new(other, self.Id, 1), isMember: true);
        var answer = PeerCheck.OfAnswer(self, new(other.Id, other.Name, other.PeerAddress), other);
        Assert.Equal(refusal?.Why, answer);
        Assert.Equal(why is null, self.SpeaksWith(other) && other.SpeaksWith(self));
        if (why is null)
            Assert.Null(refusal);
        else
            Assert.Contains(why, refusal!.Why, StringComparison.Ordinal);
    }
}
