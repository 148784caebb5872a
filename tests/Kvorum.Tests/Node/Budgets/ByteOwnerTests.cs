using Kvorum.Node.Budgets;

namespace Kvorum.Tests.Node.Budgets;

/// <summary>What all shares of one owner hold together.</summary>
public class ByteOwnerTests
{
    private const int Bound = 300;

    private static readonly ByteRoomOptions Small = new()
    {
        BytesMax = 1600,
        ShareBytesMax = 200,
        FreeBytes = 10,
        WaitersMax = 20,
    };

    private readonly List<string> _told = [];
    private readonly ByteRoom _room = new(Small);
    private readonly ByteOwner _owner;
    private int _atBound;

    public ByteOwnerTests() => _owner = new(_room, Bound, () => _atBound++);

    [Fact]
    public void The_shares_of_an_owner_are_bounded_together_and_others_are_not()
    {
        var (one, two, other) = (Own(), Own(), _room.Open());
        Assert.True(one.TryTake(210));
        Assert.True(two.TryTake(110));
        Assert.Equal(Bound, _owner.Counted);
        Assert.False(two.TryTake(1));
        Assert.False(Own().TryTake(11));
        Assert.True(Own().TryTake(10)); // free
        Assert.True(other.TryTake(210));
        one.Give(210);
        two.Give(110);
        Assert.Equal((0, 200), (_owner.Counted, _room.Taken));
    }

    [Fact]
    public void One_piece_of_any_size_is_let_in_where_the_owner_holds_nothing_else()
    {
        var (one, two) = (Own(), Own());
        Assert.True(one.TryTake(1000));
        Assert.False(two.TryTake(11));
        one.Give(1000);
        Assert.True(two.TryTake(1000));
    }

    [Fact]
    public void What_waits_for_its_owner_is_in_nobodys_way_and_comes_in_when_another_share_gives()
    {
        var (one, two, other) = (Own(), Own(), _room.Open());
        Assert.True(one.TryTake(210));
        Assert.True(two.TryTake(100));
        Assert.Equal((RoomAnswer.Waits, 1), (Own().Take(100, Waiter("own")), _atBound));
        Assert.True(other.TryTake(200));
        Assert.Equal(RoomAnswer.Taken, other.Take(10, Waiter("other")));
        two.Give(50);
        Assert.Empty(_told);
        one.Give(210);
        Assert.Equal(["own"], _told);
        Assert.Equal((0, 1), (_room.Waiting, _atBound));
    }

    [Fact]
    public void The_shares_of_an_owner_take_turns_and_nothing_new_overtakes_them()
    {
        var holder = Own();
        Assert.True(holder.TryTake(Bound + 10));
        var shares = Enumerable.Range(0, 3).Select(_ => Own()).ToArray();
        for (var n = 0; n < 6; n++)
            Assert.Equal(RoomAnswer.Waits, shares[n / 2].Take(110, Waiter($"{n / 2}")));
        holder.Give(110); // leaves room for one
        Assert.Equal(["0"], _told);
        Assert.Equal(RoomAnswer.Waits, Own().Take(20, Waiter("new")));
        holder.Give(200);
        Assert.Equal(["0", "1", "2"], _told);
        shares[0].Give(110);
        Assert.Equal(["0", "1", "2", "new"], _told);
        shares[1].Give(110);
        Assert.Equal(["0", "1", "2", "new", "0"], _told);
        Assert.Equal((2, 210), (_room.Waiting, _owner.Counted));
    }

    /// <summary>A large piece is not kept waiting by smaller ones that would fit.</summary>
    [Fact]
    public void The_first_in_the_line_is_waited_for()
    {
        var (one, two) = (Own(), Own());
        Assert.True(one.TryTake(110));
        Assert.True(two.TryTake(110));
        Assert.Equal(RoomAnswer.Waits, Own().Take(250, Waiter("large")));
        Assert.Equal(RoomAnswer.Waits, Own().Take(50, Waiter("less")));
        two.Give(110);
        Assert.Empty(_told);
        one.Give(50);
        Assert.Equal(["large"], _told);
        one.Give(60);
        Assert.Equal(["large", "less"], _told);
    }

    [Fact]
    public void Whoever_leaves_the_line_lets_those_behind_in()
    {
        var (holder, first, second, closed) = (Own(), Own(), Own(), Own());
        Assert.True(holder.TryTake(210));
        var gone = Waiter("gone");
        Assert.Equal(RoomAnswer.Waits, first.Take(150, gone));
        Assert.Equal(RoomAnswer.Waits, closed.Take(140, Waiter("closed")));
        Assert.Equal(RoomAnswer.Waits, second.Take(60, Waiter("next")));
        Assert.True(first.Cancel(gone));
        Assert.Empty(_told);
        closed.Dispose();
        Assert.Equal(["closed refused", "next"], _told);
        Assert.Equal((250, 0), (_owner.Counted, _room.Waiting));
    }

