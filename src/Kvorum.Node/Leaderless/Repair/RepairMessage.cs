using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Quorum;
using Kvorum.Quorum.Merkle;

namespace Kvorum.Node.Leaderless.Repair;

/// <summary>
/// What two replicas say to each other to find out what they lack. The one that asks drives; the other one
/// keeps nothing.
/// </summary>
/// <param name="Id">The asking side's number of the exchange.</param>
/// <param name="Group">The group.</param>
internal abstract record RepairMessage(ulong Id, GroupId Group)
{
    /// <summary>Asks: is this your root, too?</summary>
    /// <param name="Id">The asking side's number of the exchange.</param>
    /// <param name="Group">The group.</param>
    /// <param name="Root">The asking side's root.</param>
    /// <param name="Since">
    /// A replica that is to be filled asks: only one that refuses requests of older placements than this may
    /// answer. 0: any may.
    /// </param>
    public sealed record Open(ulong Id, GroupId Group, MerkleRoot Root, Epoch Since)
        : RepairMessage(Id, Group);

    /// <summary>Answers with the other side's root.</summary>
    public sealed record Opened(ulong Id, GroupId Group, MerkleRoot Root) : RepairMessage(Id, Group);

    /// <summary>Asks: which of these sums are other ones?</summary>
    public sealed record Compare(ulong Id, GroupId Group, MerkleQuestion Question) : RepairMessage(Id, Group);

    /// <summary>Answers with a bit for each that is.</summary>
    public sealed record Compared(ulong Id, GroupId Group, ushort[] Differing) : RepairMessage(Id, Group);

    /// <summary>Asks: which records of this range of keys, in these leaves, does one of us lack?</summary>
    /// <param name="Id">The asking side's number of the exchange.</param>
    /// <param name="Group">The group.</param>
    /// <param name="Leaves">As in <see cref="LeafSet"/>.</param>
    /// <param name="From">Where the range begins, inclusive.</param>
    /// <param name="End">Where it ends, exclusive; empty: no bound.</param>
    /// <param name="Own">What the asking side has.</param>
    public sealed record Pairs(
        ulong Id, GroupId Group, ReadOnlyMemory<byte> Leaves, ReadOnlyMemory<byte> From,
        ReadOnlyMemory<byte> End, VersionedKey[] Own) : RepairMessage(Id, Group);

    /// <summary>Answers with the records that the asking side lacks, and what is wanted of it.</summary>
    /// <param name="Id">The asking side's number of the exchange.</param>
    /// <param name="Group">The group.</param>
    /// <param name="Commands">Records, as in <see cref="StoreCommand"/>.</param>
    /// <param name="Wanted">Hashes of keys.</param>
    public sealed record Records(
        ulong Id, GroupId Group, IReadOnlyList<ReadOnlyMemory<byte>> Commands, IReadOnlyList<ulong> Wanted)
        : RepairMessage(Id, Group);

    /// <summary>Answers that the range has too many records: it is to be asked up to this key.</summary>
    public sealed record TooMany(ulong Id, GroupId Group, ReadOnlyMemory<byte> End)
        : RepairMessage(Id, Group);

    /// <summary>Answers that nothing can be compared now.</summary>
    public sealed record Refused(ulong Id, GroupId Group) : RepairMessage(Id, Group);
}

/// <summary>
/// Messages of repair as bytes, little endian; one a frame.
/// <code>
/// message = kind:u8 id:u64 group:u32 rest
/// rest    = 1 open:     root since:u64
///         | 2 opened:   root
///         | 3 compare:  level:u8 childLevel:u8 nodes:u32 prefix:u32{nodes} sum:u64{to the end}
///         | 4 compared: bits:u16{to the end}
///         | 5 pairs:    leaves:bytes32 from:bytes32 end:bytes32 (hash:u64 version:16 deleted:u8){to the end}
///         | 6 records:  wanted:u32 hash:u64{wanted} command:bytes32{to the end}
///         | 7 too many: end:bytes32
///         | 8 refused
/// root    = sum:u128 count:u64 depth:u8
/// </code>
/// </summary>
internal static class RepairCodec
{
    public static void Write(ByteWriter into, RepairMessage message)
    {
        into.U8(KindOf(message));
        into.U64(message.Id);
        into.Group(message.Group);
        switch (message)
        {
            case RepairMessage.Open open:
                Write(into, open.Root);
                into.U64(open.Since.Value);
                break;
            case RepairMessage.Opened opened:
                Write(into, opened.Root);
                break;
            case RepairMessage.Compare compare:
                Write(into, compare.Question);
                break;
            case RepairMessage.Compared compared:
                foreach (var bits in compared.Differing)
                {
                    into.U8((byte)bits);
                    into.U8((byte)(bits >> 8));
                }

                break;
            case RepairMessage.Pairs pairs:
                Write(into, pairs);
                break;
            case RepairMessage.Records records:
                Write(into, records);
                break;
            case RepairMessage.TooMany tooMany:
                into.Bytes32(tooMany.End.Span);
                break;
        }
    }

