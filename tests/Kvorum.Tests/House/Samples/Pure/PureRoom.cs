namespace Kvorum.Tests.House.Samples.Pure;

/// <summary>Good: what pure rooms do, though the compiler makes something suspicious of it.</summary>
internal static class PureRoom
{
    public static IEnumerable<int> Count(int upTo)
    {
        for (var i = 0; i < upTo; i++)
            yield return new Random(i).Next();
    }

    public static int Hash(Pair pair) => pair.GetHashCode();

    internal sealed record Pair(string Left, int Right);
}
