using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm.Caching;
using Kvorum.Storage.Lsm.Tables;

namespace Kvorum.Storage.Lsm.Versions;

/// <summary>
/// An open table, held by the sets it is in. When the last holder releases it, it is closed, and its file is
/// discarded if it is obsolete. Any thread.
/// </summary>
internal sealed class TableFile
{
    private const long CheckCacheBytes = 8 << 20;

    private readonly TreeFolder _folder;
    private int _holders = 1;
    private int _isObsolete;

    private TableFile(TreeFolder folder, TableReader reader, TableInfo info) =>
        (_folder, Reader, Info) = (folder, reader, info);

    /// <summary>For reading; valid while the table is held.</summary>
    public TableReader Reader { get; }

    /// <summary>Its entry in the manifest.</summary>
    public TableInfo Info { get; }

    /// <summary>
    /// Opens a table, held once. Its own description must match the expected one, if that is given.
    /// </summary>
    public static TableFile Open(
        TreeFolder folder, ulong number, BlockCache cache, TableInfo? expected = null) =>
        Open(folder, OpenFile(folder, number, pastCache: false), number, cache, expected);

    /// <summary>The same, to be read past the system's cache: the bytes on disk.</summary>
    public static TableFile OpenPastCache(TreeFolder folder, BlockCache cache, TableInfo expected)
    {
        var number = expected.Number;
        return Open(folder, OpenFile(folder, number, pastCache: true), number, cache, expected);
    }

    /// <summary>One more holder; only while another holds it.</summary>
    public void Hold() => Interlocked.Increment(ref _holders);

    /// <summary>One holder less.</summary>
    public void Release()
    {
        var holders = Interlocked.Decrement(ref _holders);
        Invariant.Check(holders >= 0);
        if (holders != 0)
            return;
        Reader.Dispose();
        if (Volatile.Read(ref _isObsolete) != 0)
            _folder.Discard(Info.Number);
    }

    /// <summary>
    /// All damage of the file as it is on disk now: opened again, with a cache of its own, because the tree's
    /// cache may have intact copies of blocks that are damaged on disk.
    /// </summary>
    public IReadOnlyList<TreeDamagedException> Check() => Check(_folder, Info);

    /// <summary>The same for a table that is not open.</summary>
    public static IReadOnlyList<TreeDamagedException> Check(TreeFolder folder, TableInfo expected)
    {
        using var cache = new BlockCache(CheckCacheBytes);
        var anew = Open(folder, expected.Number, cache, expected);
        try
        {
            return new TableCheck(anew.Reader, folder.TablePath(expected.Number)).Run();
        }
        finally
        {
            anew.Release();
        }
    }

    /// <summary>The manifest does not name it any more, and that is durable.</summary>
    public void MakeObsolete() => Volatile.Write(ref _isObsolete, 1);

    // A file that is missing or cannot be opened counts as damaged, like an unreadable one.
    private static IFile OpenFile(TreeFolder folder, ulong number, bool pastCache)
    {
        try
        {
            return folder.OpenTable(number, pastCache);
        }
        catch (IOException error) when (TreeDamagedException.IsMeantBy(error))
        {
            throw TableFormat.Unreadable(folder.TablePath(number), error);
        }
    }

    private static TableFile Open(
        TreeFolder folder, IFile file, ulong number, BlockCache cache, TableInfo? expected)
    {
        var reader = TableReader.Open(file, folder.TablePath(number), number, cache);
        var info = reader.Info;
        if (expected is null || IsSame(info, expected))
            return new TableFile(folder, reader, info);
        reader.Dispose();
        throw new TreeDamagedException(
            $"{folder.TablePath(number)}: not the table that the manifest names.",
            Remedy.ReplaceNode);
    }

    private static bool IsSame(TableInfo a, TableInfo b) =>
        a.Bytes == b.Bytes && a.Entries == b.Entries && a.Deletes == b.Deletes &&
        a.SmallestSequence == b.SmallestSequence && a.LargestSequence == b.LargestSequence &&
        a.Smallest.Span.SequenceEqual(b.Smallest.Span) && a.Largest.Span.SequenceEqual(b.Largest.Span);
}
