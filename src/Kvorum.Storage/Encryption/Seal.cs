using System.Buffers.Binary;

namespace Kvorum.Storage.Encryption;

/// <summary>
/// By which key a file, or what one start of the process adds to it, is encrypted: the data key, and a random
/// number of its own. Together they give a key that nothing else is encrypted with.
/// </summary>
/// <param name="Key">The data key.</param>
/// <param name="Salt">Random.</param>
internal readonly record struct Seal(ulong Key, UInt128 Salt)
{
    /// <summary>Bytes in a file.</summary>
    public const int Bytes = 24;

    public void Write(Span<byte> into)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(into, Key);
        BinaryPrimitives.WriteUInt128LittleEndian(into[8..], Salt);
    }

    public static Seal Read(ReadOnlySpan<byte> from) => new(
        BinaryPrimitives.ReadUInt64LittleEndian(from), BinaryPrimitives.ReadUInt128LittleEndian(from[8..]));
}
