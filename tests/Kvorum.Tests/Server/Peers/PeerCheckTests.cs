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
}
