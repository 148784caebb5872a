using System.Buffers;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Kvorum.Server.Grpc;

namespace Kvorum.Tests.Server.Grpc;

/// <summary>
/// Every string field of every message that a node reads, at every depth: what is not UTF-8 is found.
/// </summary>
public class TextFieldsTests
{
    private const int DepthMax = 4;

    public static TheoryData<string> Requests =>
        [.. Messages().Select(static message => message.FullName).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Requests))]
    public void A_field_that_is_not_utf8_is_named(string message)
    {
        var described = Messages().Single(one => one.FullName == message);
        foreach (var (path, bytes) in Samples(described, [.. "good "u8, 0xff, .. "bad"u8], DepthMax))
        {
            Assert.Throws<InvalidProtocolBufferException>(() => described.Parser.ParseFrom(bytes));
            Assert.Equal(
                $"{path} is not UTF-8: byte 0xff at position 5",
                TextFields.Problem(described, new ReadOnlySequence<byte>(bytes)));
            Assert.NotNull(TextFields.Problem(described, Pieces([.. OfNoText, .. bytes])));
        }

        foreach (var (_, bytes) in Samples(described, [.. "good é"u8], DepthMax))
        {
            described.Parser.ParseFrom([.. OfNoText, .. bytes]);
            Assert.Null(TextFields.Problem(described, Pieces([.. OfNoText, .. bytes])));
        }
    }

    /// <summary>
    /// Bytes that are no message, groups without end among them: nothing is found, and the stack bears it.
    /// </summary>
    [Theory]
    [MemberData(nameof(Requests))]
    public void What_is_malformed_has_no_field(string message)
    {
        var described = Messages().Single(one => one.FullName == message);
        byte[] deep = [.. Enumerable.Repeat(Tag(900, 3), 1 << 20).SelectMany(static tag => tag)];
        Assert.Null(TextFields.Problem(described, new(deep)));
        foreach (var (_, bytes) in Samples(described, [.. "good"u8], DepthMax))
        {
            for (var length = 1; length < bytes.Length; length++)
                Assert.Null(TextFields.Problem(described, Pieces(bytes[..length])));
        }
    }

    [Fact]
    public void The_messages_with_text_are_among_them()
    {
        var paths = Messages().SelectMany(static message => Samples(message, [], DepthMax)
            .Select(sample => $"{message.FullName}: {sample.Path}")).ToArray();
        Assert.Contains("kv.PutRequest: key", paths);
        Assert.Contains("kv.PutRequest: client_id", paths);
        Assert.Contains("kvorum.v1.KeyRequest: put.client_id", paths);
        Assert.Contains("kvorum.v1.ScanRequest: keyspace", paths);
        Assert.Contains("grpc.health.v1.HealthCheckRequest: service", paths);
        // Of a map, which no request has: its entries are messages like others.
        Assert.Contains(
            "partitions.follower_lag.key",
            Samples(Kvorum.Server.Grpc.V1.HealthResponse.Descriptor, [], DepthMax)
                .Select(static sample => sample.Path));
    }

    /// <summary>
    /// Fields that no description knows: each wire type, groups in groups, and bytes that are no text.
    /// </summary>
    private static byte[] OfNoText =>
    [
        .. Tag(900, 0), 0xff, 0xff, 0x03,
        .. Tag(900, 1), 1, 2, 3, 4, 5, 6, 7, 0xff,
        .. Tag(900, 2), 2, 0xff, 0xfe,
        .. Tag(900, 3), .. Tag(1, 2), 1, 0xff, .. Tag(901, 3), .. Tag(901, 4), .. Tag(900, 4),
        .. Tag(900, 5), 0xff, 0xff, 0xff, 0xff,
    ];

    private static IEnumerable<MessageDescriptor> Messages() =>
        GrpcServices.Of(new DictionaryNode(), new())
            .SelectMany(static service => service.Descriptor.Methods)
            .Select(static method => method.InputType).DistinctBy(static message => message.FullName);

    /// <summary>One message per string field, which holds <paramref name="text"/>.</summary>
    private static IEnumerable<(string Path, byte[] Bytes)> Samples(
        MessageDescriptor message, byte[] text, int depth)
    {
        foreach (var field in message.Fields.InFieldNumberOrder())
        {
            if (field.FieldType == FieldType.String)
                yield return (field.Name, Field(field, text));
            if (field.FieldType != FieldType.Message || depth == 0)
                continue;
            foreach (var (path, bytes) in Samples(field.MessageType, text, depth - 1))
                yield return ($"{field.Name}.{path}", Field(field, bytes));
        }
    }

    private static byte[] Field(FieldDescriptor field, byte[] content) =>
        [.. Tag(field.FieldNumber, 2), .. Varint((uint)content.Length), .. content];

    private static byte[] Tag(int number, uint wireType) => Varint(((uint)number << 3) | wireType);

    private static byte[] Varint(uint value) =>
        value < 0x80 ? [(byte)value] : [(byte)(value | 0x80), .. Varint(value >> 7)];

    /// <summary>The bytes, one to a segment.</summary>
    private static ReadOnlySequence<byte> Pieces(byte[] bytes)
    {
        if (bytes.Length == 0)
            return default;
        var first = new Piece(bytes.AsMemory(0, 1), null);
        var last = first;
        for (var i = 1; i < bytes.Length; i++)
            last = new(bytes.AsMemory(i, 1), last);
        return new(first, 0, last, 1);
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> bytes, Piece? before)
        {
            Memory = bytes;
            if (before is null)
                return;
            RunningIndex = before.RunningIndex + before.Memory.Length;
            before.Next = this;
        }
    }
}
