using System.Runtime.InteropServices;

namespace Kvorum.Storage.Lsm.Caching;

/// <summary>
/// A block of bytes in native memory, held by counting: whoever has one calls <see cref="Release"/> once, and
/// the last one frees the memory. The bytes do not change once the block is in a <see cref="BlockCache"/>.
/// The bytes begin at a multiple of 64.
/// </summary>
internal readonly unsafe struct CachedBlock
{
    private readonly Header* _header;

    internal CachedBlock(Header* header) => _header = header;

    /// <summary>False for the default value, which holds nothing.</summary>
    public bool Exists => _header is not null;

    /// <summary>The first byte.</summary>
    public byte* Start => (byte*)(_header + 1);

    /// <summary>Number of bytes.</summary>
    public int Length => _header->Length;

    /// <summary>All bytes.</summary>
    public Span<byte> Bytes => new(Start, Length);

    internal Header* Head => _header;

    /// <summary>Room for so many bytes, not set to zero, outside any cache.</summary>
    public static CachedBlock Allocate(int length)
    {
        var header = (Header*)NativeMemory.AlignedAlloc((nuint)(sizeof(Header) + (long)length), 64);
        *header = new Header { Length = length, Holders = 1 };
        return new CachedBlock(header);
    }

    /// <summary>Lets go of it; the default value is let go of without effect.</summary>
    public void Release()
    {
        if (_header is not null && Interlocked.Decrement(ref _header->Holders) == 0)
            NativeMemory.AlignedFree(_header);
    }

    /// <summary>What stands before the bytes. Links and uses belong to the shard's lock.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 64)]
    internal struct Header
    {
        public ulong File;
        public long Offset;
        public Header* NextInBucket;
        public Header* NextInRing;
        public Header* PreviousInRing;
        public int Length;
        public int Holders;
        public int Uses;
    }
}
