using System.Globalization;
using System.Text;
using Kvorum.Node.Groups;
using Kvorum.Raft;

namespace Kvorum.Tests.Node.Groups;

/// <summary>
/// Equal histories have equal hashes, others have not, and where two part is found as far as it can be.
/// </summary>
public class CommittedHistoryTests
{
    [Fact]
    public void A_hash_covers_index_term_kind_and_data_of_every_entry_before()
    {
        var hashes = new HashSet<ulong> { HashOf("1:a 1:b") };
        Assert.False(hashes.Add(HashOf("1:a 1:b")));
        string[] others =
            ["1:a", "1:b 1:a", "1:a 2:b", "2:a 2:b", "1:a 1:c", "1:a 1:", "1: 1:b", "1:ab 1:"];
        foreach (var other in others)
            Assert.True(hashes.Add(HashOf(other)), other);
        var kinds = new CommittedHistory();
        kinds.Add(new(new(1), new(1), EntryKind.Command, "a"u8.ToArray()));
        kinds.Add(new(new(2), new(1), EntryKind.Noop, "b"u8.ToArray()));
        Assert.True(hashes.Add(kinds.Mark.Hash));
        // As long as this stands, nodes of different releases agree.
        Assert.Equal(15648785730971426754UL, HashOf("1:a 1:b"));
    }

    [Fact]
    public void Histories_that_parted_stay_apart_though_all_that_follows_is_equal()
    {
        var (one, other) = (Of("1:a"), Of("1:b"));
        for (ulong index = 2; index < 5000; index++)
        {
            var entry = new Entry(new(index), new(1), EntryKind.Command, "same"u8.ToArray());
            one.Add(entry);
            other.Add(entry);
            Assert.NotEqual(one.Mark.Hash, other.Mark.Hash);
        }
    }

    [Fact]
    public void Hashes_of_the_past_are_kept_fewer_the_older()
    {
        var history = new CommittedHistory();
        var all = new List<ulong> { CommittedHistory.Seed };
        for (ulong index = 1; index <= 40_000; index++)
        {
            history.Add(new(new(index), new(1), EntryKind.Command, BitConverter.GetBytes(index)));
            all.Add(history.Mark.Hash);
        }

        ulong[] kept = [1, 40_000, 39_999, 39_745, 39_936, 39_936 - (63 * 256), 32_768, 16_384];
        foreach (var index in kept)
            Assert.Equal(all[(int)index], history.HashAt(new(index)));
        ulong[] gone = [2, 39_744, 39_936 - (64 * 256), 39_937 - 256, 40_001];
        foreach (var index in gone)
            Assert.Null(history.HashAt(new(index)));
        Assert.All(history.Points(), point => Assert.Equal(all[(int)point.Index.Value], point.Hash));
        Assert.Equal([1, 32_768, 39_936, 40_000], history.Points().Select(point => (int)point.Index.Value));
    }

    [Fact]
    public void What_came_in_a_checkpoint_is_known_at_its_end_and_where_its_terms_begin()
    {
        var whole = Of("1:a 1:b 2:c 2:d");
        var history = new CommittedHistory();
        history.Reset(whole.Mark);
        Assert.Equal(whole.Mark.Hash, history.HashAt(new(4)));
        Assert.Null(history.HashAt(new(2)));
        Assert.Equal(whole.HashAt(new(3)), history.HashAt(new(3)));
        var next = new Entry(new(5), new(2), EntryKind.Command, "e"u8.ToArray());
        history.Add(next);
        whole.Add(next);
        Assert.Equal(whole.Mark.Hash, history.Mark.Hash);
        Assert.Equal(whole.Mark.Starts, history.Mark.Starts);
    }

    [Fact]
    public void Only_the_newest_starts_of_terms_are_kept()
    {
        var history = new CommittedHistory();
        for (ulong index = 1; index <= 100; index++)
            history.Add(new(new(index), new(index), EntryKind.Noop, default));
        Assert.Equal(Kvorum.Node.Limits.TermStarts, history.Mark.Starts.Count);
        Assert.Equal(new Term(100), history.Mark.Starts[^1].Term);
    }

    [Theory]
    // A beginning, the same, and nothing at all.
    [InlineData("1:L 1:b", "1:L 1:b 1:c 2:M", "")]
    [InlineData("1:L 1:b", "1:L 1:b", "")]
    [InlineData("", "1:L 1:b", "")]
    [InlineData("1:L 1:b", "1:L", "")]
    [InlineData("1:L 2:M", "1:L 2:M 2:c 5:N", "")]
    // Of equal length, or shorter: the hashes tell.
    [InlineData("1:L 1:b", "1:L 1:x", "2 hash")]
    [InlineData("1:L 1:b 1:c", "1:L 1:x", "2 hash")]
    // Longer: another term where one is committed here.
    [InlineData("1:L 2:M 2:c", "1:L 3:N 3:d 3:e", "2 term 2 3")]
    [InlineData("1:L 1:b 1:c", "1:L 1:b 2:M 2:d", "3 term 1 2")]
    [InlineData("1:L 3:M 3:c", "1:L 1:b 1:c 1:d", "2 term 3 1")]
    // The same number of a term, of two leaderships that began at one index or at two.
    [InlineData("1:L 2:M 2:c", "1:L 2:N 2:c 2:d", "2 hash")]
    [InlineData("1:L 2:M 2:c", "1:L 1:b 2:N 2:d", "2 term 2 1")]
    [InlineData("1:L 1:b 2:M", "1:L 2:N 2:c 2:d", "2 term 1 2")]
    public void Where_a_history_parts_from_a_leaders_is_found(string own, string leaders, string expected)
    {
        var found = Of(own).PartsFrom(Of(leaders).Mark);
        var text = found is not var (index, ours, theirs, isHash) ? ""
            : isHash ? string.Create(CultureInfo.InvariantCulture, $"{index} hash")
            : string.Create(CultureInfo.InvariantCulture, $"{index} term {ours} {theirs}");
        Assert.Equal(expected, text);
    }

    private static ulong HashOf(string entries) => Of(entries).Mark.Hash;

    private static CommittedHistory Of(string entries)
    {
        var history = new CommittedHistory();
        foreach (var word in entries.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = word.Split(':');
            var term = new Term(ulong.Parse(parts[0], CultureInfo.InvariantCulture));
            history.Add(new(history.Index.Next, term, EntryKind.Command, Encoding.UTF8.GetBytes(parts[1])));
        }

        return history;
    }
}
