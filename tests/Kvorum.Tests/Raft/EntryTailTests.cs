using Kvorum.Raft;
using Kvorum.Raft.Log;

namespace Kvorum.Tests.Raft;

/// <summary>The ring of newest entries against a plain list.</summary>
public class EntryTailTests
{
    [Fact]
    public void Behaves_like_a_list_with_a_moving_start()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var tail = new EntryTail(5);
            var twin = new SortedDictionary<ulong, Entry>();
            ulong first = 5, next = 5;
            for (var step = 0; step < 300; step++)
            {
                switch (random.Next(8))
                {
                    case < 5:
                        var entry = new Entry(new(next), new((ulong)step), EntryKind.Command, new byte[random.Next(4)]);
                        tail.Add(entry);
                        twin[next++] = entry;
                        break;
                    case 5:
                        var keep = first + (ulong)random.Next((int)(next - first) + 1);
                        tail.ForgetBefore(keep);
                        for (; first < keep; first++) twin.Remove(first);
                        break;
                    case 6 when random.Next(4) == 0:
                        var cut = first + (ulong)random.Next((int)(next - first) + 1);
                        tail.TruncateFrom(cut);
                        while (next > cut) twin.Remove(--next);
                        break;
                }
                Compare(tail, twin, first, next, random);
            }
        }
    }

    private static void Compare(EntryTail tail, SortedDictionary<ulong, Entry> twin, ulong first, ulong next, Random random)
    {
        Assert.Equal((first, next, twin.Count), (tail.First, tail.End, tail.Count));
        if (twin.Count == 0) return;
        var from = first + (ulong)random.Next(twin.Count);
        var bytesMax = random.Next(0, 8);
        var bytes = 0;
        var expected = twin.Where(e => e.Key >= from).Select(e => e.Value)
            .TakeWhile((e, i) => (bytes += e.Data.Length) <= bytesMax || i == 0).ToArray();
        Assert.Equal(expected, tail.Slice(from, next, bytesMax));
    }
}
