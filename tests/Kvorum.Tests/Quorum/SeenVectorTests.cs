using Kvorum.Quorum;

namespace Kvorum.Tests.Quorum;

/// <summary>What replicas have seen, against plain sets.</summary>
public class SeenVectorTests
{
    private static readonly WriterId A = new(1);
    private static readonly WriterId B = new(2);

    private static SeenVector Of(params (WriterId Writer, ulong UpTo)[] seen)
    {
        var vector = new SeenVector();
        vector.Merge(seen.Select(pair => new SeenUpTo(pair.Writer, pair.UpTo)));
        return vector;
    }

    [Fact]
    public void Vectors_compare_as_sets_do()
    {
        Assert.Equal(SeenOrder.Equal, Of().CompareTo(Of().Summary()));
        Assert.Equal(SeenOrder.Equal, Of((A, 5), (B, 2)).CompareTo(Of((B, 2), (A, 5)).Summary()));
        Assert.Equal(SeenOrder.Ahead, Of((A, 5), (B, 2)).CompareTo(Of((A, 4), (B, 2)).Summary()));
        Assert.Equal(SeenOrder.Ahead, Of((A, 5), (B, 2)).CompareTo(Of((A, 5)).Summary()));
        Assert.Equal(SeenOrder.Behind, Of((B, 2)).CompareTo(Of((A, 1), (B, 2)).Summary()));
        Assert.Equal(SeenOrder.Behind, Of((A, 2)).CompareTo(Of((A, 2), (B, 2)).Summary()));
        Assert.Equal(SeenOrder.Apart, Of((A, 5)).CompareTo(Of((B, 2)).Summary()));
        Assert.Equal(SeenOrder.Apart, Of((A, 5), (B, 2)).CompareTo(Of((A, 4), (B, 3)).Summary()));
    }

    [Fact]
    public void Behind_a_gap_nothing_is_equal_or_behind()
    {
        var vector = new SeenVector();
        Assert.True(vector.Add(A, 1));
        Assert.True(vector.Add(A, 3));
        Assert.False(vector.Add(A, 3));
        Assert.Equal(1UL, vector[A]);
        Assert.Equal(SeenOrder.Ahead, vector.CompareTo(Of((A, 1)).Summary()));
        Assert.Equal(SeenOrder.Apart, vector.CompareTo(Of((A, 2)).Summary()));
        Assert.True(vector.Add(A, 2));
        Assert.Equal(3UL, vector[A]);
        Assert.False(vector.HasGaps);
    }

    [Fact]
    public void Behaves_like_sets_of_numbers()
    {
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var vector = new SeenVector();
            var twin = new Dictionary<WriterId, HashSet<ulong>>();
            HashSet<ulong> Seen(WriterId writer) =>
                twin.TryGetValue(writer, out var set) ? set : twin[writer] = [];
            for (var step = 0; step < 150; step++)
            {
                var writer = new WriterId((ulong)random.Next(1, 4));
                var number = (ulong)random.Next(1, 60);
                if (random.Next(20) == 0)
                {
                    vector.Merge([new SeenUpTo(writer, number)]);
                    for (var i = 1UL; i <= number; i++) Seen(writer).Add(i);
                }
                else
                {
                    Assert.Equal(Seen(writer).Add(number), vector.Add(writer, number));
                }

                var upTo = 0UL;
                while (Seen(writer).Contains(upTo + 1)) upTo++;
                Assert.Equal(upTo, vector[writer]);
                Assert.Equal(
                    twin.Any(pair => (ulong)pair.Value.Count > vector[pair.Key]), vector.HasGaps);
                var copy = Of([.. vector.Summary().Select(seen => (seen.Writer, seen.UpTo))]);
                Assert.Equal(copy.Fingerprint, vector.Fingerprint);
            }

            vector.Retire(new WriterId(1));
            vector.Retire(new WriterId(2));
            vector.Retire(new WriterId(3));
            Assert.Equal(0UL, vector.Fingerprint);
        }
    }

    [Fact]
    public void Ranges_behind_gaps_are_bounded()
    {
        var vector = new SeenVector();
        for (var i = 2UL; i < 1000; i += 2) vector.Add(A, i);
        for (var i = 1UL; i < 1000; i += 2) vector.Add(A, i);
        // What was forgotten is only taken for not seen.
        Assert.Equal(2UL * SeenVector.RangesMax + 1, vector[A]);
        Assert.True(vector.HasGaps);
    }

    [Fact]
    public void Fingerprints_of_different_vectors_differ()
    {
        var all = new HashSet<ulong>();
        for (var a = 0UL; a < 50; a++)
            for (var b = 0UL; b < 50; b++)
                all.Add(Of((A, a), (B, b)).Fingerprint);
        Assert.Equal(2500, all.Count);
    }
}
