namespace Kvorum.Storage.Lsm;

/// <summary>What an entry says of its key. Values are on disk: never renumber.</summary>
internal enum EntryKind : byte
{
    /// <summary>The key is gone: a tombstone.</summary>
    Delete = 0,

    /// <summary>The key has a value.</summary>
    Put = 1,
}
