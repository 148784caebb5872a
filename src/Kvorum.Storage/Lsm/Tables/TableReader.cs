using System.Buffers.Binary;
using Kvorum.Storage.Encryption;
using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm.Caching;

namespace Kvorum.Storage.Lsm.Tables;

/// <summary>
/// An open table. Opening reads its end only, and keeps a few bytes per group of blocks; index blocks,
/// filters and data come through the cache. Safe for use by several threads; dispose it after all of its
/// cursors and found entries. Damage and unreadable bytes are a <see cref="TreeDamagedException"/> that
/// names the file, the byte and the remedy.
/// </summary>
internal sealed unsafe class TableReader : IDisposable
{
    // Most tables' ends fit, so that opening one takes one read.
    private const int TailBytes = 16 << 10;

    private readonly IFile _file;
    private readonly BlockCache _cache;
    private readonly string _path;
    private readonly ulong _cacheFile;
    private readonly CachedBlock _top;

    // The index block and the filter of each group, pinned after their first use as far as the cache allows.
    private readonly nint[] _pins;

    private TableReader(
        IFile file, string path, ulong number, BlockCache cache, CachedBlock top, TableProperties properties)
    {
        (_file, _path, _cache, _top) = (file, path, cache, top);
        (Number, Properties, Bytes) = (number, properties, file.Length);
        _cacheFile = cache.NewFile();
        _pins = new nint[2 * ViewOf(top).Restarts];
    }

    /// <summary>Names the file.</summary>
    public ulong Number { get; }

    /// <summary>The table's own description.</summary>
    public TableProperties Properties { get; }

    /// <summary>Bytes of the file.</summary>
    public long Bytes { get; }

    /// <summary>The data key that it is encrypted with; 0: it is plain.</summary>
    public ulong Key => (_file as SealedFile)?.Key ?? 0;

    /// <summary>What the manifest keeps of this table.</summary>
    public TableInfo Info => Properties.ToInfo(Number, Bytes);

    internal BlockView Top => ViewOf(_top);

    /// <summary>Opens a table whose file is complete.</summary>
    public static TableReader Open(IFileSystem files, string path, ulong number, BlockCache cache) =>
        Open(files.Open(path, forWriting: false), path, number, cache);

    /// <summary>
    /// The same for an open file; it is closed with the table, or at once if opening the table fails.
    /// </summary>
    public static TableReader Open(IFile file, string path, ulong number, BlockCache cache)
    {
        CachedBlock top = default;
        try
        {
            var length = file.Length;
            var tail = ReadTail(file, path, length, TailBytes);
            if (!TableFormat.HasMagic(tail) && SealedFile.ReadSeal(file, path) is { } seal)
                throw KeyException.Missing(path, seal.Key);
            var footer = TableFormat.ReadFooter(
                tail.AsSpan(Math.Max(0, tail.Length - TableFormat.FooterBytes)), path, length);
            var wanted = checked(footer.TopBytes + footer.PropertiesBytes + TableFormat.FooterBytes);
            if (wanted > tail.Length)
                tail = ReadTail(file, path, length, wanted);
            ReadOnlySpan<byte> last = tail.AsSpan(tail.Length - wanted);
            top = CopyBlock(last[..footer.TopBytes], path, footer.TopOffset);
            var describedAt = footer.TopOffset + footer.TopBytes;
            var described = CopyBlock(
                last.Slice(footer.TopBytes, footer.PropertiesBytes), path, describedAt);
            var properties = ReadProperties(described);
            described.Release();
            if (properties is null)
                throw TableFormat.Damaged(path, describedAt, "the properties do not fit their bytes");
            return new TableReader(file, path, number, cache, top, properties);
        }
        catch (Exception error)
        {
            top.Release();
            file.Dispose();
            if (error is IOException failed && TreeDamagedException.IsMeantBy(failed))
                throw TableFormat.Unreadable(path, failed);
            throw;
        }
    }

    /// <summary>
    /// Finds the newest version of a key that is not newer than the sequence number; a delete is found as
    /// such. The caller disposes what is found. Allocates nothing when the blocks are in the cache.
    /// </summary>
    public bool TryGet(ReadOnlySpan<byte> key, ulong maxSequence, out FoundEntry found) =>
        TryGet(key, BloomFilter.Hash(key), maxSequence, out found);

