using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Groups;

/// <summary>Where a term begins in what is committed.</summary>
/// <param name="Term">The term.</param>
/// <param name="First">The index of its first entry.</param>
/// <param name="Hash">The hash of all entries up to that one.</param>
internal readonly record struct TermStart(Term Term, LogIndex First, ulong Hash);

/// <summary>A history as it is kept with a checkpoint and travels with a snapshot.</summary>
/// <param name="Index">The newest entry in it.</param>
/// <param name="Hash">The hash of all up to there.</param>
/// <param name="Starts">The newest terms in it, ascending, at most <see cref="Limits.TermStarts"/>.</param>
internal sealed record HistoryMark(LogIndex Index, ulong Hash, IReadOnlyList<TermStart> Starts)
{
    public static HistoryMark Empty { get; } = new(default, CommittedHistory.Seed, []);
}

/// <summary>A point at which two histories can be compared.</summary>
internal readonly record struct HistoryPoint(LogIndex Index, ulong Hash);

/// <summary>
/// The history of what a replica has applied, in a number: a hash of 64 bits over index, term, kind, length
/// and CRC-32C of every committed entry, chained, so that it is equal on all replicas, and unequal for ever
/// once they differ: each step is a bijection of the hash before it. Hashes of the past are kept for
/// comparisons, fewer the older. Owned by the node loop.
/// </summary>
internal sealed class CommittedHistory
{
    /// <summary>The hash of nothing.</summary>
    public const ulong Seed = 0x6b76_6f72_756d_3031;

    // The newest ones, then each 256th, then each 16384th.
    private static readonly (int Shift, int Count)[] Levels = [(0, 256), (8, 64), (14, 64)];

    private readonly ulong[]?[] _kept = new ulong[]?[Levels.Length];
    private readonly List<TermStart> _starts = [];

    // What is older was never seen here: it came in a checkpoint.
    private ulong _since;
    private ulong _index;
    private ulong _hash = Seed;

    /// <summary>The newest entry in it.</summary>
    public LogIndex Index => new(_index);

    /// <summary>As it is kept with a checkpoint.</summary>
    public HistoryMark Mark => new(new(_index), _hash, [.. _starts]);

    /// <summary>The entry is applied: the one that follows the newest.</summary>
    public void Add(in Entry entry)
    {
        Invariant.Check(entry.Index.Value == _index + 1, "an entry is missing in the history");
        _index = entry.Index.Value;
        var data = entry.Data.Span;
        _hash = Step(_hash, entry.Index.Value);
        _hash = Step(_hash, entry.Term.Value);
        var sum = ~Crc32CLanes.Add(uint.MaxValue, data);
        _hash = Step(_hash, sum | ((ulong)entry.Kind << 32) | ((ulong)data.Length << 34));
        for (var level = 0; level < Levels.Length; level++)
        {
            var (shift, count) = Levels[level];
            if ((_index & ((1UL << shift) - 1)) == 0)
                (_kept[level] ??= new ulong[count])[(int)(_index >> shift) & (count - 1)] = _hash;
        }

        if (_starts.Count > 0 && _starts[^1].Term == entry.Term)
            return;
        if (_starts.Count == Limits.TermStarts)
            _starts.RemoveAt(0);
        _starts.Add(new(entry.Term, entry.Index, _hash));
    }

    /// <summary>A checkpoint took the place of what was applied.</summary>
    public void Reset(HistoryMark mark)
    {
        (_index, _hash, _since) = (mark.Index.Value, mark.Hash, mark.Index.Value);
        _starts.Clear();
        _starts.AddRange(mark.Starts);
    }

    /// <summary>The hash of all up to an index; null if it is not kept.</summary>
    public ulong? HashAt(LogIndex at)
    {
        var index = at.Value;
        if (index == _index)
            return _hash;
        foreach (var start in _starts)
        {
            if (start.First == at)
                return start.Hash;
        }

        if (index > _index || index <= _since)
            return null;
        for (var level = 0; level < Levels.Length; level++)
        {
            var (shift, count) = Levels[level];
            var isRound = (index & ((1UL << shift) - 1)) == 0;
            var isKept = isRound && (_index >> shift) - (index >> shift) < (ulong)count;
            if (isKept && _kept[level] is { } hashes)
                return hashes[(int)(index >> shift) & (count - 1)];
        }

        return null;
    }

    /// <summary>
    /// Points at which another replica that is somewhere near can compare, ascending: the newest entry, round
    /// indexes before it, and where its term begins.
    /// </summary>
    public IReadOnlyList<HistoryPoint> Points()
    {
        var points = new SortedDictionary<ulong, ulong>();
        foreach (var (shift, _) in Levels)
        {
            var index = _index >> shift << shift;
            if (index > 0 && HashAt(new(index)) is { } hash)
                points[index] = hash;
        }

        if (_starts.Count > 0)
            points[_starts[^1].First.Value] = _starts[^1].Hash;
        return [.. points.Select(static point => new HistoryPoint(new(point.Key), point.Value))];
    }

    /// <summary>
    /// Where this history is known to differ from one that comes in a checkpoint; null if it is the beginning
    /// of that one, or the end, as far as can be told. Every leader begins its term with an entry like no
    /// other, so the same start of a term means the same entries from there on.
    /// </summary>
    public (LogIndex Index, ulong Ours, ulong Theirs, bool IsHash)? PartsFrom(HistoryMark other)
    {
        if (other.Index.Value <= _index)
        {
            return HashAt(other.Index) is { } own && own != other.Hash
                ? (other.Index, own, other.Hash, true) : null;
        }

        if (_starts.Count == 0)
            return null;
        var ours = _starts[^1];
        var at = other.Starts.Count - 1;
        while (at >= 0 && other.Starts[at].First.Value > _index)
            at--;
        if (at < 0)
            return null;
        var theirs = other.Starts[at];
        if (ours.First == theirs.First && ours.Term == theirs.Term)
            return ours.Hash == theirs.Hash ? null : (ours.First, ours.Hash, theirs.Hash, true);
        // At the later of the two starts both have an entry, of their own terms. If it is one term, then at
        // the earlier start only one side has it.
        if (ours.Term != theirs.Term)
            return (Max(ours.First, theirs.First), ours.Term.Value, theirs.Term.Value, false);
        return ours.First < theirs.First
            ? (ours.First, ours.Term.Value, Before(other.Starts, at), false)
            : (theirs.First, Before(_starts, _starts.Count - 1), theirs.Term.Value, false);
    }

    private static LogIndex Max(LogIndex a, LogIndex b) => a > b ? a : b;

    private static ulong Before(IReadOnlyList<TermStart> starts, int at) =>
        at > 0 ? starts[at - 1].Term.Value : 0;

    private static ulong Step(ulong hash, ulong value)
    {
        hash = (hash ^ value) * 0x9e37_79b9_7f4a_7c15;
        return hash ^ (hash >> 32);
    }
}
