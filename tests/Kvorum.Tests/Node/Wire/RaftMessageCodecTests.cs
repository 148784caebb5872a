using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Tests.Node.Wire;

public class RaftMessageCodecTests
{
    private static readonly NodeId Sender = new(1);
    private static readonly NodeId Receiver = new(2);

    public static TheoryData<string, Message> Golden => new()
    {
        {
            "07000000 01 0500000000000000 03 0900000000000000 0400000000000000",
            new RequestVote { From = Sender, To = Receiver, Term = new(5), PreVote = true, Transfer = true, LastIndex = new(9), LastTerm = new(4) }
        },
        { "07000000 02 0500000000000000 02", new RequestVoteReply { From = Sender, To = Receiver, Term = new(5), PreVote = false, Granted = true } },
        {
            "07000000 02 0500000000000000 05 0900000000000000",
            new RequestVoteReply
            {
                From = Sender,
                To = Receiver,
                Term = new(5),
                PreVote = true,
                Granted = false,
                RemovedAt = new(9),
            }
        },
        {
            "07000000 03 0500000000000000 0800000000000000 0400000000000000 0600000000000000 02000000"
            + "0500000000000000 01 03000000 616263" + "0500000000000000 03 00000000",
            new AppendEntries
            {
                From = Sender,
                To = Receiver,
                Term = new(5),
                PreviousIndex = new(8),
                PreviousTerm = new(4),
                Commit = new(6),
                Entries =
                [
                    new(new(9), new(5), EntryKind.Command, "abc"u8.ToArray()),
                    new(new(10), new(5), EntryKind.Noop, default),
                ],
            }
        },
        {
            "07000000 04 0500000000000000 01 0800000000000000 0700000000000000 0300000000000000",
            new AppendEntriesReply { From = Sender, To = Receiver, Term = new(5), Rejected = true, Index = new(8), HintIndex = new(7), HintTerm = new(3) }
        },
        { "07000000 05 0500000000000000 0600000000000000 0c00000000000000 01", new Heartbeat { From = Sender, To = Receiver, Term = new(5), Commit = new(6), ReadRound = 12, Quiesce = true } },
        { "07000000 06 0500000000000000 0c00000000000000", new HeartbeatReply { From = Sender, To = Receiver, Term = new(5), ReadRound = 12 } },
        { "07000000 07 0500000000000000", new TimeoutNow { From = Sender, To = Receiver, Term = new(5) } },
        { "07000000 08 0500000000000000 2a00000000000000", new ReadIndexRequest { From = Sender, To = Receiver, Term = new(5), ReadId = 42 } },
        { "07000000 09 0500000000000000 2a00000000000000 01 0600000000000000", new ReadIndexReply { From = Sender, To = Receiver, Term = new(5), ReadId = 42, Index = new LogIndex(6) } },
        { "07000000 09 0500000000000000 2a00000000000000 00 0000000000000000", new ReadIndexReply { From = Sender, To = Receiver, Term = new(5), ReadId = 42, Index = null } },
    };

    [Theory]
    [MemberData(nameof(Golden))]
    public void Messages_have_these_bytes(string hex, Message message)
    {
        var writer = new ByteWriter();
        RaftMessageCodec.Encode(new(7), message, writer);
        Assert.Equal(hex.Replace(" ", "", StringComparison.Ordinal), Convert.ToHexStringLower(writer.Written));

        var reader = new ByteReader(writer.ToArray());
        var (group, decoded) = RaftMessageCodec.Decode(ref reader, Sender, Receiver);
        Assert.True(reader.AtEnd);
        Assert.Equal(new(7), group);
        var again = new ByteWriter();
        RaftMessageCodec.Encode(group, decoded, again);
        Assert.Equal(writer.ToArray(), again.ToArray());
        Assert.Equal((Sender, Receiver, message.GetType()), (decoded.From, decoded.To, decoded.GetType()));
    }

    [Fact]
    public void Garbage_is_a_format_error_and_never_anything_else()
    {
        var random = new Random(1);
        foreach (var row in Golden)
        {
            var writer = new ByteWriter();
            RaftMessageCodec.Encode(new(7), row.Data.Item2, writer);
            for (var n = 0; n < 500; n++)
            {
                var bytes = writer.ToArray();
                for (var flips = random.Next(1, 4); flips > 0; flips--)
                    bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                DecodeAll(bytes.AsMemory(0, random.Next(bytes.Length + 1)));
            }
        }
    }

    private static void DecodeAll(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        try
        {
            while (!reader.AtEnd)
                RaftMessageCodec.Decode(ref reader, Sender, Receiver);
        }
        catch (FormatException e)
        {
            Assert.NotEmpty(e.Message);
        }
    }
}
