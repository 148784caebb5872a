using System.Buffers.Binary;
using Kvorum.Protocol;
using Kvorum.Quorum;

namespace Kvorum.Node.Leaderless;

/// <summary>
/// What a quorum keyspace keeps under a user's key. A deletion is a record, too, so that it wins over older
/// writes that come later.
/// <code>
/// record  = version:16 flags:u8 expires:u64 value       version as in RecordVersion; expires little endian
/// flags   = 1 deleted
/// </code>
/// </summary>
/// <param name="Version">By which the last write wins.</param>
/// <param name="IsDeleted">True for a deletion.</param>
/// <param name="ExpiresMs">When it ends, in Unix milliseconds; 0: never.</param>
/// <param name="Value">The value; empty if only the head was asked for.</param>
internal readonly record struct StoredRecord(
    RecordVersion Version, bool IsDeleted, ulong ExpiresMs, ReadOnlyMemory<byte> Value)
{
    /// <summary>Bytes before the value.</summary>
    public const int HeadBytes = RecordVersion.Size + 1 + sizeof(ulong);

    private const byte DeletedFlag = 1;

    /// <summary>Bytes of the whole.</summary>
    public int Bytes => HeadBytes + Value.Length;

    /// <summary>Reads a record that fills the bytes. A <see cref="FormatException"/> if it is none.</summary>
    public static StoredRecord Read(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length < HeadBytes)
            throw new FormatException($"a record of {bytes.Length} bytes");
        var head = bytes.Span;
        var flags = head[RecordVersion.Size];
        if (flags > DeletedFlag)
            throw new FormatException($"a record with flags {flags}: written by a newer version?");
        return new(
            RecordVersion.Read(head), flags == DeletedFlag,
            BinaryPrimitives.ReadUInt64LittleEndian(head[(RecordVersion.Size + 1)..]), bytes[HeadBytes..]);
    }

    /// <summary>Writes what comes before the value.</summary>
    public void WriteHead(Span<byte> into)
    {
        Version.Write(into);
        into[RecordVersion.Size] = IsDeleted ? DeletedFlag : (byte)0;
        BinaryPrimitives.WriteUInt64LittleEndian(into[(RecordVersion.Size + 1)..], ExpiresMs);
    }

    /// <summary>From when on it is as good as not there, in Unix milliseconds; 0: never.</summary>
    public ulong EndsMs => IsDeleted ? (ulong)Version.Time.UnixMs : ExpiresMs;

    /// <summary>
    /// True if a record wins over another one: the higher version, or of two different records with one
    /// version the deleted one, the one that ends later, the one with the greater value. No two writes share
    /// a version unless a client repeats ids or a version with something else: then replicas that have seen
    /// both agree all the same.
    /// </summary>
    public static bool Wins(in StoredRecord record, in StoredRecord over)
    {
        if (record.Version != over.Version)
            return record.Version > over.Version;
        if (record.IsDeleted != over.IsDeleted)
            return record.IsDeleted;
        return record.ExpiresMs != over.ExpiresMs ? record.ExpiresMs > over.ExpiresMs
            : record.Value.Span.SequenceCompareTo(over.Value.Span) > 0;
    }

    /// <summary>What operators are told of it at this time of the hybrid clock.</summary>
    public ReplicaOfKey Told(ReplicaOfKey replica, long nowMs) => replica with
    {
        Has = IsDeleted ? "deleted" : IsPresent(nowMs) ? "value" : "expired",
        Version = $"{new WriteVersion(Version.Time.Value, Version.Writer.Value)}",
        ValueBytes = IsDeleted ? null : Value.Length,
        ExpiresMs = ExpiresMs == 0 ? null : ExpiresMs,
    };

    /// <summary>True if the key is there at this time of the hybrid clock.</summary>
    public bool IsPresent(long nowMs) => !IsDeleted && (ExpiresMs == 0 || ExpiresMs > (ulong)nowMs);
}
