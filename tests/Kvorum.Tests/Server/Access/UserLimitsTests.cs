using Kvorum.Node.Access;
using Kvorum.Node.Budgets;
using Kvorum.Protocol;
using Kvorum.Server;
using Kvorum.Server.Access;
using Kvorum.Server.Certificates;
using Kvorum.Tests.Server.Listeners;
using Kvorum.Tests.Server.Native;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Kvorum.Tests.Server.Access;

/// <summary>What one user may have of a node, counted.</summary>
public sealed class UserLimitsTests : IDisposable
{
    private static readonly LimitedUser Shop = new(IsSigned: false, "shop");
    private static readonly (string Id, string Key, byte[] Hash) ShopKey = ApiKey.Draw();

    private readonly FakeTimeProvider _time = new();
    private readonly KeptLines _lines = new();
    private readonly DoubleNode _node = new();
    private readonly TrafficRoom _traffic = new(TrafficRoom.BytesMin);
    private readonly UserLimits _limits;
    private readonly NodeDoor _door;

    public UserLimitsTests()
    {
        _limits = new(
            new() { ConnectionsMax = 2, RequestsMax = 3, BytesMax = 2 << 20 }, new(_lines, _time), _lines);
        _door = new(_node, 60_000, _time, new(NullLogger.Instance, _time), NullLogger.Instance)
        {
            Users = _limits,
        };
        _node.Access = AccessTable.Empty
            .With(new UserRecord("shop", ["reader"], IsDisabled: false))
            .With(new UserRecord("other", ["reader"], IsDisabled: false))
            .With(new ApiKeyRecord(ShopKey.Id, "shop", ShopKey.Hash, 1, 0)) with
        {
            IsOn = true,
        };
    }

    public void Dispose() => _lines.Dispose();

    [Fact]
    public void Connections_of_a_user_are_bounded_by_whatever_means_it_is_known()
    {
        var (byKey, byCertificate) = (Place(), Place());
        Assert.Null(byKey.Connect(Keyed(byKey)));
        Assert.Null(byCertificate.Connect(Certified(byCertificate, "shop")));
        var third = Place();
        var refused = third.Connect(Certified(third, "shop"));
        Assert.Equal((true, true), (refused!.EndsConnection, refused.IsTold));
        Assert.Equal(ReplyStatus.Overloaded, refused.Reply.Status);
        Assert.Contains("user 'shop' has 2 connections", refused.Reply.Message, StringComparison.Ordinal);
        Assert.Contains("--connections-per-user-max", refused.Reply.Message, StringComparison.Ordinal);
        var other = Place();
        Assert.Null(other.Connect(Certified(other, "other")));
        Assert.Equal((1, 2), (_limits.ConnectionsRefused, _limits.UserCount));

        byKey.Dispose();
        byKey.Dispose();
        Assert.Null(third.Connect(Certified(third, "shop")));
        foreach (var place in (ConnectionPlace[])[byCertificate, third, other])
            place.Dispose();
        Assert.Equal(0, _limits.UserCount);
    }

    [Fact]
    public void Requests_are_bounded_over_all_connections_of_a_user()
    {
        var (one, two, other) = (Place(), Place(), Place());
        var entered = new[] { Enter(one), Enter(two), Enter(one) };
        Assert.All(entered, Assert.NotNull);
        var refused = two.Enter(Keyed(two), out var none);
        Assert.Null(none);
        Assert.Equal((false, ReplyStatus.Overloaded), (refused!.EndsConnection, refused.Reply.Status));
        Assert.Contains("user 'shop' has 3 requests", refused.Reply.Message, StringComparison.Ordinal);
        Assert.Contains("--requests-per-user-max", refused.Reply.Message, StringComparison.Ordinal);
        Assert.Null(other.Enter(Certified(other, "other"), out var others));
        Assert.NotNull(others);
        entered[0]!.Leave();
        Assert.Null(two.Enter(Keyed(two), out var again));
        Assert.Equal((1, 3), (_limits.RequestsRefused, again!.Requests));
    }

