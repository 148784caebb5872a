using System.Buffers.Binary;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Groups;

/// <summary>What is kept with a checkpoint.</summary>
/// <param name="Snapshot">What Raft must know of it.</param>
/// <param name="LogTimeMs">Log time at its index.</param>
/// <param name="History">The history up to its index.</param>
internal sealed record CheckpointTag(SnapshotMetadata Snapshot, ulong LogTimeMs, HistoryMark History)
{
    /// <summary>What a group begins with, before its first checkpoint.</summary>
    public static CheckpointTag Of(Configuration first) =>
        new(SnapshotMetadata.Initial(first), 0, HistoryMark.Empty);
}

/// <summary>
/// What a group writes into the shared log, and into the tags of its tree's checkpoints. Little endian.
/// <code>
/// entry    = term:u64 kind:u8 data              kind as EntryKind; 255: the log starts anew behind this index (a snapshot was installed)
/// state    = version:u8 term:u64 voted:u8 vote:u128 commit:u64 [standing]   version 2 with a standing, else 1
/// standing = 1:u8 index:u64 hash:u8 ours:u64 theirs:u64 other:u128   quarantined; hash: 1, or 0 for terms
///          | 3:u8                                       removed: likewise, and there is no replica
///          | 2:u8 kept:u128     discarded: all entries of the group before it are void; kept: 0 for none
/// tag      = version:u8 logTime:u64 keys:u64 index:u64 term:u64 history configuration
/// history  = hash:u64 starts:u8 (term:u64 first:u64 hash:u64){starts}    the hashes of CommittedHistory
/// </code>
/// </summary>
internal static class GroupRecords
{
    public const byte SnapshotMark = 255;
    private const byte Version = 1;
    private const byte VersionWithStanding = 2;
    private const byte TagVersion = 4;
    private const int EntryHeadBytes = 9;
    private const int StateBytes = 34;
    private const int StandingBytesMax = 42;
    private const int DiscardedBytes = 17;

    public static void Add(LogBatch batch, GroupId group, in Entry entry) =>
        AddEntry(batch, group, entry.Index, entry.Term, (byte)entry.Kind, entry.Data.Span);

    public static void AddMark(LogBatch batch, GroupId group, SnapshotMetadata snapshot) =>
        AddEntry(batch, group, snapshot.Index, snapshot.Term, SnapshotMark, default);

    public static void Add(LogBatch batch, GroupId group, in GroupState state)
    {
        var hard = state.Hard;
        Span<byte> bytes = stackalloc byte[StateBytes + StandingBytesMax];
        bytes[0] = state.Standing is null ? Version : VersionWithStanding;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[1..], hard.Term.Value);
        bytes[9] = hard.Vote is null ? (byte)0 : (byte)1;
        BinaryPrimitives.WriteUInt128LittleEndian(bytes[10..], hard.Vote?.Value ?? 0);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[26..], hard.Commit.Value);
        var length = StateBytes + WriteStanding(state.Standing, bytes[StateBytes..]);
        batch.SetState(group.Value, bytes[..length]);
    }

    private static int WriteStanding(Standing? standing, Span<byte> into)
    {
        switch (standing)
        {
            case Quarantined found:
                into[0] = 1;
                BinaryPrimitives.WriteUInt64LittleEndian(into[1..], found.Index.Value);
                into[9] = found.IsHash ? (byte)1 : (byte)0;
                BinaryPrimitives.WriteUInt64LittleEndian(into[10..], found.Ours);
                BinaryPrimitives.WriteUInt64LittleEndian(into[18..], found.Theirs);
                BinaryPrimitives.WriteUInt128LittleEndian(into[26..], found.Other.Value);
                return StandingBytesMax;
            case Discarded discarded:
                into[0] = 2;
                BinaryPrimitives.WriteUInt128LittleEndian(into[1..], discarded.Kept?.Value ?? 0);
                return DiscardedBytes;
            case Removed:
                into[0] = 3;
                return 1;
            default:
                return 0;
        }
    }

    private static Standing? ReadStanding(ReadOnlySpan<byte> from)
    {
        if (from is [1, ..] && from.Length == StandingBytesMax)
        {
            return new Quarantined(
                new(BinaryPrimitives.ReadUInt64LittleEndian(from[1..])),
                BinaryPrimitives.ReadUInt64LittleEndian(from[10..]),
                BinaryPrimitives.ReadUInt64LittleEndian(from[18..]),
                from[9] == 1,
                new(BinaryPrimitives.ReadUInt128LittleEndian(from[26..])));
        }

        if (from is [3])
            return new Removed();
        if (from is not [2, ..] || from.Length != DiscardedBytes)
            throw new FormatException($"a standing of {from.Length} bytes: written by a newer version?");
        var kept = BinaryPrimitives.ReadUInt128LittleEndian(from[1..]);
        return new Discarded(kept == 0 ? null : new(kept));
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

    public static GroupState ReadState(ReadOnlySpan<byte> payload)
    {
        var isPlain = payload.Length == StateBytes && payload[0] == Version;
        if (!isPlain && (payload.Length <= StateBytes || payload[0] != VersionWithStanding))
        {
            throw new FormatException(
                $"an unknown state record of {payload.Length} bytes: written by a newer version?");
        }

        var hard = new HardState(
            new(BinaryPrimitives.ReadUInt64LittleEndian(payload[1..])),
            payload[9] == 0 ? null : new NodeId(BinaryPrimitives.ReadUInt128LittleEndian(payload[10..])),
            new(BinaryPrimitives.ReadUInt64LittleEndian(payload[26..])));
        return new(hard, isPlain ? null : ReadStanding(payload[StateBytes..]));
    }

    public static byte[] EncodeTag(CheckpointTag tag)
    {
        var writer = new ByteWriter();
        writer.U8(TagVersion);
        writer.U64(tag.LogTimeMs);
        writer.U64(tag.Snapshot.Index.Value);
        writer.U64(tag.Snapshot.Term.Value);
        writer.U64(tag.History.Hash);
        writer.U8((byte)tag.History.Starts.Count);
        foreach (var start in tag.History.Starts)
        {
            writer.U64(start.Term.Value);
            writer.U64(start.First.Value);
            writer.U64(start.Hash);
        }

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
        var hash = from.U64();
        var starts = new TermStart[from.U8()];
        for (var i = 0; i < starts.Length; i++)
            starts[i] = new(new(from.U64()), new(from.U64()), from.U64());
        var configuration = ConfigurationCodec.DecodeConfiguration(from.Rest().Span);
        return new(new(index, term, configuration), logTime, new(index, hash, starts));
    }

    private static void AddEntry(LogBatch batch, GroupId group, LogIndex index, Term term, byte kind, ReadOnlySpan<byte> data)
    {
        Span<byte> head = stackalloc byte[EntryHeadBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(head, term.Value);
        head[8] = kind;
        batch.AddEntry(group.Value, index.Value, head, data);
    }
}
