using Kvorum.Storage.Lsm.Versions;

namespace Kvorum.Storage.Lsm.Trees;

/// <summary>
/// Replaces a tree's content by a received checkpoint: the writer begins it, the background lane writes the
/// manifest, the writer completes it.
/// </summary>
public sealed class InstallJob
{
    private readonly Tree _tree;
    private readonly VersionSet _versions;
    private readonly CheckpointReceiver _received;
    private bool _isWritten;

    internal InstallJob(Tree tree, VersionSet versions, CheckpointReceiver received)
    {
        (_tree, _versions, _received) = (tree, versions, received);
        received.Take();
    }

    /// <summary>The checkpoint.</summary>
    public CheckpointInfo Info => _received.Info;

    /// <summary>
    /// Writes and syncs the manifest. Background lane. Throws the disk's error: then readers see the old
    /// content, and the call may be repeated. A crash leaves the old content or the new one, each complete.
    /// </summary>
    public void Write()
    {
        if (_isWritten)
            throw new InvalidOperationException("The install is already written");
        _versions.Install(_received.Content!, _received.Tables);
        _isWritten = true;
    }

    /// <summary>Makes it what readers see. Writer, after <see cref="Write"/>.</summary>
    public void Complete()
    {
        if (!_isWritten)
            throw new InvalidOperationException("The install is not written");
        _received.Installed();
        _tree.AdoptInstalled(_received.Info.AppliedIndex);
    }
}