    /// <summary>What the node still works on is the user's, also when its connection is gone.</summary>
    [Fact]
    public void A_request_counts_until_it_ends_and_then_nothing_is_left()
    {
        var one = Place();
        var entered = Enter(one)!;
        one.Dispose();
        var (two, three) = (Place(), Place());
        Assert.Same(entered, Enter(two));
        Assert.Equal((1, 2), (entered.Connections, entered.Requests));
        Assert.NotNull(Enter(three));
        entered.Leave();
        entered.Leave();
        entered.Leave();
        two.Dispose();
        three.Dispose();
        Assert.Equal((0, 0, 0), (_limits.UserCount, entered.Connections, entered.Requests));
        // Anew, and as much as before.
        using var next = Place();
        Assert.Equal((1, 1), Enter(next) is { } fresh ? (fresh.Connections, fresh.Requests) : default);
    }

    [Fact]
    public void A_connection_counts_for_the_user_who_asked_on_it_last()
    {
        using var proxy = Place();
        Assert.Null(proxy.Enter(Keyed(proxy), out var shops));
        Assert.Null(proxy.Enter(Certified(proxy, "other"), out var others));
        Assert.Equal((0, 1), (shops!.Connections, shops.Requests));
        Assert.Equal((1, 1), (others!.Connections, others.Requests));
        // At the bound of one, the others on the connection do not suffer.
        var (one, two) = (Place(), Place());
        Assert.Null(one.Connect(Keyed(one)));
        Assert.Null(two.Connect(Keyed(two)));
        var refused = proxy.Enter(Keyed(proxy), out _);
        Assert.Equal((false, true), (refused!.EndsConnection, refused.IsTold));
        Assert.Null(proxy.Enter(Certified(proxy, "other"), out _));
    }

    [Fact]
    public void Nobody_who_is_not_known_is_counted_nor_anybody_while_rights_are_not_enforced()
    {
        _node.Access = _node.Access! with { IsOn = false };
        AssertFree(static (tests, place) => tests.Keyed(place));
        AssertFree(static (tests, place) => tests.Certified(place, "shop"));
        _node.Access = _node.Access with { IsOn = true };
        AssertFree(static (tests, place) => tests.Certified(place, "nobody"));
        AssertFree(static (tests, place) =>
            tests._door.For(ConnectionIdentity.Plain, "guessed", null, place));
        AssertFree(static (tests, place) => tests._door.For(
            new(IdentityMeans.Certificate, new(CertificateRole.Node, "shop")), null, null, place));
        _node.Access = null;
        AssertFree(static (tests, place) => tests.Keyed(place));
    }

    [Fact]
    public void A_signed_name_and_a_user_of_that_name_are_two()
    {
        Assert.NotNull(_limits.Connect(Shop, out _));
        Assert.NotNull(_limits.Connect(Shop, out _));
        Assert.Null(_limits.Connect(Shop, out _));
        Assert.NotNull(_limits.Connect(Shop with { IsSigned = true }, out _));
    }

    /// <summary>Whoever opens connections faster than they are told why costs no sockets by that.
    /// </summary>
    [Fact]
    public void Only_some_connections_at_a_time_hear_why_they_are_refused()
    {
        var full = new[] { Place(), Place() };
        foreach (var place in full)
            Assert.Null(place.Connect(Keyed(place)));
        var told = Enumerable.Range(0, UserPlaces.TellingMax).Select(_ => Place()).ToArray();
        Assert.All(told, place => Assert.True(place.Connect(Keyed(place))!.IsTold));
        Assert.True(told[0].Connect(Keyed(told[0]))!.IsTold);
        using var late = Place();
        Assert.False(late.Connect(Keyed(late))!.IsTold);
        told[0].Dispose();
        Assert.True(late.Connect(Keyed(late))!.IsTold);
        // One that gets a place after all has heard nothing.
        full[0].Dispose();
        Assert.Null(late.Connect(Keyed(late)));
        Assert.Equal(UserPlaces.TellingMax - 1, late.Places!.Telling);
    }

