using Kvorum.Node.Budgets;

namespace Kvorum.Tests.Node.Budgets;

public class ByteRoomTests
{
    private static readonly ByteRoomOptions Small = new()
    {
        BytesMax = 800,
        ShareBytesMax = 200,
        FreeBytes = 10,
        WaitersMax = 4,
        ProgressBytes = 50,
    };

    private readonly List<string> _told = [];

    [Fact]
    public void Free_bytes_are_not_counted_and_what_goes_beyond_is()
    {
        var room = new ByteRoom(Small);
        using var share = room.Open();
        Assert.True(share.TryTake(10));
        Assert.Equal((0, 10, 0), (room.Taken, share.Used, share.FreeLeft));
        Assert.True(share.TryTake(5));
        Assert.Equal((5, 15), (room.Taken, share.Used));
        share.Give(15);
        Assert.Equal((0, 0, 10), (room.Taken, share.Used, share.FreeLeft));
    }

    [Fact]
    public void A_share_is_bounded_but_one_piece_alone_always_has_room()
    {
        var room = new ByteRoom(Small);
        using var one = room.Open();
        using var other = room.Open();
        Assert.True(one.TryTake(5000));
        Assert.False(other.TryTake(11));
        one.Give(5000);
        Assert.True(one.TryTake(150));
        Assert.False(one.TryTake(51));
        Assert.True(one.TryTake(50));
        Assert.True(other.TryTake(150));
        Assert.Equal(190 + 140, room.Taken);
    }

    [Fact]
    public void Large_pieces_leave_the_last_eighth_to_small_ones()
    {
        var room = new ByteRoom(Small);
        var shares = Enumerable.Range(0, 4).Select(_ => room.Open()).ToArray();
        foreach (var share in shares)
            Assert.True(share.TryTake(185)); // 4 * 175 = 700
        Assert.False(room.Open().TryTake(11));
        Assert.True(shares[0].TryTake(10));
        Assert.True(shares[1].TryTake(10));
    }

    [Fact]
    public void Small_pieces_overtake_large_ones_of_their_own_share_and_of_others()
    {
        var room = new ByteRoom(Small);
        using var full = room.Open();
        using var other = room.Open();
        Assert.True(full.TryTake(5000));
        Assert.Equal(RoomAnswer.Waits, other.Take(100, Waiter("large")));
        Assert.Equal(RoomAnswer.Taken, other.Take(10, Waiter("free")));
        Assert.Equal(RoomAnswer.Waits, other.Take(9, Waiter("small")));
        full.Give(5000);
        Assert.Equal(["small", "large"], _told);
        Assert.Equal(119 - 10, room.Taken);
    }

    [Fact]
    public void Shares_take_turns()
    {
        var room = new ByteRoom(Small with { WaitersMax = 100 });
        using var full = room.Open();
        Assert.True(full.TryTake(5000));
        var shares = Enumerable.Range(0, 3).Select(_ => room.Open()).ToArray();
        for (var n = 0; n < 9; n++)
            Assert.Equal(RoomAnswer.Waits, shares[n / 3].Take(80, Waiter($"{n / 3}")));
        full.Give(5000);
        // Two of each fit their share; the first six of them take turns.
        Assert.Equal(["0", "1", "2", "0", "1", "2"], _told);
        shares[1].Give(80);
        Assert.Equal("1", _told[^1]);
        Assert.Equal(2, room.Waiting);
    }

    [Fact]
    public void What_waits_for_its_own_share_is_in_nobodys_way()
    {
        var room = new ByteRoom(Small);
        using var greedy = room.Open();
        using var other = room.Open();
        Assert.True(greedy.TryTake(200));
        Assert.Equal(RoomAnswer.Waits, greedy.Take(100, Waiter("greedy")));
        Assert.True(other.TryTake(100));
        greedy.Give(99);
        Assert.Empty(_told);
        greedy.Give(1);
        Assert.Equal(["greedy"], _told);
    }

