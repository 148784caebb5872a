using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm.Tables;

namespace Kvorum.Storage.Lsm.Compaction;

/// <summary>Where a compaction finds its inputs and puts its outputs.</summary>
internal interface ICompactionTables
{
    /// <summary>The open reader of an input; it stays open until the compaction is done with.</summary>
    TableReader Reader(TableInfo table);

    /// <summary>A new file for a table, and the number that names it.</summary>
    (IFile File, ulong Number) Create();

    /// <summary>Deletes the file of a new table that is not used.</summary>
    void Delete(ulong number);
}
