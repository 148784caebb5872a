using System.Buffers.Binary;
using Kvorum.Protocol;
using Kvorum.Quorum;

namespace Kvorum.Node.Leaderless;

/// <summary>
/// The write of one record, as it travels to the replicas and as each has it in its log: the same bytes.
/// Little endian. What a replica tells itself is a <see cref="KeepingCommand"/>.
/// <code>
/// command = kind:u8 (1) client keyLength:u32 key record       record as in StoredRecord
/// client  = length:u8 id [requestId:u64 if length > 0]
/// </code>
/// </summary>
/// <param name="ClientId">The client, UTF-8; empty if the write may not be recognised again.</param>
/// <param name="RequestId">The client's number of the write.</param>
/// <param name="Key">The key.</param>
/// <param name="RecordBytes">The record, as it is kept.</param>
internal readonly record struct StoreCommand(
    ReadOnlyMemory<byte> ClientId, ulong RequestId, ReadOnlyMemory<byte> Key,
    ReadOnlyMemory<byte> RecordBytes)
{
    /// <summary>The first byte.</summary>
    public const byte Kind = 1;

    /// <summary>The version alone.</summary>
    public RecordVersion Version => RecordVersion.Read(RecordBytes.Span);

    /// <summary>A command as bytes.</summary>
    public static byte[] Encode(
        string clientId, ulong requestId, ReadOnlySpan<byte> key, in StoredRecord record)
    {
        var clientBytes = Utf8Text.CountOf(clientId);
        var bytes = GC.AllocateUninitializedArray<byte>(
            2 + clientBytes + (clientBytes > 0 ? 8 : 0) + 4 + key.Length + record.Bytes);
        var rest = bytes.AsSpan();
        rest[0] = Kind;
        rest[1] = (byte)clientBytes;
        Utf8Text.Write(clientId, rest[2..]);
        rest = rest[(2 + clientBytes)..];
        if (clientBytes > 0)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(rest, requestId);
            rest = rest[8..];
        }

        BinaryPrimitives.WriteUInt32LittleEndian(rest, (uint)key.Length);
        key.CopyTo(rest[4..]);
        rest = rest[(4 + key.Length)..];
        record.WriteHead(rest);
        record.Value.Span.CopyTo(rest[StoredRecord.HeadBytes..]);
        return bytes;
    }

    /// <summary>
    /// Reads a command. A <see cref="FormatException"/> if it is none: it stops the replica, never is it
    /// skipped.
    /// </summary>
    public static StoreCommand Read(ReadOnlyMemory<byte> bytes)
    {
        var from = new ByteReader(bytes);
        if (from.U8() is var kind and not Kind)
            throw new FormatException($"unknown command kind {kind}: written by a newer version?");
        var client = from.Raw(from.U8());
        var request = client.Length > 0 ? from.U64() : 0;
        var key = from.Bytes32();
        var record = from.Rest();
        return record.Length >= StoredRecord.HeadBytes ? new(client, request, key, record)
            : throw new FormatException($"a record of {record.Length} bytes");
    }

    /// <summary>
    /// The same bytes, if they are a command that can be applied; else a <see cref="FormatException"/>: what
    /// comes from a peer is looked at before it goes into the log.
    /// </summary>
    public static ReadOnlyMemory<byte> Checked(ReadOnlyMemory<byte> bytes)
    {
        var command = Read(bytes);
        if (command.Key.Length is 0 or > Protocol.Limits.KeyBytesMax)
            throw new FormatException($"a key of {command.Key.Length} bytes");
        return StoredRecord.Read(command.RecordBytes).Version.IsNone
            ? throw new FormatException("a record without a version") : bytes;
    }
}
