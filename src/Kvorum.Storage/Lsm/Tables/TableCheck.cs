namespace Kvorum.Storage.Lsm.Tables;

/// <summary>
/// Checks all of an open table: first every block by itself, going on after a damaged one; and if all are
/// whole, the order of their entries. One thread.
/// </summary>
internal sealed class TableCheck(TableReader table, string path)
{
    private const int ReadAheadBytes = 256 << 10;

    // One key in so many is looked up: a wrong filter misses about half of its keys.
    private const int AskedKeys = 32;

    private readonly List<TreeDamagedException> _damage = [];
    private readonly Queue<GroupHandle> _groups = GroupsOf(table);

    /// <summary>All damage found so far.</summary>
    public IReadOnlyList<TreeDamagedException> Damage => _damage;

    /// <summary>All damage of the table; empty if it is whole.</summary>
    public IReadOnlyList<TreeDamagedException> Run()
    {
        while (Step() > 0)
        {
        }

        if (_damage.Count == 0)
            Try(ReadEntries);
        return _damage;
    }

    /// <summary>
    /// Reads the next group of blocks, each by itself. How many bytes these are; 0 if there was none left.
    /// </summary>
    public long Step()
    {
        if (!_groups.TryDequeue(out var group))
            return 0;
        long bytes = group.Filter.Bytes + group.Index.Bytes;
        Try(() => table.CheckFilter(group.Filter));
        Try(() => ReadGroup(group.Index, ref bytes));
        return Math.Max(1, bytes);
    }

    private static Queue<GroupHandle> GroupsOf(TableReader table)
    {
        var handles = new Queue<GroupHandle>();
        BlockCursor groups = default;
        groups.Open(table.Top);
        for (groups.SeekToFirst(); groups.IsValid; groups.Next())
            handles.Enqueue(GroupHandle.Read(groups.Value));
        return handles;
    }

    private void ReadGroup(BlockHandle handle, ref long bytes)
    {
        var index = table.Load(handle, BlockUse.Once);
        try
        {
            BlockCursor blocks = default;
            blocks.Open(TableReader.ViewOf(index));
            for (blocks.SeekToFirst(); blocks.IsValid; blocks.Next())
            {
                var data = TableReader.ReadHandle(blocks.Value);
                bytes += data.Bytes;
                Try(() => table.Load(data, BlockUse.Once).Release());
            }
        }
        finally
        {
            index.Release();
        }
    }

    private void ReadEntries()
    {
        using var cursor = table.OpenCursor(ReadAheadBytes);
        long entries = 0;
        long deletes = 0;
        var least = ulong.MaxValue;
        ulong greatest = 0;
        byte[] last = [];
        ulong lastSequence = 0;
        for (cursor.SeekToFirst(); cursor.IsValid; cursor.Next())
        {
            var order = entries == 0 ? 1 : cursor.Key.SequenceCompareTo(last);
            if (order < 0 || (order == 0 && cursor.Sequence >= lastSequence))
                throw Wrong($"entry {entries} is out of order");
            if (order != 0)
                last = cursor.Key.ToArray();
            lastSequence = cursor.Sequence;
            if (entries % AskedKeys == 0)
                AskFor(last, lastSequence);
            entries++;
            deletes += cursor.Kind == EntryKind.Delete ? 1 : 0;
            least = Math.Min(least, lastSequence);
            greatest = Math.Max(greatest, lastSequence);
        }

        var said = table.Properties;
        if ((entries, deletes) != (said.Entries, said.Deletes))
            throw Wrong(
                $"it has {entries} entries and {deletes} deletes, not {said.Entries} and {said.Deletes}");
        if (entries > 0 && (least, greatest) != (said.SmallestSequence, said.LargestSequence))
            throw Wrong(
                $"its sequences are {least} to {greatest}, not {said.SmallestSequence} to " +
                $"{said.LargestSequence}");
    }

    // As a point read does: index, filter, data.
    private void AskFor(byte[] key, ulong sequence)
    {
        if (!table.TryGet(key, sequence, out var found))
            throw Wrong("its filter or index misses a key that is in it");
        found.Dispose();
    }

    private void Try(Action part)
    {
        try
        {
            part();
        }
        catch (TreeDamagedException e)
        {
            _damage.Add(e);
        }
    }

    private TreeDamagedException Wrong(string what) => new(
        $"{path}: the checksums are right but the contents are wrong: {what}.",
        Remedy.ReplaceNode);
}
