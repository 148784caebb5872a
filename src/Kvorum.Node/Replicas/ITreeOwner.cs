using Kvorum.Node.State;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Replicas;

/// <summary>A checkpoint that may be made now.</summary>
/// <param name="Tag">What is kept with it.</param>
/// <param name="Written">It is durable. Called in the loop.</param>
internal sealed record CheckpointPlan(byte[] Tag, Action Written);

/// <summary>
/// What <see cref="TreeUpkeep"/> asks of the replica whose tree it looks after, however that replicates.
/// Called on the loop's thread only.
/// </summary>
internal interface ITreeOwner
{
    /// <summary>Which group it belongs to.</summary>
    GroupIdentity Identity { get; }

    /// <summary>The tables and memtables.</summary>
    Tree Tree { get; }

    /// <summary>What is in the tree.</summary>
    ITreeState State { get; }

    /// <summary>True if checkpoints and compactions may begin.</summary>
    bool MayWorkOnTables { get; }

    /// <summary>True if the tables hold what is to be checked.</summary>
    bool MayCheckTables { get; }

    /// <summary>
    /// The checkpoint of what the tree has applied; null if none can be made now, or nothing is new.
    /// </summary>
    CheckpointPlan? NextCheckpoint();

    /// <summary>A table is damaged.</summary>
    void Damaged(TreeDamagedException damage);

    /// <summary>The manifest found at the start is durable, with a checkpoint at this index.</summary>
    void Settled(ulong checkpoint);
}
