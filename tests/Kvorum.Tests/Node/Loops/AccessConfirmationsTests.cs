using Kvorum.Node.Administration;
using Kvorum.Node.Loops;

namespace Kvorum.Tests.Node.Loops;

public class AccessConfirmationsTests
{
    private static readonly string[] Voters = ["node-1", "node-2", "node-3"];

    private readonly AccessConfirmations _confirmations = new();

    [Fact]
    public void A_majority_of_those_that_vote_must_have_the_same_order()
    {
        var order = new ConfirmAccess(Guid.NewGuid(), Guid.NewGuid());
        Assert.Contains("1 of the 3 nodes", Ask(order, "node-1"), StringComparison.Ordinal);
        Assert.Contains("1 of the 3 nodes", Ask(order, "node-1"), StringComparison.Ordinal);
        Assert.Contains("1 of the 3 nodes", Ask(order, "node-9"), StringComparison.Ordinal);
        Assert.Contains(
            "1 of the 3 nodes", Ask(order with { Order = Guid.NewGuid() }, "node-2"),
            StringComparison.Ordinal);
        Assert.Null(Ask(order, "node-3"));
        Assert.Null(_confirmations.WhyNotYet(order, "node-1", ["node-1"]));
    }

    private string? Ask(ConfirmAccess order, string node) => _confirmations.WhyNotYet(order, node, Voters);
}