    [Fact]
    public void A_share_that_is_closed_gives_back_what_the_owner_holds_by_it()
    {
        var (one, two) = (Own(), Own());
        Assert.True(one.TryTake(Bound + 10));
        Assert.Equal(RoomAnswer.Waits, two.Take(110, Waiter("two")));
        one.Dispose();
        one.Give(Bound + 10);
        Assert.Equal(["two"], _told);
        Assert.Equal(100, _owner.Counted);
    }

    [Fact]
    public void A_share_counts_for_its_last_owner_only()
    {
        var other = new ByteOwner(_room, Bound);
        var (one, two) = (Own(), Own());
        Assert.True(one.TryTake(Bound + 10));
        Assert.Equal(RoomAnswer.Waits, two.Take(110, Waiter("two")));
        one.BelongTo(other);
        Assert.Equal(["two"], _told);
        Assert.Equal((100, Bound), (_owner.Counted, other.Counted));
        Assert.Equal(RoomAnswer.Waits, one.Take(100, Waiter("one")));
        one.BelongTo(null);
        Assert.Equal(0, other.Counted);
        one.Give(210);
        Assert.Equal(["two", "one"], _told);
        Assert.Throws<ArgumentException>(() => new ByteRoom(Small).Open().BelongTo(_owner));
    }

    /// <summary>A share that has its turn, and whose owner is full by then, is passed over.</summary>
    [Fact]
    public void What_waits_for_the_room_and_then_for_its_owner_does_not_stop_the_others()
    {
        var (full, one, two, other) = (_room.Open(), Own(), Own(), _room.Open());
        Assert.True(full.TryTake(5000));
        Assert.Equal(RoomAnswer.Waits, one.Take(200, Waiter("one")));
        Assert.Equal(RoomAnswer.Waits, two.Take(200, Waiter("two")));
        Assert.Equal(RoomAnswer.Waits, other.Take(200, Waiter("other")));
        Assert.Equal(0, _atBound);
        full.Give(5000);
        Assert.Equal(["one", "other"], _told);
        one.Give(200);
        Assert.Equal(["one", "other", "two"], _told);
    }

    /// <summary>One client of a user that takes nothing must not stop the user's others for ever.</summary>
    [Fact]
    public void While_an_owners_shares_wait_those_of_the_owner_that_give_nothing_back_are_told()
    {
        var idle = _room.Open(() => _told.Add("idle"));
        idle.BelongTo(_owner);
        var strange = _room.Open(() => _told.Add("strange"));
        Assert.True(idle.TryTake(Bound + 10));
        Assert.True(strange.TryTake(200));
        _room.Judge();
        _room.Judge();
        Assert.Empty(_told);
        Assert.Equal(RoomAnswer.Waits, Own().Take(20, Waiter("own")));
        _room.Judge();
        Assert.Equal(["idle"], _told);
        idle.Dispose();
        Assert.Equal(["idle", "own"], _told);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_storm_of_calls_on_many_threads_leaves_nothing_behind(int seed)
    {
        ByteOwner[] owners = [new(_room, 150), new(_room, 250)];
        var lasting = Enumerable.Range(0, 6).Select(_ => _room.Open()).ToArray();
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, worker =>
        {
            var random = new Random((100 * seed) + worker);
            for (var n = 0; n < 3000; n++)
            {
                var share = random.Next(10) == 0 ? _room.Open() : lasting[random.Next(lasting.Length)];
                if (random.Next(4) == 0)
                    share.BelongTo(random.Next(5) == 0 ? null : owners[random.Next(2)]);
                var bytes = random.Next(1, 150);
                var piece = new Piece(share);
                switch (share.Take(bytes, piece))
                {
                    case RoomAnswer.Taken:
                        share.Give(bytes);
                        break;
                    case RoomAnswer.Waits when random.Next(2) == 0:
                        share.Cancel(piece);
                        break;
                }

                if (!lasting.Contains(share))
                    share.Dispose();
            }
        });
        // Those that still wait are let in by those that are given back.
        Assert.Equal((0, 0, 0, 0), (_room.Taken, _room.Waiting, owners[0].Counted, owners[1].Counted));
        Assert.All(lasting, static share => Assert.Equal(0, share.Used));
    }

    private ByteShare Own()
    {
        var share = _room.Open();
        share.BelongTo(_owner);
        return share;
    }

    private Named Waiter(string name) => new(name, _told);

    private sealed class Named(string name, List<string> told) : RoomWaiter
    {
        public override void Granted() => told.Add(name);

        public override void Refused() => told.Add($"{name} refused");
    }

    /// <summary>Gives back at once what it is granted.</summary>
    private sealed class Piece(ByteShare share) : RoomWaiter
    {
        public override void Granted() => share.Give(Bytes);

        public override void Refused()
        {
        }
    }
}
