using System.Buffers;
using System.Text;
using Kvorum.Protocol;

namespace Kvorum.Tests.Protocol;

public class RequestCodecTests
{
    private static readonly PutRequest FullPut = new()
    {
        Keyspace = "ks",
        Key = "k1"u8.ToArray(),
        NoRedirect = true,
        ClientId = "c",
        RequestId = 0x0102030405060708,
        IfVersion = 9,
        ReturnPrevious = true,
        TtlMs = 1000,
        Value = "val"u8.ToArray(),
    };

    private static readonly Reply FullReply = new()
    {
        Status = ReplyStatus.NotLeader,
        Message = "é",
        Found = true,
        Value = "v"u8.ToArray(),
        Version = 7,
        Partition = 3,
        Epoch = 5,
        Leader = "h:1",
        Stale = true,
        Replayed = true,
    };

    [Fact]
    public void Put_has_golden_bytes() => Assert.Equal(
        "01" + "07" + "026b73" + "020000006b31" + "0163" + "0807060504030201" + "0900000000000000"
        + "e803000000000000" + "0300000076616c",
        Hex(FullPut));

    [Fact]
    public void Get_has_golden_bytes() => Assert.Equal(
        "02" + "00" + "0764656661756c74" + "010000006b" + "01",
        Hex(new GetRequest { Key = "k"u8.ToArray(), Consistency = ReadConsistency.Lease }));

    [Fact]
    public void Delete_has_golden_bytes() => Assert.Equal(
        "03" + "00" + "0764656661756c74" + "010000006b" + "00" + "0000000000000000",
        Hex(new DeleteRequest { Key = "k"u8.ToArray() }));

    [Fact]
    public void What_quorum_keyspaces_know_more_of_a_write_has_golden_bytes() => Assert.Equal(
        "01" + "87" + "026b73" + "020000006b31"
        + "0f" + "02" + "0a00000000000000" + "0b00000000000000" + "0c00000000000000"
        + "0163" + "0807060504030201" + "0900000000000000" + "e803000000000000" + "0300000076616c",
        Hex(FullPut with
        {
            Quorum = QuorumLevel.Count(2),
            WantsReceipt = true,
            After = 10,
            Tried = new(11, 12),
        }));

    [Fact]
    public void A_write_with_a_timestamp_has_golden_bytes()
    {
        const string delete = "03" + "80" + "0764656661756c74" + "010000006b" + "10" + "0a00000000000000"
            + "00" + "0000000000000000";
        Assert.Equal(delete, Hex(new DeleteRequest { Key = "k"u8.ToArray(), Timestamp = 10 }));
        var decoded = (DeleteRequest)RequestCodec.DecodeRequest(Convert.FromHexString(delete));
        Assert.Equal(10ul, decoded.Timestamp);
        var whole = FullPut with { After = 10, Tried = new(11, 12), Timestamp = 13 };
        Assert.Equal(
            "01" + "87" + "026b73" + "020000006b31" + "1c" + "0a00000000000000" + "0b00000000000000"
            + "0c00000000000000" + "0d00000000000000"
            + "0163" + "0807060504030201" + "0900000000000000" + "e803000000000000" + "0300000076616c",
            Hex(whole));
        Assert.Equal(13ul, ((PutRequest)RequestCodec.DecodeRequest(Encode(whole))).Timestamp);
    }

