using Kvorum.Node.Access;
using Kvorum.Protocol;
using Kvorum.Simulator.Rights;
using Kvorum.Simulator.World;

namespace Kvorum.Tests.Simulator.Rights;

/// <summary>What the checker of rights demands of nodes.</summary>
public class AccessHistoryTests
{
    private const long BoundUs = 5_000_000;
    private const string User = "user-1";

    private static readonly AccessNeed Read = AccessNeed.OfKey(
        AccessActions.Read, KeyspaceName.Default, "a"u8.ToArray());

    private static readonly Kvorum.Node.Access.Rights Reader = new([Grant.Everywhere(AccessActions.Read)]);

    private readonly SimulatedWorld _world = new(1, default, null);
    private readonly AccessHistory _history;

    public AccessHistoryTests()
    {
        _history = new(_world, BoundUs);
        _history.Add(User);
    }

    [Fact]
    public void What_was_never_granted_is_not_served()
    {
        Set(Kvorum.Node.Access.Rights.None);
        Pass(BoundUs + 1);
        Set(Reader);
        Decide(isServed: true);
        Assert.Null(_world.Failure);
        _history.Decided(User, Read with { Actions = AccessActions.Write }, null, "node-1");
        Assert.Contains("node-1 serves user-1 Write", _world.Failure);
    }

    [Theory]
    [InlineData(BoundUs - 1, false)]
    [InlineData(BoundUs + 1, true)]
    public void A_revoked_right_ends_within_the_bound(long afterUs, bool isBroken)
    {
        Set(Reader);
        Pass(BoundUs + 1);
        Set(Kvorum.Node.Access.Rights.None);
        Pass(afterUs);
        Decide(isServed: true);
        Assert.Equal(isBroken, _world.Failure is not null);
    }

    [Fact]
    public void A_change_that_is_not_acknowledged_may_be_in_force_or_not()
    {
        Set(Reader);
        Pass(BoundUs + 1);
        _history.Begin(User, Kvorum.Node.Access.Rights.None, isDisabled: false, "nothing");
        Pass(10 * BoundUs);
        Decide(isServed: true);
        Decide(isServed: false);
        Assert.Null(_world.Failure);
    }

    [Fact]
    public void What_is_permitted_is_not_refused()
    {
        Set(Reader);
        Pass(BoundUs + 1);
        _history.Decided(User, Read, Refusal(ReplyStatus.Unavailable), "node-1");
        Assert.Null(_world.Failure);
        Decide(isServed: false);
        Assert.Contains("refuses", _world.Failure);
    }

    /// <summary>An attempt that was not answered may come to pass after a later change.</summary>
    [Fact]
    public void An_open_attempt_counts_until_it_is_over()
    {
        Set(Reader).IsOpen = true;
        Set(Kvorum.Node.Access.Rights.None);
        Pass(10 * BoundUs);
        Decide(isServed: true);
        Assert.Null(_world.Failure);
        _history.CloseAll();
        Pass(BoundUs + 1);
        Decide(isServed: true);
        Assert.NotNull(_world.Failure);
    }

    /// <summary>
    /// The role may change late, after the user has been enabled again: <c>./sim --seed 920001038 --swarm</c>
    /// showed it.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_open_attempt_on_the_role_of_a_disabled_user_counts_for_one_who_is_not(bool isOpen)
    {
        Set(Reader, isDisabled: true).IsOpen = isOpen;
        Set(Kvorum.Node.Access.Rights.None, isDisabled: true);
        Pass(10 * BoundUs);
        Set(Kvorum.Node.Access.Rights.None);
        Pass(BoundUs + 1);
        Decide(isServed: true);
        Assert.Equal(!isOpen, _world.Failure is not null);
    }

    private AccessHistory.State Set(Kvorum.Node.Access.Rights rights, bool isDisabled = false)
    {
        var state = _history.Begin(User, rights, isDisabled, "something");
        state.SureUs = _world.NowUs;
        return state;
    }

    private void Pass(long us) => _world.RunUntil(_world.NowUs + us, static () => false);

    private void Decide(bool isServed) => _history.Decided(
        User, Read, isServed ? null : Refusal(ReplyStatus.PermissionDenied), "node-1");

    private static Reply Refusal(ReplyStatus status) => new() { Status = status };
}
