using System.Buffers.Binary;
using Kvorum.Node.Wire;
using Kvorum.Raft;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Groups;

/// <summary>What is kept with a checkpoint.</summary>
/// <param name="Snapshot">What Raft must know of it.</param>
/// <param name="LogTimeMs">Log time at its index.</param>
internal sealed record CheckpointTag(SnapshotMetadata Snapshot, ulong LogTimeMs);

/// <summary>
/// What a group writes into the shared log, and into the tags of its tree's checkpoints. Little endian.
/// <code>
/// entry    = term:u64 kind:u8 data              kind as EntryKind; 255: the log starts anew behind this index (a snapshot was installed)
/// state    = version:u8 term:u64 voted:u8 vote:u128 commit:u64
/// tag      = version:u8 logTime:u64 keys:u64 index:u64 term:u64 configuration
/// </code>
/// </summary>
internal static class GroupRecords
{
    public const byte SnapshotMark = 255;
    private const byte Version = 1;
    private const byte TagVersion = 3;
    private const int EntryHeadBytes = 9;

    public static void Add(LogBatch batch, uint group, in Entry entry) =>
        AddEntry(batch, group, entry.Index, entry.Term, (byte)entry.Kind, entry.Data.Span);

    public static void AddMark(LogBatch batch, uint group, SnapshotMetadata snapshot) =>
        AddEntry(batch, group, snapshot.Index, snapshot.Term, SnapshotMark, default);

    public static void Add(LogBatch batch, uint group, HardState state)
    {
        Span<byte> bytes = stackalloc byte[34];
        bytes[0] = Version;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[1..], state.Term.Value);
        bytes[9] = state.Vote is null ? (byte)0 : (byte)1;
        BinaryPrimitives.WriteUInt128LittleEndian(bytes[10..], state.Vote?.Value ?? 0);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[26..], state.Commit.Value);
        batch.SetState(group, bytes);
    }

    /// <summary>Reads an entry record: its kind, and the entry itself unless it is a mark.</summary>
    public static (byte Kind, Entry Entry) ReadEntry(ulong index, ReadOnlySpan<byte> payload)
    {
        if (payload.Length < EntryHeadBytes)
            throw new FormatException($"an entry record of {payload.Length} bytes");
        var term = new Term(BinaryPrimitives.ReadUInt64LittleEndian(payload));
        var kind = payload[8];
        if (kind is not SnapshotMark and not (>= (byte)EntryKind.Command and <= (byte)EntryKind.Noop))
            throw new FormatException($"unknown entry kind {kind}: written by a newer version?");
        return (kind, new(new(index), term, (EntryKind)kind, payload[EntryHeadBytes..].ToArray()));
    }

    public static HardState ReadState(ReadOnlySpan<byte> payload)
    {
        if (payload.Length != 34 || payload[0] != Version)
            throw new FormatException($"an unknown state record of {payload.Length} bytes: written by a newer version?");
        return new(
            new(BinaryPrimitives.ReadUInt64LittleEndian(payload[1..])),
            payload[9] == 0 ? null : new NodeId(BinaryPrimitives.ReadUInt128LittleEndian(payload[10..])),
            new(BinaryPrimitives.ReadUInt64LittleEndian(payload[26..])));
    }

    public static byte[] EncodeTag(CheckpointTag tag)
    {
        var writer = new ByteWriter();
        writer.U8(TagVersion);
        writer.U64(tag.LogTimeMs);
        writer.U64(tag.Snapshot.Index.Value);
        writer.U64(tag.Snapshot.Term.Value);
        ConfigurationCodec.Encode(tag.Snapshot.Configuration, writer);
        return writer.ToArray();
    }

    public static CheckpointTag ReadTag(ReadOnlyMemory<byte> tag)
    {
        var from = new ByteReader(tag);
        var version = from.U8();
        if (version != TagVersion)
            throw new FormatException($"unknown checkpoint tag version {version}: written by a newer version?");
        var logTime = from.U64();
        var index = new LogIndex(from.U64());
        var term = new Term(from.U64());
        return new(new(index, term, ConfigurationCodec.DecodeConfiguration(from.Rest().Span)), logTime);
    }

    private static void AddEntry(LogBatch batch, uint group, LogIndex index, Term term, byte kind, ReadOnlySpan<byte> data)
    {
        Span<byte> head = stackalloc byte[EntryHeadBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(head, term.Value);
        head[8] = kind;
        batch.AddEntry(group, index.Value, head, data);
    }
}
