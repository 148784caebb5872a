namespace Kvorum.Storage.Lsm.Trees;

/// <summary>A checkpoint: the durable state of a tree.</summary>
/// <param name="AppliedIndex">The log index it contains.</param>
/// <param name="Bytes">Bytes of its stream.</param>
/// <param name="Tag">The bytes given with it.</param>
public sealed record CheckpointInfo(ulong AppliedIndex, long Bytes, ReadOnlyMemory<byte> Tag)
{
    /// <summary>
    /// True if it came from another replica: the log of this one may end before it.
    /// </summary>
    public bool IsInstalled { get; init; }
}
