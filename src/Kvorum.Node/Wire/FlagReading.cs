using Kvorum.Protocol;

namespace Kvorum.Node.Wire;

/// <summary>Yes and no in frames and records: a byte, 1 or 0.</summary>
internal static class FlagReading
{
    /// <summary>Reads it; <see cref="FormatException"/> if it is neither.</summary>
    public static bool Flag(this ref ByteReader from, string field) => from.U8(field) switch
    {
        0 => false,
        1 => true,
        var other => throw new FormatException(
            $"the {field} is {other}, and only 0 and 1 are known: written by a newer version?"),
    };
}
