using Kvorum.Storage.Lsm.Caching;

namespace Kvorum.Storage.Lsm.Tables;

/// <summary>
/// A place in a table: in its top, in the index block of a group, in a data block. Holds these two blocks.
/// After an exception it has no position, and only seeks are allowed.
/// </summary>
internal sealed unsafe class TableCursor : Cursor
{
    private readonly TableReader _table;
    private readonly int _readAheadBytes;
    private BlockCursor _top;
    private BlockCursor _index;
    private BlockCursor _data;
    private CachedBlock _indexBlock;
    private CachedBlock _dataBlock;
    private long _indexOffset = -1;
    private long _dataOffset = -1;
    private CachedBlock _ahead;
    private long _aheadOffset;
    private int _aheadBytes;
    private CachedBlock _unpacked;

    /// <summary>A cursor without a position yet.</summary>
    public TableCursor(TableReader table, int readAheadBytes)
    {
        _table = table;
        _readAheadBytes = readAheadBytes;
        _top.Open(table.Top);
    }

    /// <inheritdoc/>
    public override bool IsValid => _data.IsValid;

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Key => _data.Key;

    /// <inheritdoc/>
    public override ulong Sequence => _data.Sequence;

    /// <inheritdoc/>
    public override EntryKind Kind => _data.Kind;

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Value => _data.Value;

    /// <inheritdoc/>
    public override void SeekToFirst()
    {
        _top.SeekToFirst();
        OpenGroup();
        _index.SeekToFirst();
        OpenData(isBackward: false);
        _data.SeekToFirst();
    }

    /// <inheritdoc/>
    public override void SeekToLast()
    {
        _top.SeekToLast();
        OpenGroup();
        _index.SeekToLast();
        OpenData(isBackward: true);
        _data.SeekToLast();
    }

    /// <inheritdoc/>
    public override void Seek(ReadOnlySpan<byte> key, ulong sequence = ulong.MaxValue)
    {
        _top.Seek(key, sequence);
        if (!_top.IsValid)
        {
            _data.Close();
            return;
        }

        OpenGroup();
        _index.Seek(key, sequence);
        OpenData(isBackward: false);
        _data.Seek(key, sequence);
        if (!_data.IsValid)
            NextBlock();
    }

    /// <inheritdoc/>
    public override void SeekBefore(ReadOnlySpan<byte> key)
    {
        Seek(key);
        if (IsValid)
            Previous();
        else
            SeekToLast();
    }

    /// <inheritdoc/>
    public override void Next()
    {
        _data.Next();
        if (!_data.IsValid)
            NextBlock();
    }

    /// <inheritdoc/>
    public override void Previous()
    {
        _data.Previous();
        if (!_data.IsValid)
            PreviousBlock();
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        CloseData();
        CloseGroup();
        _ahead.Release();
        _ahead = default;
        _unpacked.Release();
        _unpacked = default;
    }

    private void NextBlock()
    {
        _index.Next();
        if (!_index.IsValid)
        {
            _top.Next();
            if (!_top.IsValid)
                return;
            OpenGroup();
            _index.SeekToFirst();
        }

        OpenData(isBackward: false);
        _data.SeekToFirst();
    }

    private void PreviousBlock()
    {
        _index.Previous();
        if (!_index.IsValid)
        {
            _top.Previous();
            if (!_top.IsValid)
                return;
            OpenGroup();
            _index.SeekToLast();
        }

        OpenData(isBackward: true);
        _data.SeekToLast();
    }

    private void OpenGroup()
    {
        var handle = GroupHandle.Read(_top.Value).Index;
        if (handle.Offset == _indexOffset)
            return;
        CloseData();
        CloseGroup();
        _indexBlock = _table.Load(handle, _readAheadBytes > 0 ? BlockUse.Once : BlockUse.Index);
        _indexOffset = handle.Offset;
        _index.Open(TableReader.ViewOf(_indexBlock));
    }

    private void CloseGroup()
    {
        _index.Close();
        _indexOffset = -1;
        _indexBlock.Release();
        _indexBlock = default;
    }

    private void OpenData(bool isBackward)
    {
        var handle = TableReader.ReadHandle(_index.Value);
        if (handle.Offset == _dataOffset)
            return;
        CloseData();
        if (_readAheadBytes == 0)
            _dataBlock = _table.Load(handle, BlockUse.Data);
        else
            _table.TryGetCached(handle, out _dataBlock);
        _data.Open(_dataBlock.Exists ? TableReader.ViewOf(_dataBlock) : LookAhead(handle, isBackward));
        _dataOffset = handle.Offset;
    }

    private void CloseData()
    {
        _data.Close();
        _dataOffset = -1;
        _dataBlock.Release();
        _dataBlock = default;
    }

    // The block in the piece that was read ahead, or in the next one, which begins or ends with it.
    private BlockView LookAhead(BlockHandle handle, bool isBackward)
    {
        if (handle.Offset < _aheadOffset || handle.Offset + handle.Bytes > _aheadOffset + _aheadBytes)
        {
            var end = handle.Offset + handle.Bytes;
            if (isBackward)
                ReadAhead(Math.Max(0, Math.Min(handle.Offset, end - _readAheadBytes)), end);
            else
                ReadAhead(
                    handle.Offset, Math.Max(end, Math.Min(handle.Offset + _readAheadBytes, _table.Bytes)));
        }

        var start = _ahead.Start + (handle.Offset - _aheadOffset);
        return _table.ViewOf(start, handle, ref _unpacked);
    }

    private void ReadAhead(long offset, long end)
    {
        var bytes = (int)(end - offset);
        _aheadBytes = 0;
        if (!_ahead.Exists || _ahead.Length < bytes)
        {
            _ahead.Release();
            _ahead = default;
            _ahead = CachedBlock.Allocate(Math.Max(bytes, _readAheadBytes));
        }

        _table.Read(offset, _ahead.Bytes[..bytes]);
        (_aheadOffset, _aheadBytes) = (offset, bytes);
    }
}