    /// <summary>The same, with the key's <see cref="BloomFilter.Hash"/> made once for many tables.</summary>
    public bool TryGet(ReadOnlySpan<byte> key, ulong hash, ulong maxSequence, out FoundEntry found)
    {
        found = default;
        var sought = new SoughtKey(key, maxSequence);
        var top = Top;
        var group = top.FirstRestartNotBefore(sought);
        if (group == top.Restarts)
            return false;
        var handles = GroupHandle.Read(top.EntryAt(group));
        if (handles.Filter.Bytes > 0 && !MayHave(handles.Filter, group, hash))
            return false;
        var index = LoadIndex(handles.Index, group, out var isPinned);
        var view = ViewOf(index);
        var block = view.FirstRestartNotBefore(sought);
        var isWithin = block < view.Restarts;
        var handle = isWithin ? ReadHandle(view.EntryAt(block)) : default;
        if (!isPinned)
            index.Release();
        return isWithin && TryGetFrom(handle, key, maxSequence, out found);
    }

    /// <summary>
    /// A cursor over the whole table. With no read-ahead, its blocks come through the cache and stay there.
    /// With read-ahead, for long scans: cached blocks are used, the rest is read so many bytes at a time and
    /// does not enter the cache.
    /// </summary>
    public Cursor OpenCursor(int readAheadBytes = 0) => new TableCursor(this, readAheadBytes);

    /// <summary>Reads and checks one filter, past the cache; zero bytes mean no filter.</summary>
    internal void CheckFilter(BlockHandle filter)
    {
        if (filter.Bytes == 0)
            return;
        if (filter.Bytes < 0 || filter.Offset < 0 || filter.Offset > Bytes - filter.Bytes)
            throw TableFormat.Damaged(
                _path, filter.Offset, $"an index leads to {filter.Bytes} bytes there");
        var block = CachedBlock.Allocate(filter.Bytes);
        try
        {
            Read(filter.Offset, block.Bytes);
            Check(block.Start, filter.Bytes, _path, filter.Offset, BlockUse.Filter);
        }
        finally
        {
            block.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var pin in _pins)
        {
            if (pin == 0)
                continue;
            _cache.Unpin(CachedBlock.From(pin));
            CachedBlock.From(pin).Release();
        }

        _top.Release();
        _file.Dispose();
    }

    /// <summary>A block from the cache, or from the disk, checked, and then in the cache if it may.</summary>
    internal CachedBlock Load(BlockHandle handle, BlockUse use)
    {
        var isCached = use == BlockUse.Passed
            ? _cache.TryGetUnused(_cacheFile, handle.Offset, out var block)
            : _cache.TryGet(_cacheFile, handle.Offset, handle.Bytes, out block);
        if (isCached)
            return block;
        if (handle.Bytes <= TableFormat.TrailerBytes || handle.Offset < 0 ||
            handle.Offset > Bytes - handle.Bytes)
            throw TableFormat.Damaged(_path, handle.Offset, $"an index leads to {handle.Bytes} bytes there");
        block = Allocate(handle.Bytes, use);
        try
        {
            Read(handle.Offset, block.Bytes);
            CheckSum(block.Start, handle.Bytes, _path, handle.Offset);
            if (IsPacked(block.Bytes, use))
                Unpack(ref block, handle.Offset, use);
            CheckBody(block.Start, block.Length, _path, handle.Offset, use);
        }
        catch
        {
            block.Release();
            throw;
        }

        if (use == BlockUse.Once)
            return block;
        return use == BlockUse.Passed ? _cache.AddUnused(_cacheFile, handle.Offset, block)
            : _cache.Add(_cacheFile, handle.Offset, block, isPrecious: use != BlockUse.Data);
    }

    /// <summary>A block that is in the cache.</summary>
    internal bool TryGetCached(BlockHandle handle, out CachedBlock block) =>
        _cache.TryGetUnused(_cacheFile, handle.Offset, out block);

    /// <summary>The filter of a group; to be released if it is not pinned.</summary>
    internal CachedBlock LoadFilter(BlockHandle handle, int group, out bool isPinned) =>
        LoadPinned(handle, (2 * group) + 1, BlockUse.Filter, out isPinned);

    /// <summary>The index block of a group; to be released if it is not pinned.</summary>
    internal CachedBlock LoadIndex(BlockHandle handle, int group, out bool isPinned) =>
        LoadPinned(handle, 2 * group, BlockUse.Index, out isPinned);

