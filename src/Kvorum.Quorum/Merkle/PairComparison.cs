namespace Kvorum.Quorum.Merkle;

/// <summary>A record as an exchange names it: 25 bytes on the wire.</summary>
/// <param name="KeyHash"><see cref="KeyHash.Of"/> its key.</param>
/// <param name="Version">Its version.</param>
/// <param name="IsDeleted">True for a tombstone, and for a record that has expired.</param>
public readonly record struct VersionedKey(ulong KeyHash, RecordVersion Version, bool IsDeleted)
{
    /// <summary>Bytes on the wire.</summary>
    public const int Size = 8 + RecordVersion.Size + 1;
}

/// <summary>
/// The second half of an exchange: when the differing leaves are known, both replicas walk over their keys in
/// order, and only what one lacks travels.
/// </summary>
/// <remarks>
/// <para>Keys lie in the order of the keys, not of their hashes, so that a walk reads each block of the tree
/// once, however many leaves differ. The replica that asks sends the set of leaves, then the records of these
/// leaves in one range of keys after the other: at most <see cref="PairsPerBatchMax"/> of them and the last
/// key of the range (none: to the end). The other takes its own records of the same range and leaves. If
/// these are more than <see cref="PairsPerAnswerMax"/>, it names an earlier key, and is asked again up to
/// there.</para>
/// <para>The answer has the records that the asking side lacks, and the hashes of the keys whose records it
/// wants; these travel then. Both are merged by version, so nothing is lost by a repetition.</para>
/// </remarks>
public static class PairComparison
{
    /// <summary>The records in one batch of the side that asks.</summary>
    public const int PairsPerBatchMax = 1024;

    /// <summary>
    /// The records that the other side compares with them. It has more in the same range where the side that
    /// asks lacks some: with the same bound each such batch would be sent twice.
    /// </summary>
    public const int PairsPerAnswerMax = 2 * PairsPerBatchMax;

    /// <summary>
    /// Compares the records of one range of keys. Order plays no part; both lists are sorted here.
    /// </summary>
    /// <param name="theirs">What the replica that asks has.</param>
    /// <param name="own">What this one has.</param>
    /// <param name="horizon">
    /// The greater of both replicas' horizons: a tombstone below it is not missed by a replica without it.
    /// </param>
    /// <param name="toSend">Filled with those of <paramref name="own"/> that they lack.</param>
    /// <param name="wanted">Filled with the hashes of the keys whose newer records they have.</param>
    public static void Compare(
        VersionedKey[] theirs, VersionedKey[] own, HybridTimestamp horizon, List<VersionedKey> toSend,
        List<ulong> wanted)
    {
        Array.Sort(theirs, ByHash);
        Array.Sort(own, ByHash);
        for (int left = 0, right = 0; left < theirs.Length || right < own.Length;)
        {
            var hash = right == own.Length ? theirs[left].KeyHash
                : left == theirs.Length ? own[right].KeyHash
                : Math.Min(theirs[left].KeyHash, own[right].KeyHash);
            var ofTheirs = Group(theirs, ref left, hash);
            var ofOwn = Group(own, ref right, hash);
            if (ofTheirs.Length > 1 || ofOwn.Length > 1)
                CompareTwins(ofTheirs, ofOwn, toSend, wanted);
            else
                CompareOne(ofTheirs, ofOwn, horizon, toSend, wanted);
        }
    }

    private static void CompareOne(
        ReadOnlySpan<VersionedKey> theirs, ReadOnlySpan<VersionedKey> own, HybridTimestamp horizon,
        List<VersionedKey> toSend, List<ulong> wanted)
    {
        var left = theirs.IsEmpty ? default : theirs[0];
        var right = own.IsEmpty ? default : own[0];
        // A live record below the horizon is never collected: then the other side lost it.
        if (theirs.IsEmpty && right.IsDeleted && right.Version.Time < horizon) return;
        if (own.IsEmpty && left.IsDeleted && left.Version.Time < horizon) return;
        if (left.Version < right.Version) toSend.Add(right);
        if (left.Version > right.Version) wanted.Add(left.KeyHash);
    }

    // Two keys with one hash: which is which cannot be told, so all of them travel unless all are the same.
    private static void CompareTwins(
        ReadOnlySpan<VersionedKey> theirs, ReadOnlySpan<VersionedKey> own, List<VersionedKey> toSend,
        List<ulong> wanted)
    {
        if (theirs.SequenceEqual(own)) return;
        toSend.AddRange(own);
        if (!theirs.IsEmpty) wanted.Add(theirs[0].KeyHash);
    }

    private static ReadOnlySpan<VersionedKey> Group(VersionedKey[] sorted, ref int at, ulong hash)
    {
        var first = at;
        while (at < sorted.Length && sorted[at].KeyHash == hash) at++;
        return sorted.AsSpan(first, at - first);
    }

    private static int ByHash(VersionedKey left, VersionedKey right)
    {
        var byHash = left.KeyHash.CompareTo(right.KeyHash);
        return byHash != 0 ? byHash : left.Version.CompareTo(right.Version);
    }
}
