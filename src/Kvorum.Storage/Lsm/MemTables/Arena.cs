using System.Runtime.InteropServices;
using Kvorum.Storage.Lsm.Memory;

namespace Kvorum.Storage.Lsm.MemTables;

/// <summary>
/// Native memory that only grows and is freed as a whole when its last holder releases it. The first block is
/// small, so that a little-used tree costs little; each further one is twice as large, up to the slots that
/// all trees share. One thread allocates; any thread holds and releases. What is allocated never moves.
/// </summary>
internal sealed unsafe class Arena
{
    private const int FirstBlockBytes = 4 << 10;

    private readonly List<Block> _blocks = [];
    private byte* _next;
    private byte* _end;
    private int _blockBytes = FirstBlockBytes;
    private long _bytes;
    private int _holders = 1;

    /// <summary>Bytes taken from the system. Any thread.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Room at a multiple of eight, not set to zero. Writer only.</summary>
    public byte* Allocate(int bytes)
    {
        var rounded = checked(bytes + 7) & ~7;
        if (rounded > _end - _next)
            return AllocateSlowly(rounded);
        var room = _next;
        _next += rounded;
        return room;
    }

    /// <summary>One more holder. Only while another holds it.</summary>
    public void Hold() => Interlocked.Increment(ref _holders);

    /// <summary>One holder less; the last one frees everything.</summary>
    public void Release()
    {
        var holders = Interlocked.Decrement(ref _holders);
        Invariant.Check(holders >= 0);
        if (holders != 0)
            return;
        foreach (var block in _blocks)
        {
            if (block.Slab != 0)
                BlockMemory.Free((void*)block.Start, block.Slab);
            else
                NativeMemory.Free((void*)block.Start);
        }

        _blocks.Clear();
        _next = _end = null;
        Volatile.Write(ref _bytes, 0);
    }

    private byte* AllocateSlowly(int bytes)
    {
        // A large allocation gets a block of its own: the rest of the present one stays in use.
        if (bytes > _blockBytes / 4)
            return NewBlock(bytes);
        _next = NewBlock(_blockBytes);
        _end = _next + _blockBytes;
        _blockBytes = Math.Min(_blockBytes * 2, BlockMemory.SlotBytesMax);
        var room = _next;
        _next += bytes;
        return room;
    }

    private byte* NewBlock(int bytes)
    {
        nint slab = 0;
        var start = bytes == BlockMemory.SlotBytesMax
            ? BlockMemory.Allocate(bytes, out slab) : NativeMemory.Alloc((nuint)bytes);
        _blocks.Add(new((nint)start, slab));
        Volatile.Write(ref _bytes, _bytes + bytes);
        return (byte*)start;
    }

    // The slab is zero for a block of its own.
    private readonly record struct Block(nint Start, nint Slab);
}
