using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm.Versions;

namespace Kvorum.Storage.Lsm.Trees;

/// <summary>
/// A checkpoint being received: written piece by piece into tables aside, each checked when it is whole, then
/// installed or disposed. Disposed before the install it removes its tables. One thread at a time.
/// </summary>
public sealed class CheckpointReceiver : IDisposable
{
    private readonly VersionSet _versions;
    private readonly List<TableFile> _tables = [];
    private readonly List<ulong> _numbers = [];
    private byte[] _begin = new byte[CheckpointStream.HeadBytes];
    private int _beginBytes;
    private VersionEdit? _edit;
    private IFile? _file;
    private int _at;
    private long _fileBytes;
    private bool _isVerified;
    private bool _isTaken;
    private bool _isDone;

    internal CheckpointReceiver(VersionSet versions, CheckpointInfo info)
    {
        _versions = versions;
        Info = info with { Tag = info.Tag.ToArray() };
    }

    /// <summary>The announced checkpoint.</summary>
    public CheckpointInfo Info { get; }

    /// <summary>Bytes received so far: the next expected offset.</summary>
    public long Received { get; private set; }

    /// <summary>
    /// The verified content, with the numbers its tables have here; null before <see cref="Verify"/>.
    /// </summary>
    internal VersionEdit? Content => _isVerified && !_isDone ? _edit : null;

    internal IReadOnlyList<TableFile> Tables => _tables;

    /// <summary>
    /// Adds bytes at <see cref="Received"/>; the last ones complete it. Background lane. A <see
    /// cref="TreeDamagedException"/> if they are not of a checkpoint, or complete a damaged table.
    /// </summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        CheckReceiving();
        if (bytes.Length > Info.Bytes - Received)
            throw Unusable($"more than the {Info.Bytes} bytes that were announced");
        while (!bytes.IsEmpty)
        {
            var taken = _edit is null ? TakeBegin(bytes) : TakeTable(bytes);
            Invariant.Check(taken > 0);
            Received += taken;
            bytes = bytes[taken..];
        }
    }

    /// <summary>
    /// Checks that the content is complete and makes its names durable. Background lane. A
    /// <see cref="TreeDamagedException"/> if a part is missing: then receive it again.
    /// </summary>
    public void Verify()
    {
        CheckReceiving();
        if (_edit is null || _at < _edit.Added.Length || Received != Info.Bytes)
            throw Unusable("it is incomplete");
        _versions.Folder.Files.SyncFolder(_versions.Folder.Path);
        _isVerified = true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isDone || _isTaken)
            return;
        _isDone = true;
        _file?.Dispose();
        foreach (var table in _tables)
            table.Release();
        foreach (var number in _numbers)
            _versions.Folder.DeleteTable(number);
    }

    /// <summary>
    /// An install takes it over: a manifest may name its tables, so they stay even if the install fails.
    /// </summary>
    internal void Take() => _isTaken = true;

    /// <summary>The install is complete: the tree holds the tables.</summary>
    internal void Installed()
    {
        _isDone = true;
        foreach (var table in _tables)
            table.Release();
    }

    private int TakeBegin(ReadOnlySpan<byte> bytes)
    {
        var taken = Math.Min(bytes.Length, _begin.Length - _beginBytes);
        bytes[..taken].CopyTo(_begin.AsSpan(_beginBytes));
        _beginBytes += taken;
        if (_beginBytes < _begin.Length)
            return taken;
        if (_begin.Length == CheckpointStream.HeadBytes)
        {
            var length = CheckpointStream.ReadHead(_begin) ?? throw Unusable("its head is damaged");
            if (length > Info.Bytes - CheckpointStream.HeadBytes || length == 0)
                throw Unusable("its list of tables is longer than all of it");
            Array.Resize(ref _begin, checked(CheckpointStream.HeadBytes + (int)length));
            return taken;
        }

        TakeEdit(CheckpointStream.ReadEdit(_begin) ?? throw Unusable("its list of tables is damaged"));
        _begin = [];
        return taken;
    }

    // The tables get numbers of this tree.
    private void TakeEdit(VersionEdit edit)
    {
        var bytes = edit.Added.Sum(static table => table.Table.Bytes);
        if (edit.Mark is not { } mark || mark.AppliedIndex != Info.AppliedIndex ||
            !mark.Tag.Span.SequenceEqual(Info.Tag.Span) || _beginBytes + bytes != Info.Bytes ||
            edit.Added.Any(static table => table.Table.Bytes <= 0))
            throw Unusable("not the checkpoint that was announced");
        _edit = edit with
        {
            Mark = mark with { IsInstalled = true },
            Added = [.. edit.Added.Select(Renumbered)],
        };
    }

    private LevelTable Renumbered(LevelTable table) =>
        table with { Table = table.Table with { Number = _versions.NextNumber() } };

    private int TakeTable(ReadOnlySpan<byte> bytes)
    {
        var table = _edit!.Added[_at].Table;
        if (_file is null)
        {
            _versions.Begin();
            _numbers.Add(table.Number);
            _file = _versions.Folder.CreateTable(table.Number);
            _fileBytes = 0;
        }

        var taken = (int)Math.Min(bytes.Length, table.Bytes - _fileBytes);
        _file.Write(_fileBytes, bytes[..taken]);
        _fileBytes += taken;
        if (_fileBytes < table.Bytes)
            return taken;
        _file.Sync();
        _file.Dispose();
        _file = null;
        _at++;
        Check(table);
        return taken;
    }

    // The same check of every byte as the doctor command does.
    private void Check(TableInfo table)
    {
        try
        {
            if (TableFile.Check(_versions.Folder, table) is [var damage, ..])
                throw damage;
            _tables.Add(_versions.OpenTable(table.Number, table));
        }
        catch (TreeDamagedException damage)
        {
            throw Unusable(damage.What.TrimEnd('.'), damage.InnerException);
        }
    }

    private TreeDamagedException Unusable(string what, Exception? cause = null) => new(
        $"{_versions.Folder.Path}: a received checkpoint cannot be used: {what}.", "Receive it again.",
        cause);

    private void CheckReceiving()
    {
        ObjectDisposedException.ThrowIf(_isDone, this);
        if (_isVerified)
            throw new InvalidOperationException("The checkpoint is already verified");
    }
}
