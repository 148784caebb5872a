using System.Runtime.InteropServices;
using Kvorum.Storage.Lsm.Memory;

namespace Kvorum.Storage.Lsm.Caching;

/// <summary>
/// A reference-counted block of bytes in native memory: each holder calls <see cref="Release"/> once, and the
/// last call frees the memory. The bytes do not change once the block is in a <see cref="BlockCache"/>.
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

    /// <summary>As a number, for a field that threads exchange.</summary>
    internal nint Address => (nint)_header;

    /// <summary>From <see cref="Address"/>.</summary>
    internal static CachedBlock From(nint address) => new((Header*)address);

    /// <summary>Room for so many bytes, not set to zero, outside any cache.</summary>
    public static CachedBlock Allocate(int length)
    {
        var header = (Header*)NativeMemory.AlignedAlloc((nuint)(sizeof(Header) + (long)length), 64);
        *header = new Header { Length = length, Holders = 1 };
        return new CachedBlock(header);
    }

    /// <summary>The same from <see cref="BlockMemory"/>, if it has slots of such a size.</summary>
    public static CachedBlock AllocateSlot(int length)
    {
        var header = (Header*)BlockMemory.Allocate(sizeof(Header) + length, out var slab);
        if (header is null)
            return Allocate(length);
        *header = new Header { Length = length, Holders = 1, Slab = slab };
        return new CachedBlock(header);
    }

    /// <summary>Ends the hold; no effect on the default value.</summary>
    public void Release()
    {
        if (_header is null)
            return;
        var holders = Interlocked.Decrement(ref _header->Holders);
        Invariant.Check(holders >= 0);
        if (holders != 0)
            return;
        if (_header->Slab == 0)
            NativeMemory.AlignedFree(_header);
        else
            BlockMemory.Free(_header, _header->Slab);
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
        public nint Slab;
    }
}