    /// <summary>
    /// Reads a message that fills the frame. A <see cref="FormatException"/> if it is none.
    /// </summary>
    public static RepairMessage Read(ReadOnlyMemory<byte> payload)
    {
        var from = new ByteReader(payload);
        var (kind, id, group) = (from.U8(), from.U64(), from.Group());
        return kind switch
        {
            1 => new RepairMessage.Open(id, group, ReadRoot(ref from), new(from.U64())),
            2 => new RepairMessage.Opened(id, group, ReadRoot(ref from)),
            3 => new RepairMessage.Compare(id, group, ReadQuestion(ref from)),
            4 => new RepairMessage.Compared(id, group, ReadBits(ref from)),
            5 => new RepairMessage.Pairs(
                id, group, from.Bytes32(), from.Bytes32(), from.Bytes32(), ReadPairs(ref from)),
            6 => ReadRecords(id, group, ref from),
            7 => new RepairMessage.TooMany(id, group, from.Bytes32()),
            8 => new RepairMessage.Refused(id, group),
            _ => throw new FormatException($"{kind} is no message of repair: written by a newer version?"),
        };
    }

    /// <summary>True if the asking side says it: it is for the group's loop; else for the number's.</summary>
    public static bool IsQuestion(RepairMessage message) =>
        message is RepairMessage.Open or RepairMessage.Compare or RepairMessage.Pairs;

    private static byte KindOf(RepairMessage message) => message switch
    {
        RepairMessage.Open => 1,
        RepairMessage.Opened => 2,
        RepairMessage.Compare => 3,
        RepairMessage.Compared => 4,
        RepairMessage.Pairs => 5,
        RepairMessage.Records => 6,
        RepairMessage.TooMany => 7,
        _ => 8,
    };

    private static void Write(ByteWriter into, MerkleRoot root)
    {
        into.U128(root.Sum);
        into.U64((ulong)root.Count);
        into.U8((byte)root.Depth);
    }

    private static MerkleRoot ReadRoot(ref ByteReader from) =>
        new(from.U128(), (long)from.U64(), from.U8());

    private static void Write(ByteWriter into, MerkleQuestion question)
    {
        into.U8((byte)question.Level);
        into.U8((byte)question.ChildLevel);
        into.U32((uint)question.Prefixes.Count);
        foreach (var prefix in question.Prefixes)
            into.U32(prefix);
        foreach (var sum in question.Sums)
            into.U64(sum);
    }

    private static MerkleQuestion ReadQuestion(ref ByteReader from)
    {
        var (level, childLevel) = (from.U8(), from.U8());
        var prefixes = new uint[from.Count32("nodes", sizeof(uint))];
        for (var i = 0; i < prefixes.Length; i++)
            prefixes[i] = from.U32();
        var sums = new ulong[from.Left / sizeof(ulong)];
        for (var i = 0; i < sums.Length; i++)
            sums[i] = from.U64();
        var question = new MerkleQuestion(level, childLevel, prefixes, sums);
        return question.IsValid ? question : throw new FormatException("a question that cannot be answered");
    }

    private static ushort[] ReadBits(ref ByteReader from)
    {
        var bits = new ushort[from.Left / sizeof(ushort)];
        for (var i = 0; i < bits.Length; i++)
            bits[i] = from.U16();
        return bits;
    }

    private static void Write(ByteWriter into, RepairMessage.Pairs pairs)
    {
        into.Bytes32(pairs.Leaves.Span);
        into.Bytes32(pairs.From.Span);
        into.Bytes32(pairs.End.Span);
        Span<byte> version = stackalloc byte[RecordVersion.Size];
        foreach (var pair in pairs.Own)
        {
            into.U64(pair.KeyHash);
            pair.Version.Write(version);
            into.Raw(version);
            into.U8(pair.IsDeleted ? (byte)1 : (byte)0);
        }
    }

    private static VersionedKey[] ReadPairs(ref ByteReader from)
    {
        var pairs = new VersionedKey[from.Left / VersionedKey.Size];
        for (var i = 0; i < pairs.Length; i++)
        {
            pairs[i] = new(
                from.U64(), RecordVersion.Read(from.Raw(RecordVersion.Size).Span), from.U8() != 0);
        }

        return pairs;
    }

    private static void Write(ByteWriter into, RepairMessage.Records records)
    {
        into.U32((uint)records.Wanted.Count);
        foreach (var hash in records.Wanted)
            into.U64(hash);
        foreach (var command in records.Commands)
            into.Bytes32(command.Span);
    }

    private static RepairMessage.Records ReadRecords(ulong id, GroupId group, ref ByteReader from)
    {
        var wanted = new ulong[from.Count32("hashes", sizeof(ulong))];
        for (var i = 0; i < wanted.Length; i++)
            wanted[i] = from.U64();
        var commands = new List<ReadOnlyMemory<byte>>();
        while (!from.AtEnd)
            commands.Add(from.Bytes32());
        return new(id, group, commands, wanted);
    }
}
