namespace Kvorum.Quorum;

/// <summary>How two replicas stand to each other.</summary>
public enum SeenOrder : byte
{
    /// <summary>Both have seen the same writes.</summary>
    Equal,

    /// <summary>This one has seen all that the other has, and more.</summary>
    Ahead,

    /// <summary>The other has seen all that this one has, and more.</summary>
    Behind,

    /// <summary>Each lacks something, or may.</summary>
    Apart,
}

/// <summary>Up to where a replica has seen all writes of one writer.</summary>
/// <param name="Writer">The writer.</param>
/// <param name="UpTo">Every number from 1 to this one was seen.</param>
public readonly record struct SeenUpTo(WriterId Writer, ulong UpTo);

/// <summary>
/// Which writes a replica has seen, per writer: a version vector (Parker et al., 1983) of replicas, not of
/// records. Each coordinator numbers its writes to a partition from 1 without a gap, and a replica notes the
/// numbers of what it stores, of superseded writes too. Replicas with equal vectors need no Merkle exchange.
/// </summary>
/// <remarks>
/// It speaks of what was received, not of what is on the disk today: a damaged disk, a restored file or a
/// program error shows in the Merkle tree only, so the trees are compared now and then all the same. Numbers
/// behind a gap are kept as ranges, at most <see cref="RangesMax"/> a writer; what does not fit is forgotten,
/// and then the replica only looks as if it lacked writes. A write that no replica took leaves a gap, until
/// its coordinator tells the number as void; with a gap the roots of the trees are compared. Owned by one
/// caller.
/// </remarks>
public sealed class SeenVector
{
    /// <summary>Ranges behind gaps for one writer.</summary>
    public const int RangesMax = 64;

    private readonly SortedDictionary<WriterId, Numbers> _writers = [];

    /// <summary>The writers in it.</summary>
    public int Count => _writers.Count;

    /// <summary>
    /// A sum over all writers, of where each has been seen up to: equal vectors have equal ones, and
    /// different ones differ but for one chance in 2^64. Constant time.
    /// </summary>
    public ulong Fingerprint { get; private set; }

    /// <summary>True if there are numbers behind a gap: something is on its way, or lost.</summary>
    public bool HasGaps
    {
        get
        {
            foreach (var numbers in _writers.Values)
            {
                if (numbers.Ranges.Count > 0) return true;
            }

            return false;
        }
    }

    /// <summary>Up to which number everything of a writer was seen; zero if nothing was.</summary>
    public ulong this[WriterId writer] => _writers.TryGetValue(writer, out var numbers) ? numbers.UpTo : 0;

    /// <summary>A write was stored. False if its number was seen before: it is a repetition.</summary>
    /// <param name="writer">Who gave it its number.</param>
    /// <param name="number">1 or more.</param>
    public bool Add(WriterId writer, ulong number)
    {
        Invariant.Check(number > 0);
        var numbers = NumbersOf(writer);
        var before = numbers.UpTo;
        var isNew = numbers.Add(number);
        Moved(writer, before, numbers.UpTo);
        return isNew;
    }

    /// <summary>
    /// Replicas were compared by their trees, and this one has now all that the other had seen when the
    /// comparison began.
    /// </summary>
    public void Merge(IEnumerable<SeenUpTo> other)
    {
        foreach (var (writer, upTo) in other)
        {
            if (upTo == 0) continue;
            var numbers = NumbersOf(writer);
            var before = numbers.UpTo;
            numbers.RaiseTo(upTo);
            Moved(writer, before, numbers.UpTo);
        }
    }

    /// <summary>The writer will write no more, and all replicas have all of it: forget it.</summary>
    public void Retire(WriterId writer)
    {
        if (_writers.Remove(writer, out var numbers)) Moved(writer, numbers.UpTo, 0);
    }

    /// <summary>The vector for the wire: sorted by writer, without what is behind gaps.</summary>
    public IReadOnlyList<SeenUpTo> Summary() =>
        [.. _writers.Where(static pair => pair.Value.UpTo > 0)
            .Select(static pair => new SeenUpTo(pair.Key, pair.Value.UpTo))];

    /// <summary>
    /// Compares with the summary of another replica: linear in the number of writers. With numbers behind a
    /// gap here, this replica is never called equal or behind: it may have what the other lacks.
    /// </summary>
    /// <param name="other">Sorted by writer.</param>
    public SeenOrder CompareTo(IReadOnlyList<SeenUpTo> other)
    {
        var hasMore = HasGaps;
        var lacks = false;
        var at = 0;
        foreach (var (writer, numbers) in _writers)
        {
            for (; at < other.Count && other[at].Writer < writer; at++) lacks |= other[at].UpTo > 0;
            var theirs = at < other.Count && other[at].Writer == writer ? other[at++].UpTo : 0;
            hasMore |= numbers.UpTo > theirs;
            lacks |= numbers.UpTo < theirs;
        }

        for (; at < other.Count; at++) lacks |= other[at].UpTo > 0;
        return (hasMore, lacks) switch
        {
            (false, false) => SeenOrder.Equal,
            (true, false) => SeenOrder.Ahead,
            (false, true) => SeenOrder.Behind,
            _ => SeenOrder.Apart,
        };
    }

    private Numbers NumbersOf(WriterId writer)
    {
        if (!_writers.TryGetValue(writer, out var numbers)) _writers[writer] = numbers = new Numbers();
        return numbers;
    }

    private void Moved(WriterId writer, ulong before, ulong after)
    {
        if (before != after) Fingerprint = unchecked(Fingerprint - Mix(writer, before) + Mix(writer, after));
    }

    private static ulong Mix(WriterId writer, ulong upTo)
    {
        if (upTo == 0) return 0;
        var high = Math.BigMul(writer.Value ^ 0x9E3779B97F4A7C15, upTo ^ 0xBF58476D1CE4E5B9, out var low);
        return (high ^ low) * 0x94D049BB133111EB;
    }

    /// <summary>
    /// The numbers of one writer. Invariant: the ranges are in order, apart from each other and from UpTo.
    /// </summary>
    private sealed class Numbers
    {
        public ulong UpTo;
        public readonly List<(ulong First, ulong Last)> Ranges = [];

        public bool Add(ulong number)
        {
            if (number <= UpTo) return false;
            if (number == UpTo + 1)
            {
                RaiseTo(number);
                return true;
            }

            var at = Ranges.FindIndex(range => range.Last >= number - 1);
            if (at >= 0 && Ranges[at].First <= number && number <= Ranges[at].Last) return false;
            if (at >= 0 && Ranges[at].Last == number - 1)
            {
                var joins = at + 1 < Ranges.Count && Ranges[at + 1].First == number + 1;
                Ranges[at] = (Ranges[at].First, joins ? Ranges[at + 1].Last : number);
                if (joins) Ranges.RemoveAt(at + 1);
            }
            else if (at >= 0 && Ranges[at].First == number + 1)
            {
                Ranges[at] = (number, Ranges[at].Last);
            }
            else
            {
                Ranges.Insert(at < 0 ? Ranges.Count : at, (number, number));
                if (Ranges.Count > RangesMax) Ranges.RemoveAt(RangesMax);
            }

            return true;
        }

        public void RaiseTo(ulong number)
        {
            UpTo = Math.Max(UpTo, number);
            while (Ranges.Count > 0 && Ranges[0].First <= UpTo + 1)
            {
                UpTo = Math.Max(UpTo, Ranges[0].Last);
                Ranges.RemoveAt(0);
            }
        }
    }
}
