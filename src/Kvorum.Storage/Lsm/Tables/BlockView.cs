namespace Kvorum.Storage.Lsm.Tables;

/// <summary>
/// The body of a block of entries in native memory. It was checked by
/// <see cref="IsWhole(byte*, int)"/> when it was read, so bounds are not checked again here. Good as
/// long as the block is held.
/// </summary>
internal readonly unsafe struct BlockView
{
    private const int FirstEntry = sizeof(ulong);

    private readonly byte* _start;
    private readonly uint* _restarts;
    private readonly int _restartCount;

    /// <summary>Looks at a body that is known to be whole.</summary>
    public BlockView(byte* start, int length)
    {
        _start = start;
        _restartCount = (int)*(uint*)(start + length - sizeof(uint));
        _restarts = (uint*)(start + length) - 1 - _restartCount;
    }

    /// <summary>Where the first entry is.</summary>
    public byte* First => _start + FirstEntry;

    /// <summary>Where the entries end.</summary>
    public byte* End => (byte*)_restarts;

    /// <summary>The sequence number that the stamps are relative to.</summary>
    public ulong FirstSequence => *(ulong*)_start;

    /// <summary>Number of restarts, at least one.</summary>
    public int Restarts => _restartCount;

    /// <summary>Where a restart is.</summary>
    public byte* Restart(int index) => _start + _restarts[index];

    /// <summary>The entry of a restart.</summary>
    public BlockEntry EntryAt(int restart) => new(Restart(restart));

    /// <summary>True if every entry and restart lies within the body as the format says.</summary>
    public static bool IsWhole(byte* start, int length) => IsWhole(start, length, out _);

    /// <summary>The same; and whether each of the entries is a restart, as in index blocks.</summary>
    public static bool IsWhole(byte* start, int length, out bool isIndex)
    {
        isIndex = false;
        if (length < FirstEntry + (2 * sizeof(uint)))
            return false;
        var restarts = *(uint*)(start + length - sizeof(uint));
        if (restarts == 0 || restarts > (length - FirstEntry - sizeof(uint)) / sizeof(uint))
            return false;
        var restart = (uint*)(start + length) - 1 - restarts;
        var end = (byte*)restart;
        var restartsEnd = restart + restarts;
        ulong keyBytes = 0;
        var at = start + FirstEntry;
        uint entries = 0;
        for (; at < end; entries++)
        {
            var isRestart = restart < restartsEnd && *restart == (ulong)(at - start);
            if (!TryPass(ref at, end, ref keyBytes, isRestart || at == start + FirstEntry))
                return false;
            if (isRestart)
                restart++;
        }

        isIndex = entries == restarts;
        return restart == restartsEnd && *(uint*)end == FirstEntry;
    }

    /// <summary>
    /// Finds the first entry at or behind (key, sequence), for a point read: no key is put together. False
    /// if all entries are before it.
    /// </summary>
    public bool Find(ReadOnlySpan<byte> key, ulong sequence, out BlockEntry entry, out bool hasKey)
    {
        var at = Restart(LastRestartBefore(key, sequence));
        // How much of the sought key the last entry shares; all entries passed are before the sought one.
        var matched = 0;
        for (; at < End; at = entry.End)
        {
            entry = new BlockEntry(at);
            hasKey = false;
            if (entry.Shared == 0)
                matched = 0; // a restart shares nothing, whatever the key before it was
            else if (entry.Shared > matched)
                continue;
            else if (entry.Shared < matched)
                return true;
            ReadOnlySpan<byte> suffix = new(entry.SuffixStart, entry.Suffix);
            var common = suffix.CommonPrefixLength(key[matched..]);
            matched += common;
            if (common < suffix.Length)
            {
                if (matched == key.Length || suffix[common] > key[matched])
                    return true;
            }
            else if (matched == key.Length)
            {
                hasKey = true;
                if (entry.Sequence(FirstSequence) <= sequence)
                    return true;
            }
        }

        (entry, hasKey) = (default, false);
        return false;
    }

    /// <summary>The last restart whose entry is before (key, sequence); the first if there is none.</summary>
    public int LastRestartBefore(ReadOnlySpan<byte> key, ulong sequence)
    {
        var sought = new SoughtKey(key, sequence);
        var low = 0;
        var high = _restartCount - 1;
        while (low < high)
        {
            var middle = (low + high + 1) >>> 1;
            if (IsBefore(middle, sought))
                low = middle;
            else
                high = middle - 1;
        }

        return low;
    }

    /// <summary>
    /// In a block whose entries all are restarts: the first one at or behind what is sought; their number if
    /// there is none.
    /// </summary>
    public int FirstRestartNotBefore(in SoughtKey sought) => FirstBetween(0, _restartCount, sought);

    /// <summary>The same, if none before <paramref name="from"/> is, and it is not far behind.</summary>
    public int FirstRestartNotBefore(in SoughtKey sought, int from)
    {
        var high = from;
        for (var step = 1; high < _restartCount && IsBefore(high, sought); step *= 2)
        {
            from = high + 1;
            high += step;
        }

        return FirstBetween(from, Math.Min(high, _restartCount), sought);
    }

    private int FirstBetween(int low, int high, in SoughtKey sought)
    {
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (IsBefore(middle, sought))
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    private bool IsBefore(int restart, in SoughtKey sought)
    {
        var entry = EntryAt(restart);
        var order = sought.Compare(entry.SuffixStart, entry.Suffix);
        return order < 0 || (order == 0 && entry.Sequence(FirstSequence) > sought.Sequence);
    }

    private static bool TryPass(ref byte* at, byte* end, ref ulong keyBytes, bool isRestart)
    {
        if (!Varint.TryRead(ref at, end, out var shared) ||
            !Varint.TryRead(ref at, end, out var suffix) ||
            !Varint.TryRead(ref at, end, out var rest))
            return false;
        var left = (ulong)(end - at);
        if (shared > keyBytes || (isRestart && shared != 0) || suffix > left || rest > left - suffix)
            return false;
        var stamp = at + suffix;
        at = stamp + rest;
        keyBytes = shared + suffix;
        return Varint.TryRead(ref stamp, at, out _);
    }
}
