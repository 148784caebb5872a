using System.Buffers.Binary;

namespace Kvorum.Node.State;

/// <summary>
/// What is stored under a user's key: version, end of life (0: none) and the value. See <see
/// cref="RecordKeys"/>.
/// </summary>
internal readonly record struct ValueRecord(ulong Version, ulong ExpiresMs, ReadOnlyMemory<byte> Value)
{
    public const int HeadBytes = 16;

    public static ValueRecord Read(ReadOnlyMemory<byte> bytes) => new(
        BinaryPrimitives.ReadUInt64LittleEndian(bytes.Span),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes.Span[8..]),
        bytes[HeadBytes..]);

    public static void WriteHead(Span<byte> into, ulong version, ulong expiresMs)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(into, version);
        BinaryPrimitives.WriteUInt64LittleEndian(into[8..], expiresMs);
    }

    /// <summary>
    /// True if the key has ended by this log time: it reads as absent, removed from the tree or not.
    /// </summary>
    public bool HasExpired(ulong logTimeMs) => ExpiresMs != 0 && ExpiresMs <= logTimeMs;
}
