namespace Kvorum.Storage.Trees;

/// <summary>Builds the nodes of a tree from keys that come in ascending order.</summary>
internal sealed class NodeBuilder
{
    // Room for some keys to come before a node must split.
    private const int Fill = Node.Capacity * 7 / 8;

    // No view has seen what is built here: the first edit may still change it in place.
    private const long FirstEdit = 1;

    private readonly List<(byte[] Bound, Node Node)> _leaves = [];
    private Node? _leaf;
    private byte[]? _last;

    public long Count { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>Adds a key; false if it does not follow the one before.</summary>
    public bool TryAdd(byte[] key, byte[] value)
    {
        if (_last is not null && _last.AsSpan().SequenceCompareTo(key) >= 0)
            return false;
        if (_leaf is null || _leaf.Count == Fill)
            _leaves.Add((key, _leaf = Node.Leaf(FirstEdit)));
        _leaf.Append(key, value, null);
        _last = key;
        Count++;
        Bytes += NodeTree.SizeOf(key.Length, value.Length);
        return true;
    }

    /// <summary>The root over all keys added; made once, when all are there.</summary>
    public Node Root => field ??= Build();

    private Node Build()
    {
        List<(byte[] Bound, Node Node)> level = _leaves;
        if (level.Count == 0)
            return Node.Leaf(FirstEdit);
        while (level.Count > 1)
        {
            List<(byte[] Bound, Node Node)> above = [];
            foreach ((byte[] bound, Node node) in level)
            {
                if (above.Count == 0 || above[^1].Node.Count == Fill)
                    above.Add((bound, Node.Inner(FirstEdit)));
                above[^1].Node.Append(bound, null, node);
            }

            level = above;
        }

        return level[0].Node;
    }
}
