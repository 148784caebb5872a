using System.Buffers.Binary;

namespace Kvorum.Storage.Trees;

/// <summary>
/// A node of the in-memory B+tree: a leaf has values, an inner node children. In an inner node the key at i
/// is a lower bound of what is below child i; the one at 0 is not used. A node belongs to the edit that made
/// it; once a view holds an edit that is not older, the node never changes again and is copied instead.
/// </summary>
internal sealed class Node
{
    /// <summary>
    /// Most keys in a leaf and children in an inner node: few cache lines of prefixes, and cheap to copy.
    /// </summary>
    public const int Capacity = 64;

    // A node that falls below is joined with a neighbour if both fit well into one.
    private const int Sparse = Capacity / 4;
    private const int JoinedMax = Capacity * 3 / 4;

    private readonly ulong[] _prefixes = new ulong[Capacity];

    private Node(long edit, bool leaf)
    {
        Edit = edit;
        if (leaf)
            Values = new byte[Capacity][];
        else
            Children = new Node[Capacity];
    }

    public long Edit { get; }

    public int Count { get; private set; }

    public byte[][] Keys { get; } = new byte[Capacity][];

    public byte[][]? Values { get; }

    public Node[]? Children { get; }

    public bool IsFull => Count == Capacity;

    public bool IsSparse => Count < Sparse;

    public static Node Leaf(long edit) => new(edit, leaf: true);

    public static Node Inner(long edit) => new(edit, leaf: false);

    /// <summary>
    /// The first eight bytes as a number that sorts like them: most comparisons end there, without a look at
    /// the key.
    /// </summary>
    public static ulong PrefixOf(ReadOnlySpan<byte> key)
    {
        if (key.Length >= sizeof(ulong))
            return BinaryPrimitives.ReadUInt64BigEndian(key);
        ulong prefix = 0;
        for (int i = 0; i < sizeof(ulong); i++)
            prefix = prefix << 8 | (i < key.Length ? key[i] : 0u);
        return prefix;
    }

    /// <summary>The place of the key in a leaf, or the complement of where it would go.</summary>
    public int Find(ulong prefix, ReadOnlySpan<byte> key) => Search(prefix, key, 0);

    /// <summary>The child below which the key is.</summary>
    public int FindChild(ulong prefix, ReadOnlySpan<byte> key)
    {
        int at = Search(prefix, key, 1);
        return at >= 0 ? at : ~at - 1;
    }

    /// <summary>Puts a key and its value or child at a place, moving those behind it.</summary>
    public void Insert(int at, byte[] key, byte[]? value, Node? child)
    {
        int moved = Count - at;
        Array.Copy(_prefixes, at, _prefixes, at + 1, moved);
        Array.Copy(Keys, at, Keys, at + 1, moved);
        _prefixes[at] = PrefixOf(key);
        Keys[at] = key;
        if (Values is not null)
        {
            Array.Copy(Values, at, Values, at + 1, moved);
            Values[at] = value!;
        }
        else
        {
            Array.Copy(Children!, at, Children!, at + 1, moved);
            Children![at] = child!;
        }

        Count++;
    }

    /// <summary>Adds behind the last.</summary>
    public void Append(byte[] key, byte[]? value, Node? child) => Insert(Count, key, value, child);

    /// <summary>Takes out the key at a place with its value or child.</summary>
    public void RemoveAt(int at)
    {
        int moved = --Count - at;
        Array.Copy(_prefixes, at + 1, _prefixes, at, moved);
        Array.Copy(Keys, at + 1, Keys, at, moved);
        Keys[Count] = null!;
        if (Values is not null)
        {
            Array.Copy(Values, at + 1, Values, at, moved);
            Values[Count] = null!;
        }
        else
        {
            Array.Copy(Children!, at + 1, Children!, at, moved);
            Children![Count] = null!;
        }
    }

    /// <summary>The same node for a newer edit.</summary>
    public Node Copy(long edit)
    {
        var copy = new Node(edit, Values is not null);
        CopyTo(copy, 0, Count, 0);
        copy.Count = Count;
        return copy;
    }

    /// <summary>Moves all from a place on into a new right neighbour.</summary>
    public Node Split(int at, long edit)
    {
        var right = new Node(edit, Values is not null);
        CopyTo(right, at, Count - at, 0);
        right.Count = Count - at;
        Array.Clear(Keys, at, Count - at);
        Array.Clear((Array?)Values ?? Children!, at, Count - at);
        Count = at;
        return right;
    }

    /// <summary>True if this node and its neighbour are better one node.</summary>
    public bool CanJoin(Node right) => Count + right.Count <= JoinedMax;

    /// <summary>Takes over all of the right neighbour, whose lower bound is given.</summary>
    public void Join(Node right, byte[] bound)
    {
        right.CopyTo(this, 0, right.Count, Count);
        if (Children is not null)
        {
            // The first key of an inner node is not used; here it no longer is the first.
            Keys[Count] = bound;
            _prefixes[Count] = PrefixOf(bound);
        }

        Count += right.Count;
    }

    private void CopyTo(Node target, int from, int count, int at)
    {
        Array.Copy(_prefixes, from, target._prefixes, at, count);
        Array.Copy(Keys, from, target.Keys, at, count);
        if (Values is not null)
            Array.Copy(Values, from, target.Values!, at, count);
        else
            Array.Copy(Children!, from, target.Children!, at, count);
    }

    private int Search(ulong prefix, ReadOnlySpan<byte> key, int low)
    {
        int high = Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            ulong candidate = _prefixes[middle];
            int order = candidate == prefix
                ? Keys[middle].AsSpan().SequenceCompareTo(key)
                : candidate < prefix ? -1 : 1;
            if (order == 0)
                return middle;
            if (order < 0)
                low = middle + 1;
            else
                high = middle;
        }

        return ~low;
    }
}
