using Kvorum.Quorum;
using Kvorum.Quorum.Hints;

namespace Kvorum.Tests.Quorum.Hints;

/// <summary>The account of hints: bounds, turns, waits, and what is marked when one is lost.</summary>
public class HintBookTests
{
    private static readonly PeerId A = new(1);
    private static readonly PeerId B = new(2);

    private static readonly HintSettings Small = new()
    {
        PerNodeBytesMax = 100,
        PerNodeCountMax = 3,
        TotalBytesMax = 150,
        TotalCountMax = 4,
        BackOffFirstMs = 100,
        BackOffMaxMs = 350,
    };

    private static RecordVersion At(long ms) => new(HybridTimestamp.At(ms), new WriterId(1));

    [Fact]
    public void Hints_are_bounded_and_a_lost_one_marks_its_range()
    {
        var book = new HintBook(Small);
        Assert.True(book.TryKeep(A, 5, 60, At(1)));
        Assert.False(book.TryKeep(A, 6, 41, At(2)));
        Assert.True(book.TryKeep(A, 6, 40, At(2)));
        Assert.True(book.TryKeep(B, 5, 50, At(3)));
        Assert.False(book.TryKeep(B, 7, 1, At(4)));
        Assert.Equal([new(6, A), new(7, B)], book.ToRepair);
        Assert.Equal(2, book.DroppedCount);
        Assert.Equal((3, 150), (book.Count, book.Bytes));

        var counted = new HintBook(Small);
        for (var i = 0; i < 3; i++) Assert.True(counted.TryKeep(A, 5, 1, At(1)));
        Assert.False(counted.TryKeep(A, 5, 1, At(1)));
        Assert.True(counted.TryKeep(B, 5, 1, At(1)));
        Assert.False(counted.TryKeep(B, 5, 1, At(1)));

        counted.Repaired(new(5, A));
        Assert.Equal([new(5, B)], counted.ToRepair);
    }

    [Fact]
    public void Only_a_node_that_is_up_gets_its_hints_one_hand_over_at_a_time_the_oldest_first()
    {
        var book = new HintBook(new HintSettings());
        book.TryKeep(A, 6, 10, At(3));
        book.TryKeep(A, 5, 10, At(4));
        book.TryKeep(A, 5, 10, At(2));
        book.TryKeep(B, 5, 10, At(1));
        Assert.Null(book.Next(0));
        Assert.Null(book.NextAtMs());
        book.PeerUp(A);
        Assert.Equal(new RepairRange(5, A), book.Next(0));
        Assert.Null(book.Next(0));
        book.HandedOver(new(5, A), 1, 10, HybridTimestamp.At(4), 100);
        Assert.Equal(new HintPile(1, 10, HybridTimestamp.At(4)), book.Piles[new(5, A)]);
        Assert.Equal(new RepairRange(6, A), book.Next(100));
        book.HandedOver(new(6, A), 1, 10, default, 200);
        Assert.False(book.Piles.ContainsKey(new(6, A)));

        // The one that has waited longest has its turn.
        book.PeerUp(B);
        Assert.Equal(new RepairRange(5, B), book.Next(300));
        Assert.Equal(new RepairRange(5, A), book.Next(300));
        book.PeerDown(B);
        book.Failed(B, 400);
        book.HandedOver(new(5, A), 1, 10, default, 400);
        Assert.Null(book.Next(99_999));
        Assert.Equal((1, 10), (book.Count, book.Bytes));
    }

    [Fact]
    public void After_failures_the_wait_doubles_up_to_its_bound_and_begins_anew()
    {
        var book = new HintBook(Small);
        book.TryKeep(A, 5, 1, At(1));
        book.PeerUp(A);
        var now = 0L;
        foreach (var wait in new[] { 100, 200, 350, 350 })
        {
            Assert.NotNull(book.Next(now));
            book.Failed(A, now);
            Assert.Equal(now + wait, book.NextAtMs());
            Assert.Null(book.Next(now + wait - 1));
            now += wait;
        }

        // It was away and came back: at once.
        book.PeerUp(A);
        Assert.Equal(now, book.NextAtMs());
        book.PeerDown(A);
        book.PeerUp(A);
        Assert.NotNull(book.Next(0));
        book.Failed(A, 0);
        Assert.Equal(100, book.NextAtMs());
    }

