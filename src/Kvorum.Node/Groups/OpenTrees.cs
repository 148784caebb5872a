using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Groups;

/// <summary>The trees that a node has opened, to be closed at its end. Any thread.</summary>
internal sealed class OpenTrees : IDisposable
{
    private readonly Lock _gate = new();
    private readonly List<Tree> _trees = [];

    /// <summary>A tree is open. It may be closed by itself before the end.</summary>
    public Tree Add(Tree tree)
    {
        lock (_gate)
            _trees.Add(tree);
        return tree;
    }

    /// <summary>Closes one before the end.</summary>
    public void Close(Tree tree)
    {
        lock (_gate)
            _trees.Remove(tree);
        tree.Dispose();
    }

    /// <summary>Closes those that are still open.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var tree in _trees)
                tree.Dispose();
            _trees.Clear();
        }
    }
}