    /// <summary>Reads bytes of the file, all that are asked for.</summary>
    internal void Read(long offset, Span<byte> into)
    {
        if (offset + into.Length > Bytes || ReadFile(offset, into) != into.Length)
            throw TableFormat.Damaged(_path, offset, $"the file ends within {into.Length} expected bytes");
    }

    /// <summary>
    /// A data block in memory, in place or unpacked into the given room; its checksum is verified first.
    /// </summary>
    internal BlockView ViewOf(byte* start, BlockHandle handle, ref CachedBlock room)
    {
        CheckSum(start, handle.Bytes, _path, handle.Offset);
        ReadOnlySpan<byte> stored = new(start, handle.Bytes);
        var length = handle.Bytes;
        if (IsPacked(stored, BlockUse.Data))
        {
            var packed = stored[..^TableFormat.TrailerBytes];
            length = PlainBytes(packed, handle.Offset);
            PackedBlock.Room(ref room, length);
            Unpack(packed, room.Bytes[..length], handle.Offset);
            start = room.Start;
        }

        CheckBody(start, length, _path, handle.Offset, BlockUse.Data);
        return new BlockView(start, length - TableFormat.TrailerBytes);
    }

    internal static BlockView ViewOf(CachedBlock block) =>
        new(block.Start, block.Length - TableFormat.TrailerBytes);

    internal static BlockHandle ReadHandle(BlockEntry entry)
    {
        entry.Read(0, out _, out _, out var value);
        return ReadHandle(value);
    }

    internal static BlockHandle ReadHandle(ReadOnlySpan<byte> value)
    {
        fixed (byte* start = value)
        {
            var at = start;
            return new BlockHandle((long)Varint.Read(ref at), (int)Varint.Read(ref at));
        }
    }

    private bool TryGetFrom(
        BlockHandle handle, ReadOnlySpan<byte> key, ulong maxSequence, out FoundEntry found)
    {
        var data = Load(handle, BlockUse.Data);
        var view = ViewOf(data);
        if (view.Find(key, maxSequence, out var entry, out var hasKey) && hasKey)
        {
            entry.Read(
                view.FirstSequence, out var sequence, out var kind, out var value);
            found = new FoundEntry(data, sequence, kind, value);
            return true;
        }

        data.Release();
        found = default;
        return false;
    }

    private bool MayHave(BlockHandle handle, int group, ulong hash)
    {
        var filter = LoadFilter(handle, group, out var isPinned);
        var may = BloomFilter.MayHave(filter.Bytes[..^TableFormat.TrailerBytes], hash);
        if (!isPinned)
            filter.Release();
        return may;
    }

    // A pinned block stays as long as the table is open, so readers need no hold and no lock of the cache. A
    // block that is not pinned, because the share of pins is used up, is to be released.
    private CachedBlock LoadPinned(BlockHandle handle, int at, BlockUse use, out bool isPinned)
    {
        var pin = Volatile.Read(ref _pins[at]);
        isPinned = pin != 0;
        if (isPinned)
            return CachedBlock.From(pin);
        var block = Load(handle, use);
        if (!_cache.TryPin(block))
            return block;
        if (Interlocked.CompareExchange(ref _pins[at], block.Address, 0) == 0)
            isPinned = true;
        else
            _cache.Unpin(block);
        return block;
    }

    private int ReadFile(long offset, Span<byte> into)
    {
        try
        {
            return _file.Read(offset, into);
        }
        catch (IOException error) when (TreeDamagedException.IsMeantBy(error))
        {
            throw TableFormat.Unreadable(_path, error);
        }
    }

    private static byte[] ReadTail(IFile file, string path, long length, int bytes)
    {
        var tail = new byte[Math.Min(length, bytes)];
        if (file.Read(length - tail.Length, tail) != tail.Length)
            throw TableFormat.Damaged(path, length - tail.Length, "the file became shorter");
        return tail;
    }

    private static CachedBlock CopyBlock(ReadOnlySpan<byte> bytes, string path, long offset)
    {
        var block = CachedBlock.Allocate(bytes.Length);
        bytes.CopyTo(block.Bytes);
        try
        {
            Check(block.Start, bytes.Length, path, offset, BlockUse.Index);
            return block;
        }
        catch
        {
            block.Release();
            throw;
        }
    }

    private static TableProperties? ReadProperties(CachedBlock block)
    {
        var view = ViewOf(block);
        new BlockEntry(view.First).Read(view.FirstSequence, out _, out _, out var value);
        return TableFormat.ReadProperties(value);
    }