    [Fact]
    public void Only_so_many_wait()
    {
        var room = new ByteRoom(Small);
        using var share = room.Open();
        Assert.True(share.TryTake(200));
        for (var n = 0; n < 4; n++)
            Assert.Equal(RoomAnswer.Waits, share.Take(100, Waiter($"{n}")));
        Assert.Equal(RoomAnswer.Refused, share.Take(100, Waiter("4")));
        Assert.Equal(4, room.Waiting);
    }

    [Fact]
    public void Whatever_is_taken_back_leaves_its_place_to_those_behind()
    {
        var room = new ByteRoom(Small);
        using var full = room.Open();
        using var one = room.Open();
        using var other = room.Open();
        Assert.True(full.TryTake(650));
        var gone = Waiter("gone");
        Assert.Equal(RoomAnswer.Waits, one.Take(150, gone));
        Assert.Equal(RoomAnswer.Waits, other.Take(20, Waiter("next")));
        Assert.True(one.Cancel(gone));
        Assert.False(one.Cancel(gone));
        Assert.Equal(["next"], _told);
        Assert.Equal((640 + 10, 0), (room.Taken, room.Waiting));
    }

    [Fact]
    public void A_closed_share_gives_everything_back_once_and_refuses_those_that_wait()
    {
        var room = new ByteRoom(Small);
        var share = room.Open();
        using var other = room.Open();
        Assert.True(share.TryTake(200));
        share.Charge(600);
        Assert.Equal(RoomAnswer.Waits, share.Take(100, Waiter("own")));
        Assert.Equal(RoomAnswer.Waits, other.Take(100, Waiter("other")));
        share.Dispose();
        share.Dispose();
        Assert.Equal(["own refused", "other"], _told);
        share.Give(200);
        share.Charge(1000);
        Assert.False(share.TryTake(100));
        Assert.Equal((90, 0), (room.Taken, room.Waiting));
    }

    [Fact]
    public void While_others_wait_a_share_that_gives_nothing_back_is_told()
    {
        var room = new ByteRoom(Small);
        using var idle = room.Open(() => _told.Add("idle"));
        using var slow = room.Open(() => _told.Add("slow"));
        using var fast = room.Open(() => _told.Add("fast"));
        foreach (var share in (ByteShare[])[idle, slow, fast])
            share.Charge(250);
        room.Judge();
        room.Judge();
        Assert.Empty(_told); // Nothing waits.
        using var other = room.Open(() => _told.Add("other"));
        Assert.Equal(RoomAnswer.Waits, other.Take(100, Waiter("waiter")));
        slow.Progress(49);
        fast.Progress(30);
        fast.Give(20);
        room.Judge();
        Assert.Equal(["idle", "slow"], _told);
        idle.Dispose();
        Assert.Equal("waiter", _told[^1]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_storm_of_calls_on_many_threads_leaves_nothing_behind(int seed)
    {
        var room = new ByteRoom(Small with { WaitersMax = 20 });
        var lasting = Enumerable.Range(0, 4).Select(_ => room.Open()).ToArray();
        var most = 0L;
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, worker =>
        {
            var random = new Random((100 * seed) + worker);
            for (var n = 0; n < 3000; n++)
            {
                var share = random.Next(10) == 0 ? room.Open() : lasting[random.Next(lasting.Length)];
                var bytes = random.Next(1, 150);
                var piece = new Piece(share);
                switch (share.Take(bytes, piece))
                {
                    case RoomAnswer.Taken:
                        InterlockedMax(ref most, room.Taken);
                        share.Progress(1);
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
        Assert.Equal((0, 0), (room.Taken, room.Waiting));
        Assert.All(lasting, static share => Assert.Equal(0, share.Used));
        // Each thread counts its own before it is refused.
        Assert.InRange(most, 0, Small.BytesMax + (8 * 150));
    }

    private static void InterlockedMax(ref long most, long now)
    {
        var seen = Volatile.Read(ref most);
        while (now > seen && Interlocked.CompareExchange(ref most, now, seen) is var found && found != seen)
            seen = found;
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
