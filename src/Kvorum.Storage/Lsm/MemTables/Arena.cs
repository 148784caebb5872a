using System.Runtime.InteropServices;

namespace Kvorum.Storage.Lsm.MemTables;

/// <summary>
/// Native memory that only grows and is freed as a whole, by the last who holds it. The first block is small,
/// so that a tree that is hardly used costs little; each further one is twice as large, up to a bound. One
/// thread allocates; any thread holds and releases. What is allocated never moves.
/// </summary>
internal sealed unsafe class Arena
{
    private const int FirstBlockBytes = 4 << 10;
    private const int BlockBytesMax = 1 << 20;

    private readonly List<nint> _blocks = [];
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
        int rounded = checked(bytes + 7) & ~7;
        if (rounded > _end - _next)
            return AllocateSlowly(rounded);
        byte* room = _next;
        _next += rounded;
        return room;
    }

    /// <summary>One more holder. Only while another holds it.</summary>
    public void Hold() => Interlocked.Increment(ref _holders);

    /// <summary>One holder less; the last one frees everything.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _holders) != 0)
            return;
        foreach (nint block in _blocks)
            NativeMemory.Free((void*)block);
        _blocks.Clear();
        _next = _end = null;
        Volatile.Write(ref _bytes, 0);
    }

    private byte* AllocateSlowly(int bytes)
    {
        // What is large gets a block of its own: the rest of the present one stays in use.
        if (bytes > _blockBytes / 4)
            return NewBlock(bytes);
        _next = NewBlock(_blockBytes);
        _end = _next + _blockBytes;
        _blockBytes = Math.Min(_blockBytes * 2, BlockBytesMax);
        byte* room = _next;
        _next += bytes;
        return room;
    }

    private byte* NewBlock(int bytes)
    {
        byte* block = (byte*)NativeMemory.Alloc((nuint)bytes);
        _blocks.Add((nint)block);
        Volatile.Write(ref _bytes, _bytes + bytes);
        return block;
    }
}
