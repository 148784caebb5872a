using Kvorum.Node.Leaderless.Deletes;
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
    /// <summary>Bytes of it that are log commands: records, and requests that are remembered.</summary>
    public virtual long CommandBytes => 0;

    /// <summary>Records that are in it.</summary>
    public virtual int RecordCount => 0;

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

    /// <summary>Answers with the other side's root and marks.</summary>
    public sealed record Opened(ulong Id, GroupId Group, MerkleRoot Root, ReplicaMarks Marks)
        : RepairMessage(Id, Group);

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
    /// <param name="Horizon">Tombstones below it are not missed by the asking side.</param>
    /// <param name="Own">What the asking side has.</param>
    public sealed record Pairs(
        ulong Id, GroupId Group, ReadOnlyMemory<byte> Leaves, ReadOnlyMemory<byte> From,
        ReadOnlyMemory<byte> End, HybridTimestamp Horizon, VersionedKey[] Own) : RepairMessage(Id, Group);

    /// <summary>Answers with the records that the asking side lacks, and what is wanted of it.</summary>
    /// <param name="Id">The asking side's number of the exchange.</param>
    /// <param name="Group">The group.</param>
    /// <param name="Commands">Records, as in <see cref="StoreCommand"/>.</param>
    /// <param name="Wanted">Hashes of keys.</param>
    public sealed record Records(
        ulong Id, GroupId Group, IReadOnlyList<ReadOnlyMemory<byte>> Commands, IReadOnlyList<ulong> Wanted)
        : RepairMessage(Id, Group)
    {
        /// <inheritdoc/>
        public override long CommandBytes => Commands.Sum(static command => (long)command.Length);

        /// <inheritdoc/>
        public override int RecordCount => Commands.Count;
    }

    /// <summary>Answers that the range has too many records: it is to be asked up to this key.</summary>
    public sealed record TooMany(ulong Id, GroupId Group, ReadOnlyMemory<byte> End)
        : RepairMessage(Id, Group);

    /// <summary>
    /// A replica that is being filled asks: which requests do you remember, from a place on?
    /// </summary>
    public sealed record Requests(ulong Id, GroupId Group, ulong From) : RepairMessage(Id, Group);

    /// <summary>Answers with them.</summary>
    /// <param name="Id">The asking side's number of the exchange.</param>
    /// <param name="Group">The group.</param>
    /// <param name="End">Where they go on; 0: these were the last.</param>
    /// <param name="Command">As in <see cref="RememberCommand"/>.</param>
    public sealed record Remembered(ulong Id, GroupId Group, ulong End, ReadOnlyMemory<byte> Command)
        : RepairMessage(Id, Group)
    {
        /// <inheritdoc/>
        public override long CommandBytes => Command.Length;
    }

    /// <summary>Answers that nothing can be compared now.</summary>
    /// <param name="Id">The asking side's number of the exchange.</param>
    /// <param name="Group">The group.</param>
    /// <param name="Marks">Those of a replica that could fill the asking one later; else null.</param>
    public sealed record Refused(ulong Id, GroupId Group, ReplicaMarks? Marks) : RepairMessage(Id, Group);

    /// <summary>Tells another replica the marks of this one; wants no answer.</summary>
    /// <param name="Group">The group.</param>
    /// <param name="Epoch">The placement that it has confirmed.</param>
    /// <param name="Marks">Its marks; durable.</param>
    /// <param name="IsWhole">False while it is damaged, or is being filled.</param>
    public sealed record Told(GroupId Group, Epoch Epoch, ReplicaMarks Marks, bool IsWhole)
        : RepairMessage(Id: 0, Group);
}

