namespace Kvorum.Storage.Trees;

/// <summary>
/// The in-memory B+tree of one tree: sorted byte keys, changed in place except for nodes that an open view
/// may see, which are copied first. Not synchronized: <see cref="Tree"/> guards it.
/// </summary>
internal sealed class NodeTree
{
    // What a key costs besides its bytes, for the approximate size: two array headers and slots of the node.
    private const int KeyOverhead = 64;

    private readonly List<long> _views = [];
    private long _edit = 1;
    private long _frozen;

    public Node Root { get; private set; } = Node.Leaf(0);

    public long Count { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>Finds a key below a node.</summary>
    public static byte[]? Find(Node root, ReadOnlySpan<byte> key)
    {
        ulong prefix = Node.PrefixOf(key);
        Node node = root;
        while (node.Children is { } children)
            node = children[node.FindChild(prefix, key)];
        int at = node.Find(prefix, key);
        return at >= 0 ? node.Values![at] : null;
    }

    /// <summary>
    /// Freezes the present nodes until <see cref="Thaw"/> is called with the number returned.
    /// </summary>
    public long Freeze()
    {
        _frozen = _edit++;
        _views.Add(_frozen);
        return _frozen;
    }

    /// <summary>Ends a view. Nodes that no other view can see may be changed in place again.</summary>
    public void Thaw(long view)
    {
        _views.Remove(view);
        _frozen = _views.Count > 0 ? _views[^1] : 0;
    }

    /// <summary>Sets a key; the value's array becomes the tree's.</summary>
    public void Put(ReadOnlySpan<byte> key, byte[] value)
    {
        Root = Own(Root);
        if (Put(Root, Node.PrefixOf(key), key, value) is not { } right)
            return;
        Node root = Node.Inner(_edit);
        root.Append([], null, Root);
        root.Append(LowerBound(right), null, right);
        Root = root;
    }

    /// <summary>Removes a key if it is there.</summary>
    public void Delete(ReadOnlySpan<byte> key)
    {
        // Looked up first: a key that is not there should not copy nodes.
        if (Find(Root, key) is null)
            return;
        Root = Own(Root);
        Delete(Root, Node.PrefixOf(key), key);
        while (Root is { Children: { } children, Count: 1 })
            Root = children[0];
    }

    /// <summary>Replaces everything by nodes that were built elsewhere.</summary>
    public void Replace(Node root, long count, long bytes)
    {
        (Root, Count, Bytes) = (root, count, bytes);
    }

    /// <summary>What a key counts for in <see cref="Bytes"/>.</summary>
    public static long SizeOf(int keyBytes, int valueBytes) => (long)keyBytes + valueBytes + KeyOverhead;

    /// <summary>
    /// The smallest key a node was made with; only for nodes fresh from a split or a build.
    /// </summary>
    public static byte[] LowerBound(Node node) => node.Keys[0];

    private Node Own(Node node) => node.Edit > _frozen ? node : node.Copy(_edit);

    // Puts below a node that is owned; returns its new right neighbour if it had to split.
    private Node? Put(Node node, ulong prefix, ReadOnlySpan<byte> key, byte[] value)
    {
        if (node.Children is not { } children)
            return PutInLeaf(node, prefix, key, value);
        int at = node.FindChild(prefix, key);
        Node child = children[at] = Own(children[at]);
        return Put(child, prefix, key, value) is { } right
            ? InsertAt(node, at + 1, LowerBound(right), null, right)
            : null;
    }

    private Node? PutInLeaf(Node leaf, ulong prefix, ReadOnlySpan<byte> key, byte[] value)
    {
        int at = leaf.Find(prefix, key);
        if (at >= 0)
        {
            Bytes += value.Length - leaf.Values![at].Length;
            leaf.Values[at] = value;
            return null;
        }

        Count++;
        Bytes += SizeOf(key.Length, value.Length);
        return InsertAt(leaf, ~at, key.ToArray(), value, null);
    }

    private Node? InsertAt(Node node, int at, byte[] key, byte[]? value, Node? child)
    {
        if (!node.IsFull)
        {
            node.Insert(at, key, value, child);
            return null;
        }

        // Keys that come in order leave full nodes behind; others split in the middle.
        int middle = at == node.Count ? at : node.Count / 2;
        Node right = node.Split(middle, _edit);
        if (at >= middle)
            right.Insert(at - middle, key, value, child);
        else
            node.Insert(at, key, value, child);
        return right;
    }

    private void Delete(Node node, ulong prefix, ReadOnlySpan<byte> key)
    {
        if (node.Children is not { } children)
        {
            int place = node.Find(prefix, key);
            Count--;
            Bytes -= SizeOf(key.Length, node.Values![place].Length);
            node.RemoveAt(place);
            return;
        }

        int at = node.FindChild(prefix, key);
        Node child = children[at] = Own(children[at]);
        Delete(child, prefix, key);
        if (child.IsSparse && node.Count > 1)
            JoinChild(node, at);
    }

    private void JoinChild(Node node, int at)
    {
        int left = at > 0 && node.Children![at - 1].CanJoin(node.Children[at]) ? at - 1 : at;
        if (left + 1 >= node.Count || !node.Children![left].CanJoin(node.Children[left + 1]))
            return;
        Node joined = node.Children[left] = Own(node.Children[left]);
        joined.Join(node.Children[left + 1], node.Keys[left + 1]);
        node.RemoveAt(left + 1);
    }
}