    [Fact]
    public void A_read_with_a_quorum_has_golden_bytes()
    {
        var get = new GetRequest { Key = "k"u8.ToArray() };
        const string begin = "02" + "80" + "0764656661756c74" + "010000006b";
        Assert.Equal(begin + "01" + "ff" + "00", Hex(get with { Quorum = QuorumLevel.All }));
        Assert.Equal(begin + "02" + "00", Hex(get with { WantsReceipt = true }));
        // Of a write alone.
        var wrong = Assert.Throws<FormatException>(
            () => RequestCodec.DecodeRequest(
                Convert.FromHexString(begin + "04" + "0a00000000000000" + "00")));
        Assert.Contains("Flags 0x04 are unknown", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reply_with_a_receipt_has_golden_bytes_and_passes_over_what_is_newer()
    {
        var reply = new Reply
        {
            Status = ReplyStatus.Ok,
            Version = 7,
            Mode = ReplicationMode.Quorum,
            Writer = 9,
            Receipt = new()
            {
                Mode = ReplicationMode.Quorum,
                Nodes = ["a", "b"],
                Needed = 2,
                Replicas = 3,
                IsDurable = true,
                Version = new(7, 9),
                StalenessMs = 0,
                Promise = ["Yes."],
            },
        };
        const string head = "00" + "80" + "00000000" + "0000000000000000" + "0700000000000000";
        const string body = "01" + "0d" + "02" + "03" + "0000000000000000" + "0700000000000000"
            + "0900000000000000" + "0000000000000000" + "02" + "0161" + "0162" + "01" + "0400" + "5965732e";
        const string extra = "07" + "0900000000000000";
        Assert.Equal(head + extra + "30000000" + body + "00000000", Hex(reply));
        Assert.Equal(Hex(reply), Hex(RequestCodec.DecodeReply(Encode(reply))));
        var newer = Convert.FromHexString(head + extra + "32000000" + body + "0102" + "00000000");
        Assert.Equal(Hex(reply), Hex(RequestCodec.DecodeReply(newer)));
        var (plain, none) = (reply with { Receipt = null }, reply with { Receipt = null, Writer = 0 });
        Assert.Equal(head + "03" + "0900000000000000" + "00000000", Hex(plain));
        Assert.Equal(Hex(plain), Hex(RequestCodec.DecodeReply(Encode(plain))));
        Assert.Equal(head + "01" + "00000000", Hex(none));
        for (var length = 0; length < newer.Length; length++)
            Assert.Throws<FormatException>(() => RequestCodec.DecodeReply(newer.AsMemory(0, length)));
    }

    [Theory]
    [InlineData("7@00c0ffee00c0ffee", true)]
    [InlineData("18446744073709551615@ffffffffffffffff", true)]
    [InlineData("7@c0ffee", false)]
    [InlineData("@00c0ffee00c0ffee", false)]
    [InlineData("-7@00c0ffee00c0ffee", false)]
    [InlineData("7", false)]
    [InlineData("", false)]
    public void A_version_is_read_as_it_is_written(string text, bool isOne)
    {
        var version = WriteVersion.ParseOrNull(text);
        Assert.Equal(isOne, version is not null);
        Assert.Equal(isOne ? text : "", $"{version}");
    }

    [Fact]
    public void Reply_has_golden_bytes() => Assert.Equal(
        "04" + "1f" + "03000000" + "0500000000000000" + "0700000000000000"
        + "0200c3a9" + "03683a31" + "0100000076",
        Hex(FullReply));

    [Fact]
    public void Plain_reply_has_golden_bytes() => Assert.Equal(
        "00" + "00" + "00000000" + "0000000000000000" + "0000000000000000" + "00000000",
        Hex(new Reply { Status = ReplyStatus.Ok }));

    [Fact]
    public void Every_field_of_every_kind_survives()
    {
        foreach (var request in EveryRequest.Full.Concat(EveryRequest.About("k")))
        {
            var bytes = Encode(request);
            var decoded = RequestCodec.DecodeRequest(bytes);
            Assert.Equal(((byte)request.Kind, request.GetType()), (bytes[0], decoded.GetType()));
            foreach (var field in EveryRequest.FieldsOf(request.GetType()))
            {
                Assert.Equal(
                    (field.Name, Comparable(field.GetValue(request))),
                    (field.Name, Comparable(field.GetValue(decoded))));
            }
        }

        static object? Comparable(object? value) =>
            value is ReadOnlyMemory<byte> data ? Convert.ToHexString(data.Span) : value;
    }

    [Fact]
    public void Every_field_of_a_request_survives()
    {
        Request[] requests =
        [
            FullPut,
            FullPut with { NoRedirect = false },
            FullPut with { ReturnPrevious = false, IfVersion = null },
            FullPut with { IfVersion = 0, TtlMs = ulong.MaxValue, RequestId = ulong.MaxValue,
                Value = default },
            FullPut with { Keyspace = new string('é', Limits.KeyspaceBytesMax / 2),
                ClientId = new string('x', Limits.ClientIdBytesMax) },
            new DeleteRequest { Key = "k"u8.ToArray(), ClientId = "me", RequestId = 4, IfVersion = 3,
                ReturnPrevious = true },
            new DeleteRequest { Key = new byte[] { 0, 255, 10 }, NoRedirect = true },
            new GetRequest { Key = "k"u8.ToArray(), Keyspace = "", NoRedirect = true,
                Consistency = ReadConsistency.Stale },
            new GetRequest { Key = default },
        ];
        foreach (var request in requests)
            AssertSame(request, RequestCodec.DecodeRequest(Encode(request)));
    }

    [Fact]
    public void Every_field_of_a_reply_survives()
    {
        var replies = Enum.GetValues<ReplyStatus>(
            ).Select(status => FullReply with { Status = status }).Concat(
        [
            FullReply with { Found = false }, FullReply with { Stale = false },
            FullReply with { Replayed = false },
            FullReply with { Message = "" }, FullReply with { Leader = "" },
            FullReply with { Value = default },
            FullReply with { Version = ulong.MaxValue, Epoch = ulong.MaxValue, Partition = uint.MaxValue },
        ]);
        foreach (var reply in replies)
            AssertSame(reply, RequestCodec.DecodeReply(Encode(reply)));
    }

    [Fact]
    public void Key_and_value_refer_to_the_bytes_given()
    {
        var bytes = Encode(FullPut);
        var put = (PutRequest)RequestCodec.DecodeRequest(bytes);
        bytes[^1] = (byte)'X';
        Assert.Equal("vaX"u8.ToArray(), put.Value.ToArray());
    }

    [Fact]
    public void A_name_over_its_bound_is_refused()
    {
        var writer = new ArrayBufferWriter<byte>();
        foreach (var wrong in new[]
        {
            FullPut with { Keyspace = new string('k', Limits.KeyspaceBytesMax + 1) },
            FullPut with { ClientId = new string('é', (Limits.ClientIdBytesMax / 2) + 1) },
        })
            Assert.Throws<ArgumentException>(() => RequestCodec.Encode(wrong, writer));
        Assert.Throws<ArgumentException>(
            () => RequestCodec.Encode(FullReply with { Leader = new string('a', 256) }, writer));
        Assert.Equal(0, writer.WrittenCount);

        var longKeyspace = Convert.FromHexString(
            "0200" + "41" + Convert.ToHexString(new byte[65]) + "0000000000");
        Assert.Contains("at most 64",
            Assert.Throws<FormatException>(() => RequestCodec.DecodeRequest(longKeyspace)).Message);
    }

    [Theory]
    [InlineData(5000)]
    [InlineData(70000)]
    public void A_long_message_is_cut(int length)
    {
        var text = string.Concat(Enumerable.Repeat("😀", length / 2));
        var decoded = RequestCodec.DecodeReply(Encode(FullReply with { Message = text }));
        Assert.InRange(Encoding.UTF8.GetByteCount(decoded.Message), 1000, RequestCodec.MessageBytesMax);
        Assert.StartsWith(decoded.Message, text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_message_at_its_bound_is_whole()
    {
        var text = new string('m', RequestCodec.MessageBytesMax);
        Assert.Equal(text, RequestCodec.DecodeReply(Encode(FullReply with { Message = text })).Message);
    }

    [Theory]
    [InlineData("", "kind")]
    [InlineData("00", "Kind 0")]
    [InlineData("05", "Kind 5")]
    [InlineData("0202", "Flags")]
    [InlineData("0108", "Flags")]
    [InlineData("020001ff", "UTF-8")]
    [InlineData("020000ffffffff", "key")]
    [InlineData("02000000000080", "key")]
    [InlineData("02000000000000", "consistency")]
    [InlineData("0200000000000003", "Consistency 3")]
    [InlineData("020000000000000000", "too many")]
    public void Garbage_is_no_request(string hex, string says)
    {
        var bytes = Convert.FromHexString(hex);
        Assert.Contains(
            says, Assert.Throws<FormatException>(() => RequestCodec.DecodeRequest(bytes)).Message);
    }

    [Fact]
    public void Every_cut_is_noticed()
    {
        var request = Encode(FullPut);
        var reply = Encode(FullReply);
        for (var i = 0; i < request.Length; i++)
            Assert.Throws<FormatException>(() => RequestCodec.DecodeRequest(request.AsMemory(0, i)));
        for (var i = 0; i < reply.Length; i++)
            Assert.Throws<FormatException>(() => RequestCodec.DecodeReply(reply.AsMemory(0, i)));
        Assert.Throws<FormatException>(() => RequestCodec.DecodeRequest(new byte[request.Length + 1]));
        Assert.Throws<FormatException>(() => RequestCodec.DecodeReply((byte[])[.. reply, 0]));
    }

    [Fact]
    public void Mutated_bytes_never_throw_anything_else()
    {
        var random = new Random(20251);
        byte[][] seeds = [Encode(FullPut), Encode(new DeleteRequest { Key = "k"u8.ToArray() }),
            Encode(FullReply)];
        int refused = 0, read = 0;
        for (var round = 0; round < 60_000; round++)
        {
            var bytes = seeds[round % seeds.Length].ToArray();
            for (var change = random.Next(1, 4); change > 0; change--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            if (random.Next(4) == 0)
                bytes = bytes[..random.Next(bytes.Length)];
            try
            {
                RequestCodec.DecodeRequest(bytes);
                read++;
            }
            catch (FormatException)
            {
                refused++;
            }

            try
            {
                RequestCodec.DecodeReply(bytes);
                read++;
            }
            catch (FormatException)
            {
                refused++;
            }
        }

        Assert.True(read > 1000
            && refused > 1000, $"{read} read, {refused} refused: the mutations prove little");
    }

    private static void AssertSame(Request expected, Request actual)
    {
        Assert.Equal(expected.Key.ToArray(), actual.Key.ToArray());
        if (expected is PutRequest put)
            Assert.Equal(put.Value.ToArray(), Assert.IsType<PutRequest>(actual).Value.ToArray());
        Assert.Equal(Bare(expected), Bare(actual));
    }

    private static void AssertSame(Reply expected, Reply actual)
    {
        Assert.Equal(expected.Value.ToArray(), actual.Value.ToArray());
        Assert.Equal(expected with { Value = default }, actual with { Value = default });
    }

    private static Request Bare(Request request) =>
        request is PutRequest put
            ? put with { Key = default, Value = default }
            : request with { Key = default };

    private static byte[] Encode(Request request)
    {
        var writer = new ArrayBufferWriter<byte>();
        RequestCodec.Encode(request, writer);
        Assert.Equal(RequestCodec.SizeOf(request), writer.WrittenCount);
        return writer.WrittenSpan.ToArray();
    }

    private static byte[] Encode(Reply reply)
    {
        var writer = new ArrayBufferWriter<byte>();
        RequestCodec.Encode(reply, writer);
        Assert.Equal(RequestCodec.SizeOf(reply), writer.WrittenCount);
        return writer.WrittenSpan.ToArray();
    }

    private static string Hex(Request request) => Convert.ToHexStringLower(Encode(request));

    private static string Hex(Reply reply) => Convert.ToHexStringLower(Encode(reply));
}
