using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Quorum;

namespace Kvorum.Node.Scans;

/// <summary>
/// One key of a share. Shares of strong keyspaces hold them as pages do. Shares of quorum keyspaces hold
/// records, because what is gone on one replica wins over an older value on another:
/// <code>
/// record := key:bytes32 version:16 flags:u8 value:bytes32      version as in RecordVersion; flags: 1 gone
/// </code>
/// </summary>
/// <param name="Key">The key.</param>
/// <param name="Version">Its version; in a strong keyspace the log index as its time.</param>
/// <param name="IsGone">True if the key reads as absent: it is deleted, or its life has ended.</param>
/// <param name="Value">The value, if it is wanted and there.</param>
internal readonly record struct ShareEntry(
    ReadOnlyMemory<byte> Key, RecordVersion Version, bool IsGone, ReadOnlyMemory<byte> Value)
{
    private const byte GoneFlag = 1;

    /// <summary>Bytes of it in a page.</summary>
    public int PageBytes => ScanPageCodec.EntryOverhead + Key.Length + Value.Length;

    /// <summary>Writes it as pages have it.</summary>
    public void WriteToPage(ByteWriter into) =>
        ScanPageCodec.WriteEntry(into, Key.Span, Version.Time.Value, Value.Span);

    /// <summary>Writes it into a share.</summary>
    public void Write(ByteWriter into, bool asRecord)
    {
        if (!asRecord)
        {
            WriteToPage(into);
            return;
        }

        into.Bytes32(Key.Span);
        Span<byte> version = stackalloc byte[RecordVersion.Size];
        Version.Write(version);
        into.Raw(version);
        into.U8(IsGone ? GoneFlag : (byte)0);
        into.Bytes32(Value.Span);
    }

    /// <summary>
    /// Reads the entry at <paramref name="at"/> and moves behind it; key and value refer to the same memory.
    /// <see cref="FormatException"/> if there is none.
    /// </summary>
    public static ShareEntry Read(ReadOnlyMemory<byte> bytes, ref int at, bool asRecord)
    {
        if (!asRecord)
        {
            var plain = ScanPageCodec.ReadEntry(bytes, ref at);
            return new(plain.Key, new(new(plain.Version), default), IsGone: false, plain.Value);
        }

        var reader = new ByteReader(bytes[at..]);
        var key = reader.Bytes32("key");
        var version = RecordVersion.Read(reader.Raw(RecordVersion.Size, "version").Span);
        var flags = reader.U8("flags");
        if (flags > GoneFlag)
            throw new FormatException($"flags {flags} of a record are unknown");
        var entry = new ShareEntry(key, version, flags == GoneFlag, reader.Bytes32("value"));
        at += reader.Position;
        return entry;
    }
}
