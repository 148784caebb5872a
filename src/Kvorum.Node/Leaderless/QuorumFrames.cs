using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Quorum;
using Kvorum.Raft;

namespace Kvorum.Node.Leaderless;

/// <summary>What a coordinator asks of a replica. Values are on the wire: never renumber.</summary>
internal enum QuorumAsk : byte
{
    /// <summary>Store a record.</summary>
    Store = 1,

    /// <summary>What is under a key?</summary>
    Read = 2,

    /// <summary>With which version was a request stored?</summary>
    Recall = 3,

    /// <summary>Keep a record for a replica that is down.</summary>
    Hint = 4,
}

/// <summary>A coordinator's question to one replica.</summary>
/// <param name="Kind">What is asked.</param>
/// <param name="Id">The coordinator's number of the operation; 0: no answer is wanted.</param>
/// <param name="Group">The group.</param>
/// <param name="Epoch">The placement that the coordinator knows.</param>
/// <param name="Bytes">Store and hint: the command. Read: the key. Recall: the client, UTF-8.</param>
/// <param name="WantsValue">Read: true for the value, too.</param>
/// <param name="RequestId">Recall: the client's number of the write.</param>
internal readonly record struct QuorumRequest(
    QuorumAsk Kind, ulong Id, GroupId Group, ulong Epoch, ReadOnlyMemory<byte> Bytes,
    bool WantsValue = false, ulong RequestId = 0)
{
    /// <summary>Hint: the node that is down.</summary>
    public NodeId For { get; init; }
}

/// <summary>A replica's answer.</summary>
/// <param name="Kind">What was asked.</param>
/// <param name="Id">The coordinator's number of the operation.</param>
/// <param name="Refusal">Why there is no other answer; null if there is.</param>
internal readonly record struct QuorumAnswer(QuorumAsk Kind, ulong Id, RefusalReason? Refusal)
{
    /// <summary>Store: what became of the record.</summary>
    public StoreResult Result { get; init; }

    /// <summary>
    /// Read: the record, without its value unless that was wanted. Null: none, or not known.
    /// </summary>
    public StoredRecord? Record { get; init; }

    /// <summary>Read: true if the record has its value.</summary>
    public bool IsWhole { get; init; }

    /// <summary>Recall: the version; none if the request was not seen.</summary>
    public RecordVersion Version { get; init; }

    /// <summary>Recall: true if the request is too old to be known.</summary>
    public bool IsForgotten { get; init; }
}

/// <summary>
/// The frames between coordinators and replicas. Little endian; each frame has many.
/// <code>
/// question = kind:u8 id:u64 group:u32 epoch:u64 rest
/// rest     = kind 1 store:  command:bytes32                       as in StoreCommand
///          | kind 2 read:   wantsValue:u8 key:bytes32
///          | kind 3 recall: request:u64 client:bytes32
///          | kind 4 hint:   for:u128 command:bytes32
/// answer   = kind:u8 id:u64 refusal:u8 [rest if refusal is 0]     else RefusalReason + 1
/// rest     = kind 1: result:u8
///          | kind 2: found:u8 [record:bytes32]           as in StoredRecord; 0 none, 1 head, 2 whole
///          | kind 3: forgotten:u8 version:16
///          | kind 4:
/// </code>
/// </summary>
internal static class QuorumFrames
{
    private const byte None = 0;
    private const byte Head = 1;
    private const byte Whole = 2;

    public static void Write(ByteWriter into, in QuorumRequest request)
    {
        into.U8((byte)request.Kind);
        into.U64(request.Id);
        into.Group(request.Group);
        into.U64(request.Epoch);
        if (request.Kind == QuorumAsk.Read)
            into.U8(request.WantsValue ? (byte)1 : (byte)0);
        else if (request.Kind == QuorumAsk.Recall)
            into.U64(request.RequestId);
        else if (request.Kind == QuorumAsk.Hint)
            into.U128(request.For.Value);
        into.Bytes32(request.Bytes.Span);
    }

    public static QuorumRequest ReadRequest(ref ByteReader from)
    {
        var (kind, id, group, epoch) =
            ((QuorumAsk)from.U8(), from.U64(), from.Group(), from.U64());
        return kind switch
        {
            QuorumAsk.Store => new(kind, id, group, epoch, StoreCommand.Checked(from.Bytes32())),
            QuorumAsk.Read => new(
                kind, id, group, epoch, WantsValue: from.Flag("wish for the value"), Bytes: from.Bytes32()),
            QuorumAsk.Recall => new(kind, id, group, epoch, RequestId: from.U64(), Bytes: from.Bytes32()),
            QuorumAsk.Hint => new(kind, id, group, epoch, Bytes: default)
            {
                For = new(from.U128()),
                Bytes = StoreCommand.Checked(from.Bytes32()),
            },
            _ => throw Unknown((byte)kind),
        };
    }

    public static void Write(ByteWriter into, in QuorumAnswer answer)
    {
        into.U8((byte)answer.Kind);
        into.U64(answer.Id);
        into.U8(answer.Refusal is { } reason ? (byte)(1 + (int)reason) : (byte)0);
        if (answer.Refusal is not null)
            return;
        switch (answer.Kind)
        {
            case QuorumAsk.Store:
                into.U8((byte)answer.Result);
                break;
            case QuorumAsk.Read:
                Write(into, answer.Record, answer.IsWhole);
                break;
            case QuorumAsk.Recall:
                into.U8(answer.IsForgotten ? (byte)1 : (byte)0);
                Span<byte> version = stackalloc byte[RecordVersion.Size];
                answer.Version.Write(version);
                into.Raw(version);
                break;
        }
    }

    public static QuorumAnswer ReadAnswer(ref ByteReader from)
    {
        var (kind, id, refusal) = ((QuorumAsk)from.U8(), from.U64(), from.U8());
        if (refusal != 0)
        {
            var reason = (RefusalReason)(refusal - 1);
            return Enum.IsDefined(kind) && Enum.IsDefined(reason)
                ? new(kind, id, reason) : throw Unknown(refusal);
        }

        var answer = new QuorumAnswer(kind, id, Refusal: null);
        return kind switch
        {
            QuorumAsk.Store => answer with { Result = ResultOf(from.U8()) },
            QuorumAsk.Read => ReadRecord(answer, ref from),
            QuorumAsk.Recall => answer with
            {
                IsForgotten = from.Flag("mark of what is forgotten"),
                Version = RecordVersion.Read(from.Raw(RecordVersion.Size).Span),
            },
            QuorumAsk.Hint => answer,
            _ => throw Unknown((byte)kind),
        };
    }

    private static void Write(ByteWriter into, StoredRecord? record, bool isWhole)
    {
        into.U8(record is null ? None : isWhole ? Whole : Head);
        if (record is not { } found)
            return;
        into.U32((uint)found.Bytes);
        Span<byte> head = stackalloc byte[StoredRecord.HeadBytes];
        found.WriteHead(head);
        into.Raw(head);
        into.Raw(found.Value.Span);
    }

    private static QuorumAnswer ReadRecord(QuorumAnswer answer, ref ByteReader from) => from.U8() switch
    {
        None => answer,
        Head => answer with { Record = StoredRecord.Read(from.Bytes32()) },
        Whole => answer with { Record = StoredRecord.Read(from.Bytes32()), IsWhole = true },
        var other => throw Unknown(other),
    };

    private static StoreResult ResultOf(byte value) => value <= (byte)StoreResult.Superseded
        ? (StoreResult)value : throw Unknown(value);

    private static FormatException Unknown(byte value) =>
        new($"{value} is no question or answer of replicas: written by a newer version?");
}