    private CachedBlock Allocate(int bytes, BlockUse use) =>
        use == BlockUse.Once ? CachedBlock.Allocate(bytes) : _cache.Allocate(bytes);

    // Filters, index blocks and the end of a table are never packed: every reader needs them.
    private static bool IsPacked(ReadOnlySpan<byte> block, BlockUse use) =>
        block[^TableFormat.TrailerBytes] == PackedBlock.Lz4Flag &&
        use is BlockUse.Data or BlockUse.Passed or BlockUse.Once;

    private void Unpack(ref CachedBlock block, long offset, BlockUse use)
    {
        var stored = block;
        ReadOnlySpan<byte> packed = stored.Bytes[..^TableFormat.TrailerBytes];
        block = Allocate(PlainBytes(packed, offset), use);
        try
        {
            Unpack(packed, block.Bytes, offset);
        }
        finally
        {
            stored.Release();
        }
    }

    private void Unpack(ReadOnlySpan<byte> packed, Span<byte> into, long offset)
    {
        if (!PackedBlock.TryUnpack(packed, into))
            throw Malformed(_path, offset, "its contents cannot be unpacked");
    }

    private int PlainBytes(ReadOnlySpan<byte> packed, long offset) =>
        PackedBlock.PlainLength(packed) is > 0 and var length ? length + TableFormat.TrailerBytes
            : throw Malformed(_path, offset, "its length is impossible");

    private static void Check(byte* start, int length, string path, long offset, BlockUse use)
    {
        CheckSum(start, length, path, offset);
        CheckBody(start, length, path, offset, use);
    }

    private static void CheckSum(byte* start, int length, string path, long offset)
    {
        if (length <= TableFormat.TrailerBytes)
            throw TableFormat.Damaged(path, offset, $"a block of {length} bytes is too short");
        var body = length - TableFormat.TrailerBytes;
        ReadOnlySpan<byte> bytes = new(start, length);
        var crc = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(body + 1)..]);
        if (crc != TableFormat.BlockCrc(offset, bytes[..(body + 1)]))
            throw TableFormat.Damaged(path, offset, $"the checksum of a block of {length} bytes is wrong");
    }

    private static void CheckBody(byte* start, int length, string path, long offset, BlockUse use)
    {
        var body = length - TableFormat.TrailerBytes;
        if (start[body] != PackedBlock.PlainFlag)
            throw TableFormat.Damaged(path, offset, $"a block has the unknown flag {start[body]}");
        var isFilter = use == BlockUse.Filter;
        var isIndex = true;
        var isWhole = isFilter ? body % 64 == 0 : BlockView.IsWhole(start, body, out isIndex);
        if (!isWhole || (use == BlockUse.Index && !isIndex))
            throw Malformed(path, offset, "its contents are malformed");
    }

    private static TreeDamagedException Malformed(string path, long offset, string what) =>
        TableFormat.Damaged(path, offset, $"a block's checksum is right but {what}");
}

/// <summary>The purpose of a read: how the block is checked and how long the cache keeps it.</summary>
internal enum BlockUse
{
    /// <summary>Data, kept while it is used.</summary>
    Data,

    /// <summary>Data read by upkeep, not by a client: kept while there is room for it.</summary>
    Passed,

    /// <summary>An index block, kept before data.</summary>
    Index,

    /// <summary>A filter, kept before data.</summary>
    Filter,

    /// <summary>An index or data block that a long scan passes: does not enter the cache.</summary>
    Once,
}

/// <summary>Where the index block and the filter of a group are; zero bytes mean no filter.</summary>
internal readonly record struct GroupHandle(BlockHandle Index, BlockHandle Filter)
{
    /// <summary>From an entry of the top.</summary>
    public static GroupHandle Read(BlockEntry entry)
    {
        entry.Read(0, out _, out _, out var value);
        return Read(value);
    }

    /// <summary>From the value of an entry of the top.</summary>
    public static unsafe GroupHandle Read(ReadOnlySpan<byte> value)
    {
        fixed (byte* start = value)
        {
            var at = start;
            var offset = (long)Varint.Read(ref at);
            var index = (int)Varint.Read(ref at);
            return new GroupHandle(
                new BlockHandle(offset, index), new BlockHandle(offset + index, (int)Varint.Read(ref at)));
        }
    }
}
