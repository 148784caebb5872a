using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Wire;

/// <summary>
/// Raft messages as bytes. A Raft frame is a sequence of messages; sender and receiver are the connection's
/// ends. Integers are little endian.
/// <code>
/// frame    = message*
/// message  = group:u32 kind:u8 term:u64 body
/// body     = kind 1 RequestVote        flags:u8 (1 pre-vote, 2 transfer) lastIndex:u64 lastTerm:u64
///          | kind 2 RequestVoteReply   flags:u8 (1 pre-vote, 2 granted, 4 removed) removedAt:u64 if removed
///          | kind 3 AppendEntries      previousIndex:u64 previousTerm:u64 commit:u64 count:u32 entry*
///          | kind 4 AppendEntriesReply rejected:u8 index:u64 hintIndex:u64 hintTerm:u64
///          | kind 5 Heartbeat          commit:u64 readRound:u64 quiesce:u8
///          | kind 6 HeartbeatReply     readRound:u64
///          | kind 7 TimeoutNow
///          | kind 8 ReadIndexRequest   readId:u64
///          | kind 9 ReadIndexReply     readId:u64 known:u8 index:u64
/// entry    = term:u64 kind:u8 length:u32 data
/// </code>
/// InstallSnapshot has no bytes here: its data travels in snapshot chunks, and the message is made where they
/// end.
/// </summary>
internal static class RaftMessageCodec
{
    public static void Encode(GroupId group, Message message, ByteWriter into)
    {
        into.Group(group);
        switch (message)
        {
            case AppendEntries m:
                Head(into, 3, m);
                Append(into, m);
                break;
            case AppendEntriesReply m:
                Head(into, 4, m);
                into.U8(m.Rejected ? (byte)1 : (byte)0);
                into.U64(m.Index.Value);
                into.U64(m.HintIndex.Value);
                into.U64(m.HintTerm.Value);
                break;
            case Heartbeat m:
                Head(into, 5, m);
                into.U64(m.Commit.Value);
                into.U64(m.ReadRound);
                into.U8(m.Quiesce ? (byte)1 : (byte)0);
                break;
            case HeartbeatReply m:
                Head(into, 6, m);
                into.U64(m.ReadRound);
                break;
            case RequestVote m:
                Head(into, 1, m);
                into.U8((byte)((m.PreVote ? 1 : 0) | (m.Transfer ? 2 : 0)));
                into.U64(m.LastIndex.Value);
                into.U64(m.LastTerm.Value);
                break;
            case RequestVoteReply m:
                Head(into, 2, m);
                VoteReply(into, m);
                break;
            case TimeoutNow m:
                Head(into, 7, m);
                break;
            case ReadIndexRequest m:
                Head(into, 8, m);
                into.U64(m.ReadId);
                break;
            case ReadIndexReply m:
                Head(into, 9, m);
                into.U64(m.ReadId);
                into.U8(m.Index is null ? (byte)0 : (byte)1);
                into.U64(m.Index?.Value ?? 0);
                break;
            default:
                throw new InvalidOperationException($"{message.GetType().Name} does not travel in Raft frames");
        }
    }

    /// <summary>Reads one message; entry data stays in the frame's memory.</summary>
    public static (GroupId Group, Message Message) Decode(ref ByteReader from, NodeId sender, NodeId receiver)
    {
        var group = from.Group();
        var kind = from.U8();
        var term = new Term(from.U64());
        return (group, kind switch
        {
            1 => Vote(ref from, sender, receiver, term),
            2 => VoteReply(ref from, sender, receiver, term),
            3 => Append(ref from, sender, receiver, term),
            4 => new AppendEntriesReply
            {
                From = sender,
                To = receiver,
                Term = term,
                Rejected = from.U8() != 0,
                Index = new(from.U64()),
                HintIndex = new(from.U64()),
                HintTerm = new(from.U64()),
            },
            5 => new Heartbeat
            {
                From = sender,
                To = receiver,
                Term = term,
                Commit = new(from.U64()),
                ReadRound = from.U64(),
                Quiesce = from.U8() != 0,
            },
            6 => new HeartbeatReply { From = sender, To = receiver, Term = term, ReadRound = from.U64() },
            7 => new TimeoutNow { From = sender, To = receiver, Term = term },
            8 => new ReadIndexRequest { From = sender, To = receiver, Term = term, ReadId = from.U64() },
            9 => ReadReply(ref from, sender, receiver, term),
            _ => throw new FormatException($"unknown Raft message kind {kind}"),
        });
    }

    private static void Head(ByteWriter into, byte kind, Message message)
    {
        into.U8(kind);
        into.U64(message.Term.Value);
    }

    private static void VoteReply(ByteWriter into, RequestVoteReply m)
    {
        var isRemoved = m.RemovedAt.Value > 0;
        into.U8((byte)((m.PreVote ? 1 : 0) | (m.Granted ? 2 : 0) | (isRemoved ? 4 : 0)));
        if (isRemoved)
            into.U64(m.RemovedAt.Value);
    }

    private static void Append(ByteWriter into, AppendEntries m)
    {
        into.U64(m.PreviousIndex.Value);
        into.U64(m.PreviousTerm.Value);
        into.U64(m.Commit.Value);
        into.U32((uint)m.Entries.Count);
        for (var i = 0; i < m.Entries.Count; i++)
        {
            var entry = m.Entries[i];
            into.U64(entry.Term.Value);
            into.U8((byte)entry.Kind);
            into.Bytes32(entry.Data.Span);
        }
    }

    private static AppendEntries Append(ref ByteReader from, NodeId sender, NodeId receiver, Term term)
    {
        var previous = new LogIndex(from.U64());
        var previousTerm = new Term(from.U64());
        var commit = new LogIndex(from.U64());
        var count = from.Count32("entries", bytesEach: 13);
        var entries = count == 0 ? [] : new Entry[count];
        for (var i = 0; i < entries.Length; i++)
        {
            var entryTerm = new Term(from.U64());
            var kind = (EntryKind)from.U8();
            if (kind is < EntryKind.Command or > EntryKind.Noop)
                throw new FormatException($"unknown entry kind {(byte)kind}");
            entries[i] = new(new(previous.Value + 1 + (ulong)i), entryTerm, kind, from.Bytes32());
        }

        return new()
        {
            From = sender,
            To = receiver,
            Term = term,
            PreviousIndex = previous,
            PreviousTerm = previousTerm,
            Commit = commit,
            Entries = entries,
        };
    }

    private static RequestVote Vote(ref ByteReader from, NodeId sender, NodeId receiver, Term term)
    {
        var flags = from.U8();
        return new()
        {
            From = sender,
            To = receiver,
            Term = term,
            PreVote = (flags & 1) != 0,
            Transfer = (flags & 2) != 0,
            LastIndex = new(from.U64()),
            LastTerm = new(from.U64()),
        };
    }

    private static RequestVoteReply VoteReply(ref ByteReader from, NodeId sender, NodeId receiver, Term term)
    {
        var flags = from.U8();
        return new()
        {
            From = sender,
            To = receiver,
            Term = term,
            PreVote = (flags & 1) != 0,
            Granted = (flags & 2) != 0,
            RemovedAt = new((flags & 4) != 0 ? from.U64() : 0),
        };
    }

    private static ReadIndexReply ReadReply(ref ByteReader from, NodeId sender, NodeId receiver, Term term)
    {
        var id = from.U64();
        var known = from.U8() != 0;
        var index = new LogIndex(from.U64());
        return new() { From = sender, To = receiver, Term = term, ReadId = id, Index = known ? index : null };
    }
}
