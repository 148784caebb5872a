using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Kvorum.Storage.Lsm.MemTables;

/// <summary>How many children a node has room for.</summary>
internal enum NodeSize : byte
{
    Four,
    Sixteen,
    FortyEight,
    Full,
}

/// <summary>
/// A node of the radix tree in native memory. A child is a number: the address of a node, or that of a leaf
/// plus one; zero is none. Leis, Kemper, Neumann: The Adaptive Radix Tree, ICDE 2013.
/// <code>
/// node     = head body prefix
/// head     = size u8, 0, count u16, prefix length i32, value i64   value: leaf of the key that ends here
/// body     = 4:   key bytes 4 (+4), children 4     unsorted, the first `count` of them are there
///          | 16:  key bytes 16, children 16        the same
///          | 48:  places 256, children 48          place: 1 + the child's index, 0 for none
///          | 256: children 256
/// </code>
/// Readers take no lock: size, prefix and its length never change once the node is in the tree; a child is
/// written before what leads to it (count, place, slot), and that is a release store. A slot in use may be
/// swapped for a node that has all of its content.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = HeadBytes)]
internal unsafe struct RadixNode
{
    private const int HeadBytes = 16;
    private const int FullCount = 256;

    /// <summary>Its layout.</summary>
    public NodeSize Size;

    /// <summary>Number of children.</summary>
    public ushort Count;

    /// <summary>Length of what all keys below share behind the byte that leads here.</summary>
    public int PrefixBytes;

    /// <summary>The leaf of the key that ends here, as a child; zero for none.</summary>
    public nint Value;

    /// <summary>The place before all children in the order of keys: the value's.</summary>
    public const int ValuePlace = -1;

    private static ReadOnlySpan<int> ChildrenAt => [24, 32, 272, 16];

    private static ReadOnlySpan<int> BodyEnd => [56, 160, 656, 2064];

    private static ReadOnlySpan<int> Room => [4, 16, 48, 256];

    /// <summary>True if a child is a leaf.</summary>
    public static bool IsLeaf(nint child) => (child & 1) != 0;

    /// <summary>The leaf that a child is.</summary>
    public static Leaf* AsLeaf(nint child) => (Leaf*)(child - 1);

    /// <summary>A leaf as a child.</summary>
    public static nint Of(Leaf* leaf) => (nint)leaf + 1;

    /// <summary>What all keys below share behind the byte that leads here.</summary>
    public static ReadOnlySpan<byte> PrefixOf(RadixNode* node) =>
        new((byte*)node + BodyEnd[(int)node->Size], node->PrefixBytes);

    /// <summary>A slot, for writing into it by a release store.</summary>
    public static nint Read(nint* slot) => Volatile.Read(ref *slot);

    /// <summary>Publishes what was made ready before.</summary>
    public static void Publish(nint* slot, nint child) => Volatile.Write(ref *slot, child);

    /// <summary>A new node without children.</summary>
    public static RadixNode* New(Arena arena, NodeSize size, ReadOnlySpan<byte> prefix)
    {
        var body = BodyEnd[(int)size];
        var node = (RadixNode*)arena.Allocate(body + prefix.Length);
        new Span<byte>(node, body).Clear();
        node->Size = size;
        node->PrefixBytes = prefix.Length;
        prefix.CopyTo(new Span<byte>((byte*)node + body, prefix.Length));
        return node;
    }

    /// <summary>The same node with another prefix.</summary>
    public static RadixNode* WithPrefix(Arena arena, RadixNode* node, ReadOnlySpan<byte> prefix)
    {
        var body = BodyEnd[(int)node->Size];
        var copy = (RadixNode*)arena.Allocate(body + prefix.Length);
        new Span<byte>(node, body).CopyTo(new Span<byte>(copy, body));
        copy->PrefixBytes = prefix.Length;
        prefix.CopyTo(new Span<byte>((byte*)copy + body, prefix.Length));
        return copy;
    }

    /// <summary>The same node with more room.</summary>
    public static RadixNode* Grown(Arena arena, RadixNode* node)
    {
        var copy = New(arena, node->Size + 1, PrefixOf(node));
        copy->Value = node->Value;
        for (var at = NextChild(node, ValuePlace, out var child); at < FullCount;
            at = NextChild(node, at, out child))
            Add(copy, (byte)at, child);
        return copy;
    }