    [Fact]
    public async Task A_user_at_a_bound_is_told_of_once_a_minute()
    {
        using var place = Place();
        for (var n = 0; n < 10; n++)
            Enter(place);
        var line = Assert.Single(_lines.Lines).Text;
        Assert.StartsWith("user 'shop' has 3 requests under way (--requests-per-user-max)", line);
        Assert.Equal(7, _limits.RequestsRefused);
        _time.Advance(TimeSpan.FromMinutes(1));
        await Eventually.Holds(() => _lines.Lines.Any(
            static one => one.Text.Contains("6 more lines", StringComparison.Ordinal)));
    }

    [Fact]
    public void Bytes_are_bounded_over_all_connections_of_a_user()
    {
        var shares = Enumerable.Range(0, 3).Select(_ => _traffic.Replies.Open()).ToArray();
        var places = shares.Select(share => new ConnectionPlace(
            _limits, share, _traffic.Requests.Open(), _traffic.Begun.Open())).ToArray();
        Assert.Null(places[0].Connect(Keyed(places[0])));
        Assert.Null(places[1].Connect(Keyed(places[1])));
        Assert.Null(places[2].Connect(Certified(places[2], "other")));
        Assert.True(shares[0].TryTake(2 << 20));
        Assert.Equal(RoomAnswer.Waits, shares[1].Take(1 << 20, new Silent()));
        Assert.True(shares[2].TryTake(1 << 20));
        Assert.Equal(1, _limits.PiecesDelayed);
        Assert.Contains("--traffic-bytes-per-user-max", Assert.Single(_lines.Lines).Text,
            StringComparison.Ordinal);
        shares[0].Dispose();
        Assert.Equal(0, _traffic.Replies.Waiting);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_storm_on_many_threads_leaves_nothing_behind(int seed)
    {
        using var proxy = Place();
        var most = 0;
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, worker =>
        {
            var random = new Random((100 * seed) + worker);
            for (var n = 0; n < 5000; n++)
            {
                var place = random.Next(3) == 0 ? proxy : Place();
                var caller = random.Next(2) == 0 ? Keyed(place) : Certified(place, "other");
                if (place.Enter(caller, out var entered) is null)
                {
                    InterlockedMax(ref most, entered!.Requests);
                    entered.Leave();
                }

                if (place != proxy)
                    place.Dispose();
            }
        });
        proxy.Dispose();
        Assert.Equal(0, _limits.UserCount);
        Assert.InRange(most, 1, 3 + 8); // each thread counts its own before it is refused
    }

    /// <summary>Each request of a user goes this way: it makes no garbage.</summary>
    [Fact]
    public void A_place_costs_no_memory()
    {
        using var place = Place();
        var caller = Keyed(place);
        for (var n = 0; n < 100; n++)
            caller.Enter()!.Leave();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var n = 0; n < 10_000; n++)
            caller.Enter()!.Leave();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void InterlockedMax(ref int most, int now)
    {
        var seen = Volatile.Read(ref most);
        while (now > seen && Interlocked.CompareExchange(ref most, now, seen) is var found && found != seen)
            seen = found;
    }

    private void AssertFree(Func<UserLimitsTests, ConnectionPlace, CallersNode> who)
    {
        for (var n = 0; n < 5; n++)
        {
            var place = Place();
            Assert.Null(place.Connect(who(this, place)));
            Assert.Null(place.Enter(who(this, place), out var entered));
            Assert.Null(entered);
        }

        Assert.Equal(0, _limits.UserCount);
    }

    private ConnectionPlace Place() => new(_limits, _traffic.Replies.Open(), _traffic.Requests.Open());

    private CallersNode Keyed(ConnectionPlace place) =>
        _door.For(ConnectionIdentity.Plain, ShopKey.Key, null, place);

    private CallersNode Certified(ConnectionPlace place, string name) => _door.For(
        new(IdentityMeans.Certificate, new(CertificateRole.Client, name)), null, null, place);

    private UserPlaces? Enter(ConnectionPlace place)
    {
        place.Enter(Keyed(place), out var entered);
        return entered;
    }

    private sealed class Silent : RoomWaiter
    {
        public override void Granted()
        {
        }

        public override void Refused()
        {
        }
    }
}
