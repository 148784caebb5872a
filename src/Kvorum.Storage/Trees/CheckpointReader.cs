using Kvorum.Storage.Files;

namespace Kvorum.Storage.Trees;

/// <summary>
/// A checkpoint being sent. Read on any one thread at a time. Its file is kept until it is disposed.
/// </summary>
public sealed class CheckpointReader : IDisposable
{
    private readonly CheckpointFolder _folder;
    private readonly ulong _generation;
    private readonly IFile _file;
    private bool _closed;

    internal CheckpointReader(CheckpointFolder folder, ulong generation, CheckpointInfo info)
    {
        (_folder, _generation, Info) = (folder, generation, info);
        _file = folder.OpenReader(generation);
    }

    /// <summary>What it is.</summary>
    public CheckpointInfo Info { get; }

    /// <summary>Reads bytes of the file from an offset; fewer than asked only at its end.</summary>
    public int Read(long offset, Span<byte> into)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        return _file.Read(offset, into);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_closed)
            return;
        _closed = true;
        _folder.CloseReader(_generation, _file);
    }
}