    [Fact]
    public void Hints_that_are_not_stored_do_not_count_and_others_go_with_the_replica()
    {
        var book = new HintBook(Small);
        book.TryKeep(A, 5, 60, At(7));
        book.TryKeep(A, 5, 60, At(8));
        Assert.Equal([new(5, A)], book.ToRepair);
        book.Uncount(A, 5, 60);
        Assert.Equal((0, 0), (book.Count, book.Bytes));
        book.Uncount(A, 5, 60);
        Assert.Equal((0, 0), (book.Count, book.Bytes));
        Assert.True(book.TryKeep(A, 5, 60, At(9)));
        Assert.True(book.TryKeep(B, 5, 30, At(9)));

        book.GiveUp(new(5, B), isReplicaGone: false);
        Assert.Equal([new(5, A), new(5, B)], book.ToRepair);
        book.GiveUp(new(5, A), isReplicaGone: true);
        Assert.Equal([new(5, B)], book.ToRepair);
        Assert.Equal((0, 0), (book.Count, book.Bytes));
        Assert.Equal(3, book.DroppedCount);
    }

    [Fact]
    public void Found_hints_are_kept_whatever_the_bounds_and_the_oldest_is_known()
    {
        var book = new HintBook(Small);
        book.Restore(A, 5, new HintPile(9, 900, HybridTimestamp.At(4)));
        book.Restore(B, 5, new HintPile(1, 10, HybridTimestamp.At(3)));
        Assert.Equal(HybridTimestamp.At(3), book.OldestOf(5));
        Assert.Null(book.OldestOf(6));
        Assert.False(book.TryKeep(A, 5, 1, At(9)));
    }

    /// <summary>Counts never drift, whatever happens in whatever order.</summary>
    [Fact]
    public void The_account_is_the_sum_of_its_piles()
    {
        for (var seed = 0; seed < 100; seed++)
        {
            var random = new Random(seed);
            var book = new HintBook(Small with { TotalBytesMax = 500, TotalCountMax = 50 });
            var underWay = new List<RepairRange>();
            for (var now = 0L; now < 1000; now++)
            {
                var peer = new PeerId((UInt128)(ulong)random.Next(4));
                var group = (uint)random.Next(3);
                switch (random.Next(8))
                {
                    case 0: book.PeerUp(peer); break;
                    case 1: book.PeerDown(peer); break;
                    case 2 when book.TryKeep(peer, group, 7, At(now)): book.Uncount(peer, group, 7); break;
                    case 3 when random.Next(5) == 0:
                        book.GiveUp(new(group, peer), random.Next(2) == 0);
                        break;
                    case 4:
                        if (book.Next(now) is { } range)
                        {
                            Assert.DoesNotContain(underWay, other => other.Peer == range.Peer);
                            underWay.Add(range);
                        }

                        break;
                    case 5 when underWay.Count > 0:
                        var it = underWay[^1];
                        underWay.RemoveAt(underWay.Count - 1);
                        if (random.Next(2) == 0)
                        {
                            book.HandedOver(it, random.Next(1, 3), 1, HybridTimestamp.At(now), now);
                        }
                        else
                        {
                            book.Failed(it.Peer, now);
                        }

                        break;
                    default: book.TryKeep(peer, group, random.Next(1, 40), At(now)); break;
                }

                Assert.Equal(book.Piles.Values.Sum(pile => pile.Count), book.Count);
                Assert.Equal(book.Piles.Values.Sum(pile => pile.Bytes), book.Bytes);
                Assert.True(book.Bytes <= 500);
                Assert.All(book.Piles.Values, pile => Assert.True(pile.Count > 0));
            }
        }
    }

    [Theory]
    [InlineData(-1, 1, 1, 1, "use at least 0")]
    [InlineData(2, 1, 1, 1, "use at least as much for all")]
    [InlineData(1, 1, 0, 1, "use at least 1 ms")]
    [InlineData(1, 1, 2, 1, "a longest wait that is not less than the first")]
    public void Settings_that_cannot_work_are_refused(
        long perNode, long total, long first, long longest, string text)
    {
        var settings = new HintSettings
        {
            PerNodeBytesMax = perNode,
            TotalBytesMax = total,
            BackOffFirstMs = first,
            BackOffMaxMs = longest,
        };
        Assert.Contains(text, settings.Fault());
        Assert.Throws<ArgumentException>(() => new HintBook(settings));
        Assert.Null(new HintSettings().Fault());
    }
}