/// <summary>
/// Messages of repair as bytes, little endian; one a frame.
/// <code>
/// message = kind:u8 id:u64 group:u32 rest
/// rest    = 1 open:     root since:u64
///         | 2 opened:   root marks                                       as in ReplicaMarks
///         | 3 compare:  level:u8 childLevel:u8 nodes:u32 prefix:u32{nodes} sum:u64{to the end}
///         | 4 compared: bits:u16{to the end}
///         | 5 pairs:    leaves:bytes32 from:bytes32 end:bytes32 horizon:u64 pair{to the end}
///         | 6 records:  wanted:u32 hash:u64{wanted} command:bytes32{to the end}
///         | 7 too many: end:bytes32
///         | 8 refused:  known:u8 [marks if known is 1]
///         | 9 told:     epoch:u64 whole:u8 marks
///         | 10 requests: from:u64
///         | 11 remembered: end:u64 command:bytes32                     as in RememberCommand
/// root    = sum:u128 count:u64 depth:u8
/// pair    = hash:u64 version:16 deleted:u8
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
                Write(into, opened.Marks);
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
            case RepairMessage.Refused refused:
                into.U8(refused.Marks is null ? (byte)0 : (byte)1);
                if (refused.Marks is { } known)
                    Write(into, known);
                break;
            case RepairMessage.Told told:
                into.U64(told.Epoch.Value);
                into.U8(told.IsWhole ? (byte)1 : (byte)0);
                Write(into, told.Marks);
                break;
            case RepairMessage.Requests requests:
                into.U64(requests.From);
                break;
            case RepairMessage.Remembered remembered:
                into.U64(remembered.End);
                into.Bytes32(remembered.Command.Span);
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
            2 => new RepairMessage.Opened(id, group, ReadRoot(ref from), ReadMarks(ref from)),
            3 => new RepairMessage.Compare(id, group, ReadQuestion(ref from)),
            4 => new RepairMessage.Compared(id, group, ReadBits(ref from)),
            5 => new RepairMessage.Pairs(
                id, group, from.Bytes32(), from.Bytes32(), from.Bytes32(), new(from.U64()),
                ReadPairs(ref from)),
            6 => ReadRecords(id, group, ref from),
            7 => new RepairMessage.TooMany(id, group, from.Bytes32()),
            8 => new RepairMessage.Refused(id, group, from.U8() == 0 ? null : ReadMarks(ref from)),
            9 => ReadTold(group, ref from),
            10 => new RepairMessage.Requests(id, group, from.U64()),
            11 => ReadRemembered(id, group, ref from),
            _ => throw new FormatException($"{kind} is no message of repair: written by a newer version?"),
        };
    }

    /// <summary>
    /// True if it is for the loop of the group, as what the asking side says; else it is for the number's.
    /// </summary>
    public static bool IsQuestion(RepairMessage message) =>
        message is RepairMessage.Open or RepairMessage.Compare or RepairMessage.Pairs or RepairMessage.Told
            or RepairMessage.Requests;

    private static byte KindOf(RepairMessage message) => message switch
    {
        RepairMessage.Open => 1,
        RepairMessage.Opened => 2,
        RepairMessage.Compare => 3,
        RepairMessage.Compared => 4,
        RepairMessage.Pairs => 5,
        RepairMessage.Records => 6,
        RepairMessage.TooMany => 7,
        RepairMessage.Refused => 8,
        RepairMessage.Told => 9,
        RepairMessage.Requests => 10,
        _ => 11,
    };

    private static void Write(ByteWriter into, in ReplicaMarks marks)
    {
        Span<byte> bytes = stackalloc byte[ReplicaMarks.Size];
        marks.Write(bytes);
        into.Raw(bytes);
    }

    private static ReplicaMarks ReadMarks(ref ByteReader from) =>
        ReplicaMarks.Read(from.Raw(ReplicaMarks.Size).Span);

    // What cannot be understood is refused here, before it is in a log.
    private static RepairMessage.Remembered ReadRemembered(ulong id, GroupId group, ref ByteReader from)
    {
        var (end, command) = (from.U64(), from.Bytes32());
        return RememberCommand.Is(command.Span) && RememberCommand.Read(command).Count >= 0
            ? new(id, group, end, command)
            : throw new FormatException("what is remembered of requests is something else");
    }

    private static RepairMessage.Told ReadTold(GroupId group, ref ByteReader from)
    {
        var (epoch, isWhole) = (new Epoch(from.U64()), from.U8() != 0);
        return new(group, epoch, ReadMarks(ref from), isWhole);
    }

    private static void Write(ByteWriter into, MerkleRoot root)
    {
        into.U128(root.Sum);
        into.U64((ulong)root.Count);
        into.U8((byte)root.Depth);
    }

    private static MerkleRoot ReadRoot(ref ByteReader from)
    {
        var root = new MerkleRoot(from.U128(), (long)from.U64(), from.U8());
        return root is { Count: >= 0, Depth: >= MerkleTree.DepthMin and <= MerkleTree.DepthMax }
            ? root : throw new FormatException(
                $"there is no tree of {root.Count} records and depth {root.Depth}");
    }

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
        from.End("question");
        var question = new MerkleQuestion(level, childLevel, prefixes, sums);
        return question.IsValid ? question : throw new FormatException("a question that cannot be answered");
    }

    private static ushort[] ReadBits(ref ByteReader from)
    {
        var bits = new ushort[from.Left / sizeof(ushort)];
        for (var i = 0; i < bits.Length; i++)
            bits[i] = from.U16();
        from.End("answer");
        return bits;
    }

    private static void Write(ByteWriter into, RepairMessage.Pairs pairs)
    {
        into.Bytes32(pairs.Leaves.Span);
        into.Bytes32(pairs.From.Span);
        into.Bytes32(pairs.End.Span);
        into.U64(pairs.Horizon.Value);
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
                from.U64(), RecordVersion.Read(from.Raw(RecordVersion.Size).Span),
                from.Flag("mark of a deletion"));
        }

        from.End("pairs");
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
            commands.Add(StoreCommand.Checked(from.Bytes32()));
        return new(id, group, commands, wanted);
    }
}
