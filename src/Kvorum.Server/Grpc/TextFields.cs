using System.Buffers;
using System.Collections.Concurrent;
using System.Collections.Frozen;
using Google.Protobuf.Reflection;
using Kvorum.Protocol;

namespace Kvorum.Server.Grpc;

/// <summary>
/// Finds the string field whose bytes are not UTF-8, at any depth of a message that the parser has refused:
/// the parser does not say which field it is, nor which byte. Made of the message's description, so every
/// message that the description knows is covered; unknown fields carry no text. Any number of calls at once.
/// </summary>
internal sealed class TextFields
{
    private const int WireTypeBits = 3;
    private const uint LengthDelimited = 2;

    // The parser's own: what is deeper is malformed.
    private const int DepthMax = 100;

    private static readonly ConcurrentDictionary<MessageDescriptor, TextFields> Known = new();

    private readonly FrozenDictionary<uint, Field> _fields;

    private TextFields(MessageDescriptor message) =>
        _fields = message.Fields.InFieldNumberOrder()
            .Where(static field => field.FieldType is FieldType.String or FieldType.Message)
            .ToFrozenDictionary(
                static field => ((uint)field.FieldNumber << WireTypeBits) | LengthDelimited,
                static field => new Field(
                    field.Name, field.FieldType == FieldType.Message ? field.MessageType : null));

    /// <summary>
    /// Which field is not UTF-8, and where: "put.client_id is not UTF-8: byte 0xff at position 3"; null if
    /// all are, as far as the bytes can be read.
    /// </summary>
    public static string? Problem(MessageDescriptor message, in ReadOnlySequence<byte> bytes)
    {
        try
        {
            return Of(message).Problem(new(bytes), 0);
        }
        catch (Exception malformed) when (malformed is InvalidDataException or ArgumentOutOfRangeException)
        {
            return null;
        }
    }

    private static TextFields Of(MessageDescriptor message) =>
        Known.GetOrAdd(message, static described => new(described));

    private string? Problem(SequenceReader<byte> reader, int depth)
    {
        if (_fields.Count == 0)
            return null;
        if (depth > DepthMax)
            throw new InvalidDataException("the message is nested too deeply");
        while (!reader.End)
        {
            var tag = (uint)Varint(ref reader);
            if (!_fields.TryGetValue(tag, out var field))
            {
                Skip(ref reader, tag, depth);
                continue;
            }

            var length = (long)Varint(ref reader);
            var content = reader.UnreadSequence.Slice(0, length);
            reader.Advance(length);
            var problem = field.Message is null
                ? Utf8Text.Problem(field.Name, Contiguous(content))
                : Of(field.Message).Problem(new(content), depth + 1);
            if (problem is not null)
                return field.Message is null ? problem : $"{field.Name}.{problem}";
        }

        return null;
    }

    private static ReadOnlySpan<byte> Contiguous(in ReadOnlySequence<byte> bytes) =>
        bytes.IsSingleSegment ? bytes.FirstSpan : bytes.ToArray();

    private static void Skip(ref SequenceReader<byte> reader, uint tag, int depth)
    {
        if (depth > DepthMax)
            throw new InvalidDataException("the message is nested too deeply");
        switch (tag & ((1 << WireTypeBits) - 1))
        {
            case 0:
                Varint(ref reader);
                break;
            case 1:
                reader.Advance(8);
                break;
            case LengthDelimited:
                reader.Advance((long)Varint(ref reader));
                break;
            case 3: // A group, which ends with the tag of type 4.
                for (var inner = (uint)Varint(ref reader); (inner & 7) != 4; inner = (uint)Varint(ref reader))
                    Skip(ref reader, inner, depth + 1);
                break;
            default:
                reader.Advance(4);
                break;
        }
    }

    private static ulong Varint(ref SequenceReader<byte> reader)
    {
        var value = 0ul;
        for (var shift = 0; reader.TryRead(out var part); shift += 7)
        {
            value |= (ulong)(part & 0x7f) << shift;
            if (part < 0x80)
                return value;
        }

        throw new InvalidDataException("the message is cut short");
    }

    private sealed record Field(string Name, MessageDescriptor? Message);
}
