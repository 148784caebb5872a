using Kvorum.Quorum;
using Kvorum.Quorum.Merkle;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Leaderless;

/// <summary>
/// Keeps the Merkle tree of a replica: built from its data when it is first wanted, and again when it has
/// become too shallow; from then on each change goes into it. Owned by the node loop.
/// </summary>
internal sealed class MerkleKeeper(Tree tree)
{
    // What has changed since the view of the tree that is being built.
    private List<(ulong KeyHash, RecordVersion Old, RecordVersion New)>? _meanwhile;

    /// <summary>The tree; null while there is none.</summary>
    public MerkleTree? Tree { get; private set; }

    /// <summary>True if changes must be told.</summary>
    public bool IsWanted => Tree is not null || _meanwhile is not null;

    /// <summary>A record has changed.</summary>
    public void Changed(ulong keyHash, RecordVersion old, RecordVersion now)
    {
        Tree?.Replace(keyHash, old, now);
        _meanwhile?.Add((keyHash, old, now));
    }

    /// <summary>
    /// Begins to build the tree if there is none that is deep enough, and none is being built.
    /// </summary>
    /// <param name="run">Runs work on the lane for scans; what comes back runs in the loop.</param>
    /// <param name="damaged">A table is damaged.</param>
    public void BuildIfWanted(Action<Action, Action<Exception?>> run, Action<TreeDamagedException> damaged)
    {
        if (_meanwhile is not null || Tree is { IsTooShallow: false })
            return;
        _meanwhile = [];
        var view = tree.OpenView();
        var built = new MerkleTree(MerkleTree.DepthFor(tree.CountedKeys));
        run(
            () =>
            {
                using (view)
                    Fill(built, view);
            },
            failure => Built(built, failure, damaged));
    }

    private void Built(MerkleTree built, Exception? failure, Action<TreeDamagedException> damaged)
    {
        var meanwhile = _meanwhile!;
        _meanwhile = null;
        if (failure is TreeDamagedException damage)
        {
            damaged(damage);
            return;
        }

        if (failure is not null)
            throw new NodeFaultException($"{tree.Folder}: it could not be read: {failure.Message}", failure);
        foreach (var (keyHash, old, now) in meanwhile)
            built.Replace(keyHash, old, now);
        Tree = built;
    }

    private static void Fill(MerkleTree built, ReadView view)
    {
        foreach (var (key, record) in StoredMachine.Records(view, default, default))
            built.Replace(KeyHash.Of(key.Span), RecordVersion.None, RecordVersion.Read(record.Span));
    }
}
