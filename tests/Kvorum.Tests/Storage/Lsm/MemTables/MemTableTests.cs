using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.MemTables;

namespace Kvorum.Tests.Storage.Lsm.MemTables;

/// <summary>The memtable against a sorted dictionary of versions.</summary>
public class MemTableTests
{
    private sealed class ByKeyThenNewest : IComparer<(byte[] Key, ulong Sequence)>
    {
        public int Compare((byte[] Key, ulong Sequence) x, (byte[] Key, ulong Sequence) y) =>
            x.Key.AsSpan().SequenceCompareTo(y.Key) is var order and not 0 ? order
                : y.Sequence.CompareTo(x.Sequence);
    }

    private readonly record struct Said(EntryKind Kind, byte[] Value);

    private readonly record struct Seen(string Key, ulong Sequence, EntryKind Kind, string Value);

    public static TheoryData<int, string, int> Shapes => new()
    {
        // seed, alphabet, longest key
        { 1, "ab", 12 },
        { 2, "\0\u007f\u0080\u00ff", 6 },
        { 3, "abcdefghijklmnopqrstuvwxyz", 3 },
        { 4, "a", 64 },
        { 5, "ab", 700 },
        { 6, new string([.. Enumerable.Range(0, 256).Select(i => (char)i)]), 2 },
        { 7, "0123456789abcdef0123456789abcdef01234567", 20 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_memtable_equals_a_sorted_dictionary_at_every_sequence(
        int seed, string alphabet, int longest)
    {
        var random = new Random(seed);
        var table = new MemTable();
        SortedDictionary<(byte[] Key, ulong Sequence), Said> model = new(new ByKeyThenNewest());
        string[] stems = [.. Enumerable.Range(0, 8).Select(_ => Word(random, alphabet, longest))];
        for (ulong sequence = 1; sequence <= 1500; sequence++)
        {
            var key = TestBytes.Of(random.Next(2) == 0
                ? Word(random, alphabet, longest)
                : stems[random.Next(8)] + Word(random, alphabet, 3));
            var said = random.Next(4) == 0
                ? new Said(EntryKind.Delete, [])
                : new Said(EntryKind.Put, TestBytes.Of($"{sequence}"));
            table.Add(key, sequence, said.Kind, said.Value);
            if (random.Next(10) == 0)
                table.Add(key, sequence, (said = new(EntryKind.Put, "again"u8.ToArray())).Kind, said.Value);
            model[(key, sequence)] = said;
            if (sequence % 250 != 0)
                continue;
            foreach (var limit in (ulong[])[ulong.MaxValue, sequence, sequence / 2, 0])
                Check(table, model, limit, random, () => TestBytes.Of(Word(random, alphabet, longest)));
        }

        Assert.Equal(model.Keys.Select(pair => TestBytes.Text(pair.Key)).Distinct().Count(), table.Keys);
        table.Release();
    }

    [Fact]
    public void An_empty_memtable_has_nothing_and_takes_nothing()
    {
        var table = new MemTable();
        using (var cursor = table.OpenCursor(ulong.MaxValue))
        {
            cursor.SeekToFirst();
            Assert.False(cursor.IsValid);
            cursor.SeekToLast();
            Assert.False(cursor.IsValid);
            cursor.Seek("a"u8);
            Assert.False(cursor.IsValid);
            cursor.SeekBefore("a"u8);
            Assert.False(cursor.IsValid);
        }

        Assert.False(table.TryGet("a"u8, ulong.MaxValue, out _, out _));
        Assert.Equal(0, table.Bytes);
        table.Add("a"u8, 1, EntryKind.Put, "1"u8);
        Assert.InRange(table.Bytes, 1, 8 << 10);
        table.Release();
        Assert.Equal(0, table.Bytes);
    }

    [Fact]
    public void A_cursor_keeps_the_memory_until_it_is_disposed()
    {
        var table = new MemTable();
        table.Add("a"u8, 1, EntryKind.Put, new byte[100_000]);
        var cursor = table.OpenCursor(ulong.MaxValue);
        table.Release();
        cursor.SeekToLast();
        Assert.Equal(100_000, cursor.Value.Length);
        Assert.NotEqual(0, table.Bytes);
        cursor.Dispose();
        cursor.Dispose();
        Assert.Equal(0, table.Bytes);
    }

    private static string Word(Random random, string alphabet, int longest) =>
        new(random.GetItems(
            alphabet.AsSpan(), random.Next(random.Next(3) == 0 ? longest : Math.Min(longest, 8)) + 1));

    private static void Check(
        MemTable table, SortedDictionary<(byte[] Key, ulong Sequence), Said> model, ulong limit,
        Random random, Func<byte[]> anyKey)
    {
        Seen[] expected = [.. model.Where(pair => pair.Key.Sequence <= limit).Select(pair =>
            new Seen(
                TestBytes.Text(pair.Key.Key), pair.Key.Sequence, pair.Value.Kind,
                TestBytes.Text(pair.Value.Value)))];
        using var cursor = table.OpenCursor(limit);
        cursor.SeekToFirst();
        Assert.Equal(expected, Walk(cursor, forward: true));
        cursor.SeekToLast();
        Assert.Equal(expected.Reverse(), Walk(cursor, forward: false));
        for (var i = 0; i < 60; i++)
        {
            var key = random.Next(2) == 0 || expected.Length == 0
                ? anyKey() : TestBytes.Of(expected[random.Next(expected.Length)].Key);
            var text = TestBytes.Text(key);
            var sequence = random.Next(2) == 0 ? ulong.MaxValue : (ulong)random.Next(1600);
            cursor.Seek(key, sequence);
            var behind = Array.FindIndex(expected, seen => IsAtOrBehind(seen, text, sequence));
            CheckAt(cursor, expected, behind, random);
            cursor.SeekBefore(key);
            var before = Array.FindLastIndex(expected, seen => string.CompareOrdinal(seen.Key, text) < 0);
            CheckAt(cursor, expected, before, random);

            var newest = Array.FindIndex(expected, seen => seen.Key == text);
            var isFound = table.TryGet(key, limit, out var kind, out var value);
            Assert.Equal(newest >= 0, isFound);
            if (!isFound)
                continue;
            Assert.Equal(expected[newest].Kind, kind);
            Assert.Equal(expected[newest].Value, TestBytes.Text(value.ToArray()));
        }
    }

    private static bool IsAtOrBehind(Seen seen, string key, ulong sequence) =>
        string.CompareOrdinal(seen.Key, key) is var order &&
        (order > 0 || (order == 0 && seen.Sequence <= sequence));

    // From here a few steps this way and that.
    private static void CheckAt(Cursor cursor, Seen[] expected, int at, Random random)
    {
        for (var i = 0; i < 6; i++)
        {
            Assert.Equal(at >= 0 && at < expected.Length, cursor.IsValid);
            if (!cursor.IsValid)
                return;
            Assert.Equal(expected[at], SeenAt(cursor));
            if (random.Next(2) == 0)
            {
                cursor.Next();
                at++;
            }
            else
            {
                cursor.Previous();
                at--;
            }
        }
    }

    private static List<Seen> Walk(Cursor cursor, bool forward)
    {
        List<Seen> seen = [];
        while (cursor.IsValid)
        {
            seen.Add(SeenAt(cursor));
            if (forward)
                cursor.Next();
            else
                cursor.Previous();
        }

        return seen;
    }

    private static Seen SeenAt(Cursor cursor) => new(
        TestBytes.Text(cursor.Key.ToArray()), cursor.Sequence, cursor.Kind,
        TestBytes.Text(cursor.Value.ToArray()));
}
