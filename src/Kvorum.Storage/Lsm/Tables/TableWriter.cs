using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Kvorum.Storage.Files;

namespace Kvorum.Storage.Lsm.Tables;

/// <summary>
/// Writes one table, from the first entry to the last, in large pieces, and syncs once. Memory: one piece,
/// one block, and index and hashes of one group. One thread at a time. The file stays the caller's: after an
/// <see cref="IOException"/> it closes and deletes it. Dispose the writer in any case: its buffer is pooled.
/// </summary>
internal sealed class TableWriter : IDisposable
{
    // A group ends when its index block or its filter reaches this size: both are read and cached as a whole.
    private const int IndexBytesMax = 4096;
    private const int GroupKeysMax = 32 << 10;

    private readonly IFile _file;
    private readonly TableOptions _options;
    private readonly BlockBuilder _data;
    private readonly BlockBuilder _index = new(1);
    private readonly BlockBuilder _top = new(1);
    private readonly List<ulong> _hashes = [];
    private byte[] _piece;
    private int _pieceBytes;
    private long _pieceOffset;
    private byte[] _filter = [];
    private byte[] _packed = [];
    private bool _hasPacked;
    private byte[] _smallest = [];
    private byte[] _separator = new byte[64];
    private BlockHandle _pending;
    private BlockHandle _groupIndex;
    private int _groupFilterBytes;
    private long _entries;
    private long _deletes;
    private long _dataBlocks;
    private long _dataBytes;
    private ulong _leastSequence = ulong.MaxValue;
    private ulong _greatestSequence;

