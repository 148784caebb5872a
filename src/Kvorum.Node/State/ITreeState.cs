using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.State;

/// <summary>
/// What a replica keeps in a tree, as the upkeep of the tree must know it. Owned by the node loop.
/// </summary>
internal interface ITreeState
{
    /// <summary>Keys in it, as people count them; about as many.</summary>
    long KeyCount { get; }

    /// <summary>Keys removed since the start, ended ones included: what may give room back.</summary>
    long RemovedKeys { get; }

    /// <summary>
    /// True if its newest changes should be in tables soon, however few they are: a start must know them
    /// before the log tells.
    /// </summary>
    bool IsCheckpointDue { get; }

    /// <summary>
    /// What the tree lacks of the state: changes that a checkpoint which is begun now must have. Good until
    /// the next entry.
    /// </summary>
    WriteBatch TakeUnflushed();
}
