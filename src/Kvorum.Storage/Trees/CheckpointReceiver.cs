using Kvorum.Storage.Files;

namespace Kvorum.Storage.Trees;

/// <summary>
/// A checkpoint being received: written piece by piece, then verified, then installed or disposed. Disposing
/// it before the install removes its file. One thread at a time.
/// </summary>
public sealed class CheckpointReceiver : IDisposable
{
    private readonly CheckpointFolder _folder;
    private IFile? _file;
    private bool _done;

    internal CheckpointReceiver(CheckpointFolder folder, CheckpointInfo info)
    {
        _folder = folder;
        Info = info with { Tag = info.Tag.ToArray() };
        Generation = folder.NextGeneration();
        _file = folder.Files.Create(folder.UnfinishedPathOf(Generation));
    }

    /// <summary>What is being received.</summary>
    public CheckpointInfo Info { get; }

    /// <summary>Bytes received so far: the next expected offset.</summary>
    public long Received { get; private set; }

    internal ulong Generation { get; }

    /// <summary>The verified content; null before <see cref="Verify"/>.</summary>
    internal NodeBuilder? Content { get; private set; }

    /// <summary>Adds bytes at <see cref="Received"/>; the last ones complete it. Background lane.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        IFile file = Receiving();
        if (bytes.Length > Info.Bytes - Received)
            throw Unusable($"more than the {Info.Bytes} bytes that were announced");
        file.Write(Received, bytes);
        Received += bytes.Length;
    }

    /// <summary>
    /// Verifies every checksum of the complete file and syncs it. Background lane. A
    /// <see cref="TreeDamagedException"/> if it is not whole or not what was announced: then receive it
    /// again.
    /// </summary>
    public void Verify()
    {
        IFile file = Receiving();
        var loader = new CheckpointLoader(file, _folder.UnfinishedPathOf(Generation));
        CheckpointInfo found = loader.Load();
        if (found.AppliedIndex != Info.AppliedIndex || found.Bytes != Info.Bytes ||
            !found.Tag.Span.SequenceEqual(Info.Tag.Span))
            throw Unusable("not the checkpoint that was announced");
        file.Sync();
        file.Dispose();
        _file = null;
        _ = loader.Nodes.Root; // built here rather than on the writer
        Content = loader.Nodes;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_done)
            return;
        _done = true;
        Content = null;
        _file?.Dispose();
        _file = null;
        _folder.Discard(Generation);
    }

    /// <summary>The file is the tree's now.</summary>
    internal void Installed() => (_done, Content) = (true, null);

    private TreeDamagedException Unusable(string what) =>
        new($"{_folder.UnfinishedPathOf(Generation)}: {what}. Receive it again.");

    private IFile Receiving()
    {
        ObjectDisposedException.ThrowIf(_done, this);
        return _file ?? throw new InvalidOperationException("The checkpoint is already verified");
    }
}