    /// <summary>True if no child can be added.</summary>
    public static bool IsFull(RadixNode* node) => node->Count == Room[(int)node->Size];

    /// <summary>Adds a child for a byte that has none; visible to readers at once. Writer only.</summary>
    public static void Add(RadixNode* node, byte key, nint child)
    {
        var bytes = (byte*)node;
        int count = node->Count;
        var children = (nint*)(bytes + ChildrenAt[(int)node->Size]);
        switch (node->Size)
        {
            case NodeSize.Four or NodeSize.Sixteen:
                children[count] = child;
                bytes[HeadBytes + count] = key;
                Volatile.Write(ref node->Count, (ushort)(count + 1));
                return;
            case NodeSize.FortyEight:
                children[count] = child;
                Volatile.Write(ref bytes[HeadBytes + key], (byte)(count + 1));
                break;
            default:
                Publish(children + key, child);
                break;
        }

        node->Count = (ushort)(count + 1);
    }

    /// <summary>The slot of the child for a byte; null if there is none.</summary>
    public static nint* Find(RadixNode* node, byte key)
    {
        var bytes = (byte*)node;
        int found;
        switch (node->Size)
        {
            case NodeSize.Four:
                int count = Volatile.Read(ref node->Count);
                for (found = 0; found < count; found++)
                {
                    if (bytes[HeadBytes + found] == key)
                        return (nint*)(bytes + 24) + found;
                }

                return null;
            case NodeSize.Sixteen:
                var there = (1u << Volatile.Read(ref node->Count)) - 1;
                var equal = there & Vector128.Equals(
                    Vector128.Load(bytes + HeadBytes), Vector128.Create(key)).ExtractMostSignificantBits();
                return equal == 0 ? null : (nint*)(bytes + 32) + uint.TrailingZeroCount(equal);
            case NodeSize.FortyEight:
                found = Volatile.Read(ref bytes[HeadBytes + key]);
                return found == 0 ? null : (nint*)(bytes + 272) + (found - 1);
            default:
                var slot = (nint*)(bytes + HeadBytes) + key;
                return Read(slot) == 0 ? null : slot;
        }
    }

    /// <summary>
    /// The next place behind this one in the order of keys, and its child; 256 if there is none. Before
    /// <see cref="ValuePlace"/> is -2.
    /// </summary>
    public static int NextChild(RadixNode* node, int after, out nint child)
    {
        if (after < ValuePlace && (child = Read(&node->Value)) != 0)
            return ValuePlace;
        var found = node->Size <= NodeSize.Sixteen
            ? LeastAbove(node, after)
            : Walk(node, Math.Max(after, ValuePlace), 1);
        child = found < FullCount ? Read(Find(node, (byte)found)) : 0;
        return found;
    }

    /// <summary>
    /// The last place before this one in the order of keys, and its child; -2 if there is none.
    /// </summary>
    public static int PreviousChild(RadixNode* node, int before, out nint child)
    {
        var found = node->Size <= NodeSize.Sixteen ? GreatestBelow(node, before) : Walk(node, before, -1);
        child = found > ValuePlace ? Read(Find(node, (byte)found))
            : before > ValuePlace ? Read(&node->Value) : 0;
        return found > ValuePlace ? found : child != 0 ? ValuePlace : ValuePlace - 1;
    }

    private static int LeastAbove(RadixNode* node, int after)
    {
        int count = Volatile.Read(ref node->Count);
        var keys = (byte*)node + HeadBytes;
        var least = FullCount;
        for (var i = 0; i < count; i++)
        {
            if (keys[i] > after && keys[i] < least)
                least = keys[i];
        }

        return least;
    }

    private static int GreatestBelow(RadixNode* node, int before)
    {
        int count = Volatile.Read(ref node->Count);
        var keys = (byte*)node + HeadBytes;
        var greatest = ValuePlace;
        for (var i = 0; i < count; i++)
        {
            if (keys[i] < before && keys[i] > greatest)
                greatest = keys[i];
        }

        return greatest;
    }

    private static int Walk(RadixNode* node, int from, int step)
    {
        var at = from + step;
        while (at is >= 0 and < FullCount && Find(node, (byte)at) is null)
            at += step;
        return at;
    }
}
