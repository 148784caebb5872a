using System.Runtime.InteropServices;
using Kvorum.Storage.Files;

namespace Kvorum.Storage.Lsm.Memory;

/// <summary>
/// Native memory for the blocks of large caches and of memtables: slots of a few sizes, cut from slabs of
/// 2 MiB for which large pages are asked. A read goes to a random place in a random block; in small pages
/// each such step costs a walk through page tables, too. Any thread: a lock per size, held for a few
/// pointers; taken when a block is allocated and freed, not when one is found. An empty slab goes back to the
/// system, except the last one.
/// </summary>
internal static unsafe class BlockMemory
{
    private const int SlabBytes = 2 << 20;
    private const int HeadBytes = 64;

    /// <summary>Bytes of the largest slot.</summary>
    public const int SlotBytesMax = 65472;

    // A data block of 4 KiB with its header; an index block; a filter; a piece of a memtable. Odd multiples
    // of 64 spread over the processor's caches.
    private static readonly Slots[] Sizes = [new(4160), new(4672), new(9280), new(SlotBytesMax)];

    /// <summary>Room for so many bytes at a multiple of 64; null if they fit no slot.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="owner">To be passed to <see cref="Free"/> with the memory.</param>
    public static void* Allocate(int bytes, out nint owner)
    {
        foreach (var slots in Sizes)
        {
            if (bytes <= slots.SlotBytes && bytes > slots.SlotBytes / 2)
                return slots.Take(out owner);
        }

        owner = 0;
        return null;
    }

    /// <summary>Frees a slot.</summary>
    public static void Free(void* room, nint owner) =>
        Sizes[((Slab*)owner)->Size].Give((Slab*)owner, (FreeSlot*)room);

    private struct FreeSlot
    {
        public FreeSlot* Next;
    }

    // At the beginning of its 2 MiB.
    private struct Slab
    {
        public Slab* Next;
        public Slab* Previous;
        public FreeSlot* Free;
        public int Size;
        public int Fresh;
        public int Used;
    }

    private sealed class Slots(int slotBytes)
    {
        private readonly int _count = (SlabBytes - HeadBytes) / slotBytes;
        private readonly Lock _gate = new();
        private Slab* _withRoom;

        public int SlotBytes => slotBytes;

        public void* Take(out nint owner)
        {
            lock (_gate)
            {
                if (_withRoom is null)
                    Link(NewSlab());
                var slab = _withRoom;
                owner = (nint)slab;
                if (++slab->Used == _count)
                    Unlink(slab);
                var free = slab->Free;
                if (free is null)
                    return (byte*)slab + HeadBytes + ((long)slab->Fresh++ * slotBytes);
                slab->Free = free->Next;
                return free;
            }
        }

        public void Give(Slab* slab, FreeSlot* room)
        {
            lock (_gate)
            {
                Invariant.Check(slab->Used > 0);
                if (slab->Used-- == _count)
                    Link(slab);
                room->Next = slab->Free;
                slab->Free = room;
                if (slab->Used > 0 || (slab == _withRoom && slab->Next is null))
                    return;
                Unlink(slab);
                NativeMemory.AlignedFree(slab);
            }
        }

        private Slab* NewSlab()
        {
            var slab = (Slab*)NativeMemory.AlignedAlloc(SlabBytes, SlabBytes);
            Posix.AskForLargePages((nint)slab, SlabBytes);
            *slab = new Slab { Size = Array.IndexOf(Sizes, this) };
            return slab;
        }

        private void Link(Slab* slab)
        {
            slab->Previous = null;
            slab->Next = _withRoom;
            if (_withRoom is not null)
                _withRoom->Previous = slab;
            _withRoom = slab;
        }

        private void Unlink(Slab* slab)
        {
            if (slab->Previous is null)
                _withRoom = slab->Next;
            else
                slab->Previous->Next = slab->Next;
            if (slab->Next is not null)
                slab->Next->Previous = slab->Previous;
        }
    }
}
