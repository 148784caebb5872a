using Kvorum.Storage.Lsm.Versions;

namespace Kvorum.Storage.Lsm.Trees;

/// <summary>
/// A received checkpoint taking the place of a tree's content: the writer begins it, the background lane says
/// so in the manifest, the writer completes it.
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

    /// <summary>What is being installed.</summary>
    public CheckpointInfo Info => _received.Info;

    /// <summary>
    /// Writes and syncs the manifest. Background lane. Throws what the disk throws: then readers go on as
    /// before, and it may be tried again; which of both a crash would leave is not known, and either is
    /// whole.
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
