using System.Diagnostics.CodeAnalysis;
using Kvorum.Protocol;

namespace Kvorum.Node.State;

/// <summary>
/// Client ids as keys that are looked up by the bytes of a command, without an array of their own.
/// </summary>
internal sealed class ClientIdComparer
    : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
{
    public static ClientIdComparer Instance { get; } = new();

    public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

    public int GetHashCode([DisallowNull] byte[] obj) => GetHashCode(obj.AsSpan());

    public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

    public int GetHashCode(ReadOnlySpan<byte> alternate) => (int)FrameCodec.Crc32C(0, alternate);

    public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
}