    /// <summary>Begins a table in an empty file.</summary>
    public TableWriter(IFile file, TableOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.RestartInterval, 1);
        _file = file;
        _options = options;
        _data = new BlockBuilder(options.RestartInterval);
        _piece = ArrayPool<byte>.Shared.Rent(Math.Max(options.WriteBytes, 1));
    }

    /// <summary>
    /// Bytes of the file so far, without the parts at its end: to decide when to cut.
    /// </summary>
    public long Bytes => Position + (_data.Count == 0 ? 0 : _data.Bytes);

    /// <summary>Entries so far.</summary>
    public long Entries => _entries;

    /// <summary>The key of the last entry.</summary>
    public ReadOnlySpan<byte> LastKey => _data.LastKey;

    private long Position => _pieceOffset + _pieceBytes;

    /// <summary>
    /// Adds an entry behind all others: by key, then by sequence number, greatest first. The value of a
    /// delete is empty.
    /// </summary>
    public void Add(ReadOnlySpan<byte> key, ulong sequence, EntryKind kind, ReadOnlySpan<byte> value)
    {
        var common = key.CommonPrefixLength(LastKey);
        var isNewKey = CheckOrder(key, common, sequence);
        var isFull = _data.Count > 0 && _data.Bytes + TableFormat.TrailerBytes +
            BlockBuilder.BytesOf(key.Length, value.Length) > _options.BlockBytes;
        if (isFull)
            FinishData();
        Separate(key);
        _data.Add(key, common, sequence, kind, value);
        // A group's filter has all keys of the group, also one that began in the group before.
        if (isNewKey || _hashes.Count == 0)
            _hashes.Add(BloomFilter.Hash(key));
        _entries++;
        _deletes += kind == EntryKind.Delete ? 1 : 0;
        _leastSequence = Math.Min(_leastSequence, sequence);
        _greatestSequence = Math.Max(_greatestSequence, sequence);
    }

    /// <summary>Completes the table, which has at least one entry, and makes the file durable.</summary>
    public TableProperties Finish()
    {
        if (_entries == 0)
            throw new InvalidOperationException("a table has at least one entry");
        FinishData();
        var largest = LastKey.ToArray();
        AddToIndex(largest, _data.LastSequence);
        FinishGroup();
        AddToTop();
        var top = WriteBlock(_top.Finish());
        var properties = new TableProperties(
            _entries, _deletes, _leastSequence, _greatestSequence, _dataBlocks, _dataBytes,
            _smallest, largest);
        _data.Add([], 0, 0, EntryKind.Put, TableFormat.WriteProperties(properties));
        var described = WriteBlock(_data.Finish());
        Span<byte> footer = stackalloc byte[TableFormat.FooterBytes];
        TableFormat.WriteFooter(footer, new TableFooter(top.Offset, top.Bytes, described.Bytes), _hasPacked);
        Write(footer);
        Flush();
        _file.Sync();
        return properties;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_piece);
        _piece = [];
    }

    // True for a new key.
    private bool CheckOrder(ReadOnlySpan<byte> key, int common, ulong sequence)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sequence, TableFormat.SequenceMax);
        if (_entries == 0)
        {
            _smallest = key.ToArray();
            return true; // an empty key, too
        }

        var last = LastKey;
        var isSame = common == key.Length && common == last.Length;
        var isBehind = isSame ? sequence < _data.LastSequence
            : common == last.Length || (common < key.Length && key[common] > last[common]);
        if (!isBehind)
            throw new InvalidOperationException("entries of a table ascend");
        return !isSame;
    }

    private void FinishData()
    {
        var body = _data.Finish();
        var packed = _options.Compression == BlockCompression.None ? 0 : PackedBlock.Pack(body, ref _packed);
        _hasPacked |= packed > 0;
        _pending = packed > 0
            ? WriteBlock(_packed.AsSpan(0, packed), PackedBlock.Lz4Flag) : WriteBlock(body);
        _data.Reset();
        _dataBlocks++;
        _dataBytes += _pending.Bytes;
    }

    // The index entry of a finished block is made when the next key is known: any key between the two is
    // valid.
    private void Separate(ReadOnlySpan<byte> next)
    {
        if (_pending.Bytes == 0)
            return;
        var last = LastKey;
        if (next.SequenceEqual(last))
        {
            AddToIndex(last, _data.LastSequence);
        }
        else
        {
            var bytes = Separator(last, next);
            AddToIndex(_separator.AsSpan(0, bytes), 0);
        }

        if (_index.Bytes >= IndexBytesMax || _hashes.Count >= GroupKeysMax)
        {
            FinishGroup();
            AddToTop();
        }
    }

    // A short key that is not less than `last` and less than `next`.
    private int Separator(ReadOnlySpan<byte> last, ReadOnlySpan<byte> next)
    {
        var common = last.CommonPrefixLength(next);
        var chosen = common + 1 < next.Length ? next[..(common + 1)] : last;
        if (chosen.Length > last.Length)
            chosen = last;
        if (_separator.Length < chosen.Length)
            _separator = new byte[chosen.Length * 2];
        chosen.CopyTo(_separator);
        return chosen.Length;
    }

    private void AddToIndex(ReadOnlySpan<byte> key, ulong sequence)
    {
        Span<byte> value = stackalloc byte[2 * Varint.BytesMax];
        var bytes = Varint.Write(value, (ulong)_pending.Offset);
        bytes += Varint.Write(value[bytes..], (ulong)_pending.Bytes);
        _index.Add(key, 0, sequence, EntryKind.Put, value[..bytes]);
        _pending = default;
    }

    private void FinishGroup()
    {
        _groupIndex = WriteBlock(_index.Finish());
        _groupFilterBytes = 0;
        if (_options.FilterBitsPerKey > 0 && _hashes.Count > 0)
        {
            var bytes = BloomFilter.BytesOf(_hashes.Count, _options.FilterBitsPerKey);
            if (_filter.Length < bytes)
                _filter = new byte[bytes];
            var lines = _filter.AsSpan(0, bytes);
            lines.Clear();
            BloomFilter.Write(lines, CollectionsMarshal.AsSpan(_hashes));
            _groupFilterBytes = WriteBlock(lines).Bytes;
        }

        _hashes.Clear();
    }

    private void AddToTop()
    {
        Span<byte> value = stackalloc byte[3 * Varint.BytesMax];
        var bytes = Varint.Write(value, (ulong)_groupIndex.Offset);
        bytes += Varint.Write(value[bytes..], (ulong)_groupIndex.Bytes);
        bytes += Varint.Write(value[bytes..], (ulong)_groupFilterBytes);
        _top.Add(_index.LastKey, 0, _index.LastSequence, EntryKind.Put, value[..bytes]);
        _index.Reset();
    }

    private BlockHandle WriteBlock(ReadOnlySpan<byte> body, byte flag = PackedBlock.PlainFlag)
    {
        if (body.Length > TableFormat.BlockBytesMax - TableFormat.TrailerBytes)
            throw new InvalidOperationException($"a block of {body.Length} bytes is too long for a table");
        var offset = Position;
        Span<byte> trailer = stackalloc byte[TableFormat.TrailerBytes];
        trailer[0] = flag;
        var crc = Crc32C.Add(Crc32C.Add(Crc32C.Begin, (ulong)offset), body);
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[1..], Crc32C.End(Crc32C.Add(crc, trailer[..1])));
        Write(body);
        Write(trailer);
        return new BlockHandle(offset, body.Length + TableFormat.TrailerBytes);
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var count = Math.Min(bytes.Length, _piece.Length - _pieceBytes);
            bytes[..count].CopyTo(_piece.AsSpan(_pieceBytes));
            _pieceBytes += count;
            bytes = bytes[count..];
            if (_pieceBytes == _piece.Length)
                Flush();
        }
    }

    private void Flush()
    {
        Invariant.Check(_pieceBytes <= _piece.Length);
        _file.Write(_pieceOffset, _piece.AsSpan(0, _pieceBytes));
        _file.StartSync(_pieceOffset, _pieceBytes);
        _pieceOffset += _pieceBytes;
        _pieceBytes = 0;
    }
}
