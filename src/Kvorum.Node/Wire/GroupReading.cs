using Kvorum.Protocol;

namespace Kvorum.Node.Wire;

/// <summary>Groups in frames and records: their bare numbers.</summary>
internal static class GroupReading
{
    /// <summary>Reads a group; <see cref="FormatException"/> if its number is too great.</summary>
    public static GroupId Group(this ref ByteReader from)
    {
        var value = from.U32();
        return value <= GroupId.MaxValue
            ? new(value) : throw new FormatException($"there is no group {value}");
    }
}
