namespace Kvorum.Storage.Lsm.Tables;

/// <summary>An entry where it lies in a block; good as long as the block is held.</summary>
internal readonly unsafe struct BlockEntry
{
    private readonly byte* _key;

    /// <summary>Decodes the entry at <paramref name="at"/>, which is known to be whole.</summary>
    public BlockEntry(byte* at)
    {
        // Most entries have three lengths of one byte; four bytes can be read, as restarts follow the
        // entries.
        var lengths = *(uint*)at;
        if ((lengths & 0x808080) == 0)
        {
            Shared = (int)(lengths & 0x7f);
            Suffix = (int)(lengths >> 8 & 0x7f);
            Rest = (int)(lengths >> 16 & 0x7f);
            _key = at + 3;
        }
        else
        {
            Shared = (int)Varint.Read(ref at);
            Suffix = (int)Varint.Read(ref at);
            Rest = (int)Varint.Read(ref at);
            _key = at;
        }
    }

    /// <summary>Bytes of the key taken from the key before.</summary>
    public int Shared { get; }

    /// <summary>Bytes of the key that follow them.</summary>
    public int Suffix { get; }

    /// <summary>Bytes of stamp and value.</summary>
    public int Rest { get; }

    /// <summary>The bytes of the suffix.</summary>
    public byte* SuffixStart => _key;

    /// <summary>The first byte behind the entry.</summary>
    public byte* End => _key + Suffix + Rest;

    /// <summary>The sequence number, the kind and the value.</summary>
    public void Read(
        ulong firstSequence, out ulong sequence, out EntryKind kind, out ReadOnlySpan<byte> value)
    {
        var at = _key + Suffix;
        var stamp = Varint.Read(ref at);
        (sequence, kind) = Stamp.Open(stamp, firstSequence);
        value = new ReadOnlySpan<byte>(at, (int)(End - at));
    }

    /// <summary>The sequence number.</summary>
    public ulong Sequence(ulong firstSequence)
    {
        var at = _key + Suffix;
        return Stamp.Open(Varint.Read(ref at), firstSequence).Sequence;
    }
}

/// <summary>Sequence number and kind in one number, small where the numbers of a block are close.</summary>
internal static class Stamp
{
    /// <summary>The stamp of an entry in a block whose first entry has this number.</summary>
    public static ulong Of(ulong sequence, EntryKind kind, ulong firstSequence)
    {
        var difference = (long)(sequence - firstSequence);
        var zigzag = (ulong)((difference << 1) ^ (difference >> 63));
        return (zigzag << 1) | (byte)kind;
    }

    /// <summary>What a stamp says.</summary>
    public static (ulong Sequence, EntryKind Kind) Open(ulong stamp, ulong firstSequence)
    {
        var zigzag = stamp >> 1;
        var difference = (long)(zigzag >> 1) ^ -(long)(zigzag & 1);
        return (firstSequence + (ulong)difference, (EntryKind)(stamp & 1));
    }
}
