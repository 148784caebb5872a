namespace Kvorum.Quorum.Merkle;

/// <summary>
/// Sums of several nodes' descendants, for the other replica to compare with its own.
/// </summary>
/// <param name="Level">The level of the nodes.</param>
/// <param name="ChildLevel">
/// The level of the sums: 1 to <see cref="MerkleComparison.LevelsPerStep"/> below.
/// </param>
/// <param name="Prefixes">
/// The nodes; at most <see cref="MerkleComparison.NodesPerQuestionMax"/>.
/// </param>
/// <param name="Sums">For each node 2^(child level - level) sums, in order.</param>
public sealed record MerkleQuestion(
    int Level, int ChildLevel, IReadOnlyList<uint> Prefixes, IReadOnlyList<ulong> Sums)
{
    /// <summary>Bytes on the wire, without the frame: 8 and 4 a node and 8 a sum.</summary>
    public int Size => 8 + (4 * Prefixes.Count) + (8 * Sums.Count);

    /// <summary>True if it can be answered: to be checked for whatever comes from elsewhere.</summary>
    public bool IsValid =>
        Level is >= 0 and <= MerkleTree.DepthMax
        && ChildLevel > Level && ChildLevel <= MerkleTree.DepthMax
        && ChildLevel - Level <= MerkleComparison.LevelsPerStep
        && Prefixes.Count is >= 1 and <= MerkleComparison.NodesPerQuestionMax
        && Sums.Count == Prefixes.Count << (ChildLevel - Level)
        && Prefixes.All(prefix => prefix < 1u << Level);

    /// <summary>
    /// Compares with a tree: for each node a bit for each of its descendants that differs. Where the tree is
    /// not deep enough all do.
    /// </summary>
    public ushort[] Answer(MerkleTree tree)
    {
        Invariant.Check(IsValid);
        var each = 1 << (ChildLevel - Level);
        var differing = new ushort[Prefixes.Count];
        if (ChildLevel > tree.Depth)
        {
            Array.Fill(differing, (ushort)((1 << each) - 1));
            return differing;
        }

        Span<ulong> own = stackalloc ulong[1 << MerkleComparison.LevelsPerStep];
        for (var i = 0; i < differing.Length; i++)
        {
            tree.SumsBelow(Level, Prefixes[i], ChildLevel, own[..each]);
            for (var child = 0; child < each; child++)
            {
                if (own[child] != Sums[(i * each) + child]) differing[i] |= (ushort)(1 << child);
            }
        }

        return differing;
    }
}

/// <summary>
/// Finds the leaves in which two replicas differ, as the one that asks: a question, its answer, the next.
/// Four levels a step, so that a difference among a million keys is found in four round trips; the deepest
/// first, so that little waits. The replica that answers keeps nothing (<see cref="MerkleQuestion.Answer"/>).
/// </summary>
/// <remarks>
/// Both trees may change meanwhile: then leaves that do not differ may be found, which costs a few hashes, or
/// ones that do not be found, until the next exchange. Owned by one caller.
/// </remarks>
public sealed class MerkleComparison
{
    /// <summary>The levels that a step goes down.</summary>
    public const int LevelsPerStep = 4;

    /// <summary>The nodes in one question: its bytes are at most 34 KiB.</summary>
    public const int NodesPerQuestionMax = 256;

    private readonly MerkleTree _tree;
    private readonly Stack<uint>[] _open = new Stack<uint>[MerkleTree.DepthMax + 1];
    private MerkleQuestion? _asked;

    /// <summary>A comparison with the replica that has the other root.</summary>
    public MerkleComparison(MerkleTree tree, MerkleRoot other)
    {
        _tree = tree;
        var depth = Math.Clamp(other.Depth, MerkleTree.DepthMin, tree.Depth);
        Differing = new LeafSet(depth);
        for (var level = 0; level < depth; level += LevelsPerStep) _open[level] = new Stack<uint>();
        if (!tree.Root.IsSameAs(other)) _open[0].Push(0);
    }

    /// <summary>The leaves that differ, as far as is known.</summary>
    public LeafSet Differing { get; }

    /// <summary>True if there is nothing more to ask.</summary>
    public bool IsDone => _asked is null && _open.All(static level => level is not { Count: > 0 });

    /// <summary>
    /// The next question; null if there is none, or the last one is not answered. One at a time.
    /// </summary>
    public MerkleQuestion? Next()
    {
        var level = Array.FindLastIndex(_open, static level => level is { Count: > 0 });
        if (level < 0 || _asked is not null) return null;
        var childLevel = Math.Min(level + LevelsPerStep, Differing.Depth);
        var each = 1 << (childLevel - level);
        var prefixes = new uint[Math.Min(_open[level].Count, NodesPerQuestionMax)];
        var sums = new ulong[prefixes.Length * each];
        for (var i = 0; i < prefixes.Length; i++)
        {
            prefixes[i] = _open[level].Pop();
            _tree.SumsBelow(level, prefixes[i], childLevel, sums.AsSpan(i * each, each));
        }

        return _asked = new MerkleQuestion(level, childLevel, prefixes, sums);
    }

    /// <summary>
    /// The answer to the last question. False if it does not fit: the other side is broken; give up.
    /// </summary>
    public bool Answered(ReadOnlySpan<ushort> differing)
    {
        if (_asked is not { } asked || differing.Length != asked.Prefixes.Count) return false;
        _asked = null;
        var levels = asked.ChildLevel - asked.Level;
        for (var i = 0; i < differing.Length; i++)
        {
            for (var child = 0; child < 1 << levels; child++)
            {
                if ((differing[i] >> child & 1) == 0) continue;
                var prefix = (asked.Prefixes[i] << levels) + (uint)child;
                if (asked.ChildLevel == Differing.Depth) Differing.Add(prefix);
                else _open[asked.ChildLevel].Push(prefix);
            }
        }

        return true;
    }
}
