namespace Kvorum.Raft.Log;

/// <summary>
/// The newest entries of the log, kept in memory: a ring over one array, so that appending at the end and
/// forgetting at the front move nothing. Invariant: indices are consecutive from <see cref="First"/>.
/// </summary>
internal sealed class EntryTail(ulong first)
{
    private Entry[] _ring = new Entry[16];
    private int _head;

    /// <summary>Index of the oldest entry held, or of the next one to come when empty.</summary>
    public ulong First { get; private set; } = first;

    /// <summary>Number of entries held.</summary>
    public int Count { get; private set; }

    /// <summary>One past the newest entry's index.</summary>
    public ulong End => First + (ulong)Count;

    /// <summary>The entry at an index between <see cref="First"/> and <see cref="End"/>.</summary>
    public ref readonly Entry this[ulong index]
    {
        get
        {
            Invariant.Check(index >= First && index < End);
            return ref _ring[Slot((int)(index - First))];
        }
    }

    /// <summary>Appends the entry that follows.</summary>
    public void Add(in Entry entry)
    {
        Invariant.Check(entry.Index.Value == End);
        if (Count == _ring.Length) Grow();
        _ring[Slot(Count)] = entry;
        Count++;
    }

    /// <summary>Forgets the entries before <paramref name="index"/>.</summary>
    public void ForgetBefore(ulong index)
    {
        while (Count > 0 && First < index)
        {
            _ring[_head] = default;
            _head = (_head + 1) & (_ring.Length - 1);
            First++;
            Count--;
        }
    }

    /// <summary>Drops the entries from <paramref name="index"/> on.</summary>
    public void TruncateFrom(ulong index)
    {
        if (index <= First)
        {
            Reset(index);
            return;
        }
        while (End > index)
        {
            Count--;
            _ring[Slot(Count)] = default;
        }
    }

    /// <summary>Empties the tail; the next entry has the index given.</summary>
    public void Reset(ulong first)
    {
        Array.Clear(_ring);
        _head = 0;
        Count = 0;
        First = first;
    }

    /// <summary>
    /// Copies the entries from <paramref name="from"/>, within the bytes given, but at least one.
    /// </summary>
    public Entry[] Slice(ulong from, ulong end, long maxBytes)
    {
        Invariant.Check(from >= First && from < end && end <= End);
        var take = from;
        for (var bytes = 0L; take < end; take++)
        {
            bytes += this[take].Data.Length;
            if (bytes > maxBytes && take > from) break;
        }
        var slice = new Entry[take - from];
        for (var i = 0; i < slice.Length; i++) slice[i] = this[from + (ulong)i];
        return slice;
    }

    private int Slot(int offset) => (_head + offset) & (_ring.Length - 1);

    private void Grow()
    {
        var larger = new Entry[_ring.Length * 2];
        for (var i = 0; i < Count; i++) larger[i] = _ring[Slot(i)];
        _ring = larger;
        _head = 0;
    }
}
