using Kvorum.Storage.Files;

namespace Kvorum.Storage.Trees;

/// <summary>
/// A checkpoint being made: the writer begins and completes it, the background lane writes it.
/// </summary>
public sealed class CheckpointJob
{
    private readonly Tree _tree;
    private readonly CheckpointFolder _folder;
    private readonly ReadView _view;
    private readonly ulong _generation;
    private readonly int _blockBytes;
    private readonly byte[] _tag;
    private long _bytes;
    private bool _written;

    internal CheckpointJob(Tree tree, CheckpointFolder folder, ReadView view, int blockBytes, byte[] tag)
    {
        (_tree, _folder, _view, _blockBytes, _tag) = (tree, folder, view, blockBytes, tag);
        _generation = folder.NextGeneration();
    }

    /// <summary>
    /// Writes and syncs the file. Background lane. Throws what the disk throws: then nothing changed, and a
    /// new checkpoint may begin.
    /// </summary>
    public void Write()
    {
        bool renaming = false;
        try
        {
            using (IFile file = _folder.Files.Create(_folder.UnfinishedPathOf(_generation)))
            {
                var writer = new CheckpointWriter(file, _blockBytes);
                writer.Begin(_view.AppliedIndex, _view.Count, _tag);
                foreach (var (key, value) in _view.Scan(default, default))
                    writer.Add(key.Span, value.Span);
                writer.End();
                _bytes = writer.Position;
            }

            renaming = true;
            _folder.Publish(_generation, _generation);
            _written = true;
        }
        finally
        {
            _view.Dispose();
            if (!_written)
            {
                if (!renaming)
                    _folder.Discard(_generation);
                _tree.EndCheckpoint();
            }
        }
    }

    /// <summary>
    /// Makes it the tree's newest checkpoint and removes older ones that nobody reads. Writer, after
    /// <see cref="Write"/>. Returns the tree's newest one, which is another if one was installed meanwhile.
    /// </summary>
    public CheckpointInfo Complete()
    {
        if (!_written)
            throw new InvalidOperationException("The checkpoint is not written");
        _tree.EndCheckpoint();
        return _tree.Adopt(_generation, new CheckpointInfo(_view.AppliedIndex, _bytes, _tag));
    }
}
