using Kvorum.Node.Access;

namespace Kvorum.Tests.Node.Access;

public class AccessTableTests
{
    private static readonly AccessNeed Write = AccessNeed.OfKey(AccessActions.Write, "orders", new byte[1]);

    [Fact]
    public void A_user_has_what_the_roles_grant()
    {
        var table = AccessTable.Empty
            .With(new RoleRecord("clerk", [new("orders", default, AccessActions.Write)]))
            .With(new UserRecord("ann", ["reader", "clerk"], IsDisabled: false));
        Assert.True(table.RightsOf("ann").Allow(Write));
        Assert.True(table.RightsOf("ann").Allow(AccessNeed.OfCluster(AccessActions.Read)));
        Assert.False(table.RightsOf("bob").Allow(Write));
    }

    /// <summary>A table that was asked before does not lend its answers to those that follow it.</summary>
    [Fact]
    public void A_later_table_forgets_what_an_earlier_one_has_answered()
    {
        var ann = new UserRecord("ann", ["writer"], IsDisabled: false);
        var before = AccessTable.Empty.With(ann);
        Assert.True(before.RightsOf("ann").Allow(Write));
        Assert.False(before.With(ann with { IsDisabled = true }).RightsOf("ann").Allow(Write));
        Assert.False(before.With(ann with { Roles = [] }).RightsOf("ann").Allow(Write));
        Assert.False(before.WithoutUser("ann").RightsOf("ann").Allow(Write));
        Assert.True(before.RightsOf("ann").Allow(Write));
    }

    [Fact]
    public void With_a_user_go_the_keys_of_that_user()
    {
        var table = AccessTable.Empty
            .With(new UserRecord("ann", [], IsDisabled: false))
            .With(new ApiKeyRecord("1", "ann", new byte[32], 1, 0))
            .With(new ApiKeyRecord("2", "bob", new byte[32], 1, 0));
        Assert.Equal(["2"], table.WithoutUser("ann").Keys.Keys);
    }

    [Fact]
    public void An_administrator_is_who_may_change_users_everywhere()
    {
        var table = AccessTable.Empty.With(new UserRecord("ann", ["writer", "observer"], IsDisabled: false));
        Assert.False(table.HasAdministrator);
        Assert.True(table.With(new UserRecord("bob", [AccessTable.AdminRole], IsDisabled: false))
            .HasAdministrator);
        Assert.False(table.With(new UserRecord("bob", [AccessTable.AdminRole], IsDisabled: true))
            .HasAdministrator);
        Assert.False(table.With(new UserRecord("bob", ["no-such-role"], IsDisabled: false)).HasAdministrator);
    }
}
