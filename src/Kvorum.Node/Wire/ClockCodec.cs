using Kvorum.Protocol;

namespace Kvorum.Node.Wire;

/// <summary>
/// Questions for a peer's wall clock, and answers, as bytes. Integers are little endian.
/// <code>
/// clock    = kind 1 question asked:u64
///          | kind 2 answer   asked:u64 wall:u64
/// </code>
/// <c>asked</c> is the asker's monotonic clock in milliseconds, sent back as it came; <c>wall</c> is Unix
/// time in milliseconds.
/// </summary>
internal static class ClockCodec
{
    public static void EncodeQuestion(long askedMs, ByteWriter into)
    {
        into.U8(1);
        into.U64((ulong)askedMs);
    }

    public static void EncodeAnswer(long askedMs, ulong wallMs, ByteWriter into)
    {
        into.U8(2);
        into.U64((ulong)askedMs);
        into.U64(wallMs);
    }

    /// <summary>The wall clock is null in a question.</summary>
    public static (long AskedMs, long? WallMs) Decode(ReadOnlyMemory<byte> payload)
    {
        var reader = new ByteReader(payload);
        var kind = reader.U8();
        var asked = (long)reader.U64();
        return kind switch
        {
            1 => (asked, null),
            // No calendar shows more.
            2 => (asked, (long)Math.Min(reader.U64(), (ulong)long.MaxValue / 8000)),
            _ => throw new FormatException($"unknown kind of clock frame {kind}"),
        };
    }
}
