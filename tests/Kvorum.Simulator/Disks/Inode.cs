namespace Kvorum.Simulator.Disks;

/// <summary>
/// The content of one file: what the page cache shows, and what each sector that was written since the last
/// sync had on the platter before.
/// </summary>
internal sealed class Inode
{
    // Sectors that differ from the platter. A list in order of writing, found by number.
    private readonly Dictionary<int, Unsynced> _unsynced = [];
    private byte[] _bytes = [];
    private long _durableLength;
    private bool _isLengthDirty;

    private readonly record struct Unsynced(byte[]? Before, bool IsMarkedClean);

    /// <summary>The length that readers see.</summary>
    public long Length { get; private set; }

    /// <summary>Where the newest write began.</summary>
    public long LastWriteOffset { get; private set; }

    /// <summary>
    /// A byte that was damaged behind the store's back, and the name it then had; null if none.
    /// </summary>
    public long? FlippedAt { get; private set; }

    /// <summary>
    /// Bytes that the disk cannot read, from the first to behind the last: until all of them are written
    /// again, or cut off. Null if there are none.
    /// </summary>
    public (long From, long End)? Unreadable { get; private set; }

    /// <summary>True if a byte is damaged, or cannot be read.</summary>
    public bool IsDamaged => FlippedAt is not null || Unreadable is not null;

    /// <summary>What readers see.</summary>
    public Span<byte> Bytes => _bytes.AsSpan(0, (int)Length);

    /// <summary>True if all of it is on the platter.</summary>
    public bool IsSynced => _unsynced.Count == 0 && _durableLength == Length;

    /// <summary>A file with this content, all of it synced.</summary>
    public static Inode Synced(byte[] bytes) =>
        new() { _bytes = bytes, Length = bytes.Length, _durableLength = bytes.Length };

    /// <summary>Writes, growing the file where needed.</summary>
    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        if (offset + bytes.Length > Length)
            SetLength(offset + bytes.Length);
        LastWriteOffset = offset;
        if (FlippedAt >= offset && FlippedAt < offset + bytes.Length)
            FlippedAt = null;
        var end = offset + bytes.Length;
        if (Unreadable is { } bad && offset <= bad.From && bad.End <= end)
            Unreadable = null;
        RememberAll(offset, end);
        bytes.CopyTo(_bytes.AsSpan((int)offset));
    }

    /// <summary>Cuts or grows the file.</summary>
    public void SetLength(long length)
    {
        if (length == Length)
            return;
        if (length > _bytes.Length)
            Array.Resize(ref _bytes, (int)Math.Max(length, _bytes.Length * 2L));
        if (length < Length)
            Cut(length);
        Length = length;
        _isLengthDirty = true;
    }

    /// <summary>
    /// What was written is on the platter, but for what an earlier failed sync has marked clean.
    /// </summary>
    public void Sync()
    {
        foreach (var (sector, before) in _unsynced)
        {
            if (!before.IsMarkedClean)
                _unsynced.Remove(sector);
        }

        _durableLength = Length;
        _isLengthDirty = false;
    }

    /// <summary>A sync failed: the pages are marked clean and never reach the platter.</summary>
    public void MarkClean()
    {
        foreach (var (sector, before) in _unsynced)
            _unsynced[sector] = before with { IsMarkedClean = true };
        _isLengthDirty = false;
    }

    /// <summary>
    /// What a power cut leaves; asked for the length and for each sector whether it was kept.
    /// </summary>
    public Inode Survive(Func<bool> keep)
    {
        var length = _isLengthDirty && keep() ? Length : _durableLength;
        var bytes = new byte[length];
        _bytes.AsSpan(0, (int)Math.Min(length, Length)).CopyTo(bytes);
        foreach (var (sector, before) in _unsynced)
        {
            if (!before.IsMarkedClean && keep())
                continue;
            var at = sector * (long)SimulatedDisk.SectorBytes;
            if (at >= length)
                continue;
            var room = bytes.AsSpan((int)at, (int)Math.Min(SimulatedDisk.SectorBytes, length - at));
            room.Clear();
            before.Before.AsSpan(0, Math.Min(before.Before?.Length ?? 0, room.Length)).CopyTo(room);
        }

        var survivor = Synced(bytes);
        survivor.LastWriteOffset = LastWriteOffset;
        survivor.FlippedAt = FlippedAt;
        survivor.Unreadable = Unreadable is { } bad && bad.End <= length ? bad : null;
        return survivor;
    }

    /// <summary>The disk cannot read these bytes any more.</summary>
    public void Spoil(long from, long end) => Unreadable = (from, end);

    /// <summary>The first of these bytes that cannot be read; null if all can be.</summary>
    public long? FirstUnreadable(long offset, long count) =>
        Unreadable is { } bad && bad.From < offset + count && offset < bad.End
            ? Math.Max(offset, bad.From) : null;

    /// <summary>Flips one bit of what is on the platter.</summary>
    public void Flip(long at, int bit)
    {
        _bytes[at] ^= (byte)(1 << bit);
        FlippedAt = at;
    }

    private void RememberAll(long from, long end)
    {
        for (var at = from / SimulatedDisk.SectorBytes * SimulatedDisk.SectorBytes; at < end;)
        {
            Remember((int)(at / SimulatedDisk.SectorBytes));
            at += SimulatedDisk.SectorBytes;
        }
    }

    // The platter's content of a sector, before it is changed for the first time since the last sync.
    private void Remember(int sector)
    {
        if (_unsynced.TryGetValue(sector, out var before))
        {
            if (before.IsMarkedClean)
                _unsynced[sector] = before with { IsMarkedClean = false };
            return;
        }

        var at = sector * (long)SimulatedDisk.SectorBytes;
        var count = (int)Math.Clamp(_durableLength - at, 0, SimulatedDisk.SectorBytes);
        _unsynced.Add(sector, new(count == 0 ? null : _bytes.AsSpan((int)at, count).ToArray(), false));
    }

    private void Cut(long length)
    {
        RememberAll(length, Length);
        _bytes.AsSpan((int)length, (int)(Length - length)).Clear();
        if (FlippedAt >= length)
            FlippedAt = null;
        if (Unreadable?.End > length)
            Unreadable = null;
    }
}
