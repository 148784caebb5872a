using System.Collections.Immutable;
using Kvorum.Storage.Lsm.MemTables;
using Kvorum.Storage.Lsm.Merging;
using Kvorum.Storage.Lsm.Versions;

namespace Kvorum.Storage.Lsm.Trees;

/// <summary>
/// All content of a tree: memtables, newest first, and tables. Unchanged except for new versions in
/// the first memtable; each reader holds it. Any thread.
/// </summary>
internal sealed class TreeState
{
    private int _holders = 1;

    /// <summary>Holds the memtables; takes the hold on the tables over.</summary>
    public TreeState(ImmutableArray<MemTable> memTables, TableSet tables)
    {
        (MemTables, Tables) = (memTables, tables);
        foreach (var memTable in memTables)
            memTable.Hold();
    }

    /// <summary>The one that is written to, and those that are sealed, newest first.</summary>
    public ImmutableArray<MemTable> MemTables { get; }

    /// <summary>What is on disk.</summary>
    public TableSet Tables { get; }

    /// <summary>Bytes in memtables and on disk.</summary>
    public long Bytes => Tables.Bytes + MemTables.Sum(static memTable => memTable.Bytes);

    /// <summary>About how many keys.</summary>
    public long Keys => Tables.Keys + MemTables.Sum(static memTable => memTable.Keys);

    /// <summary>Keys of the counted prefix; those set again since the last flush count twice.</summary>
    public long CountedKeys =>
        (Tables.Mark?.CountedKeys ?? 0) + MemTables.Sum(static memTable => memTable.Counted);

    /// <summary>One more holder; only while another holds it.</summary>
    public TreeState Hold()
    {
        Interlocked.Increment(ref _holders);
        return this;
    }

    /// <summary>One holder less; the last one lets memory and tables go.</summary>
    public void Release()
    {
        var holders = Interlocked.Decrement(ref _holders);
        Invariant.Check(holders >= 0);
        if (holders != 0)
            return;
        foreach (var memTable in MemTables)
            memTable.Release();
        Tables.Release();
    }

    /// <summary>
    /// A key's value at a sequence number, copied; null if it has none, or it has more than so many bytes.
    /// <paramref name="bytes"/> is how many it has, -1 for none.
    /// </summary>
    public byte[]? Get(ReadOnlySpan<byte> key, ulong sequence, long bytesMax, out int bytes)
    {
        foreach (var memTable in MemTables)
        {
            if (memTable.TryGet(key, sequence, out var kind, out var value))
                return Copy(kind, value, bytesMax, out bytes);
        }

        // Tables have nothing that is newer than any reader of this state.
        bytes = -1;
        if (!Tables.TryGet(key, out var found))
            return null;
        using (found)
            return Copy(found.Kind, found.Value, bytesMax, out bytes);
    }

    private static byte[]? Copy(EntryKind kind, ReadOnlySpan<byte> value, long bytesMax, out int bytes)
    {
        bytes = kind == EntryKind.Put ? value.Length : -1;
        return bytes >= 0 && bytes <= bytesMax ? value.ToArray() : null;
    }

    /// <summary>
    /// What is seen at a sequence number, between two bounds; null: none. The state must be held longer.
    /// </summary>
    public Cursor OpenCursor(ulong sequence, byte[]? from, byte[]? end)
    {
        List<Cursor> cursors = [.. MemTables.Select(memTable => memTable.OpenCursor(sequence))];
        cursors.AddRange(Tables.OpenCursors());
        return new VisibleCursor(new MergingCursor(cursors), sequence, from, end);
    }
}
