using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Replicas;

/// <summary>A replica's data on disk, as the loop sees it.</summary>
internal interface IReplicaStore
{
    /// <summary>The tables and memtables.</summary>
    Tree Tree { get; }

    /// <summary>True while its memtable is being written to a table.</summary>
    bool IsFlushing { get; }

    /// <summary>Starts a checkpoint unless one is being made or nothing is new.</summary>
    void Checkpoint();

    /// <summary>
    /// Once after the start: makes the manifest durable in the background, and lets the log go behind it.
    /// False if there is nothing to do.
    /// </summary>
    bool Settle();

    /// <summary>
    /// Begins to check the next table after another, 0 for the first; null if there is none.
    /// </summary>
    TableScrub? OpenScrub(ulong afterTable);

    /// <summary>A table was read, and is damaged.</summary>
    void Found(ulong table, TreeDamagedException damage);

    /// <summary>Something could not be read in a way that may be damage here: checks all tables.</summary>
    void VerifyTables();
}
