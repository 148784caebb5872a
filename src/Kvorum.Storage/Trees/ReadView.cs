namespace Kvorum.Storage.Trees;

/// <summary>
/// A frozen state of a tree. Any thread may read it, several at once; dispose it when nobody reads any more.
/// </summary>
public sealed class ReadView : IDisposable
{
    private readonly Node _root;
    private readonly Action<long> _close;
    private readonly long _number;
    private int _closed;

    internal ReadView(Node root, ulong appliedIndex, long count, long number, Action<long> close)
    {
        (_root, _number, _close) = (root, number, close);
        AppliedIndex = appliedIndex;
        Count = count;
    }

    /// <summary>The log index of the state.</summary>
    public ulong AppliedIndex { get; }

    /// <summary>Number of keys.</summary>
    public long Count { get; }

    /// <summary>Looks a key up. The memory is never changed and outlives the view.</summary>
    public bool TryGet(ReadOnlySpan<byte> key, out ReadOnlyMemory<byte> value)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _closed) != 0, this);
        byte[]? found = NodeTree.Find(_root, key);
        value = found;
        return found is not null;
    }

    /// <summary>
    /// Keys from <paramref name="from"/> (inclusive) to <paramref name="end"/> (exclusive; empty: no bound),
    /// in byte order.
    /// </summary>
    public IEnumerable<KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>> Scan(
        ReadOnlyMemory<byte> from, ReadOnlyMemory<byte> end)
    {
        ulong prefix = Node.PrefixOf(from.Span);
        var path = new Stack<(Node Node, int Next)>();
        Node leaf = _root;
        while (leaf.Children is { } children)
        {
            int at = leaf.FindChild(prefix, from.Span);
            path.Push((leaf, at + 1));
            leaf = children[at];
        }

        int place = leaf.Find(prefix, from.Span);
        place = place >= 0 ? place : ~place;
        while (true)
        {
            for (; place < leaf.Count; place++)
            {
                ObjectDisposedException.ThrowIf(Volatile.Read(ref _closed) != 0, this);
                byte[] key = leaf.Keys[place];
                if (!end.IsEmpty && key.AsSpan().SequenceCompareTo(end.Span) >= 0)
                    yield break;
                yield return new(key, leaf.Values![place]);
            }

            if (NextLeaf(path) is not { } next)
                yield break;
            (leaf, place) = (next, 0);
        }
    }

    /// <summary>
    /// Keys below <paramref name="end"/> (exclusive; empty: no bound) down to <paramref name="from"/>
    /// (inclusive), in descending byte order.
    /// </summary>
    public IEnumerable<KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>> ScanBack(
        ReadOnlyMemory<byte> from, ReadOnlyMemory<byte> end)
    {
        ulong prefix = Node.PrefixOf(end.Span);
        var path = new Stack<(Node Node, int Next)>();
        Node leaf = _root;
        while (leaf.Children is { } children)
        {
            int at = end.IsEmpty ? leaf.Count - 1 : leaf.FindChild(prefix, end.Span);
            path.Push((leaf, at - 1));
            leaf = children[at];
        }

        int found = leaf.Find(prefix, end.Span);
        int place = end.IsEmpty ? leaf.Count - 1 : (found >= 0 ? found : ~found) - 1;
        while (true)
        {
            for (; place >= 0; place--)
            {
                ObjectDisposedException.ThrowIf(Volatile.Read(ref _closed) != 0, this);
                byte[] key = leaf.Keys[place];
                if (key.AsSpan().SequenceCompareTo(from.Span) < 0)
                    yield break;
                yield return new(key, leaf.Values![place]);
            }

            if (PreviousLeaf(path) is not { } previous)
                yield break;
            (leaf, place) = (previous, previous.Count - 1);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _closed, 1) == 0)
            _close(_number);
    }

    private static Node? NextLeaf(Stack<(Node Node, int Next)> path)
    {
        while (path.TryPop(out (Node Node, int Next) at))
        {
            if (at.Next >= at.Node.Count)
                continue;
            path.Push((at.Node, at.Next + 1));
            Node node = at.Node.Children![at.Next];
            while (node.Children is { } children)
            {
                path.Push((node, 1));
                node = children[0];
            }

            return node;
        }

        return null;
    }

    private static Node? PreviousLeaf(Stack<(Node Node, int Next)> path)
    {
        while (path.TryPop(out (Node Node, int Next) at))
        {
            if (at.Next < 0)
                continue;
            path.Push((at.Node, at.Next - 1));
            Node node = at.Node.Children![at.Next];
            while (node.Children is { } children)
            {
                path.Push((node, node.Count - 2));
                node = children[node.Count - 1];
            }

            return node;
        }

        return null;
    }
}
