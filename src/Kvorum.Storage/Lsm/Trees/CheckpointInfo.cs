namespace Kvorum.Storage.Lsm.Trees;

/// <summary>A checkpoint: what of a tree is durable.</summary>
/// <param name="AppliedIndex">The log index it contains.</param>
/// <param name="Bytes">Bytes it is sent as.</param>
/// <param name="Tag">The bytes given with it.</param>
public sealed record CheckpointInfo(ulong AppliedIndex, long Bytes, ReadOnlyMemory<byte> Tag)
{
    /// <summary>
    /// True if it came from another replica: then the log of this one may not reach as far.
    /// </summary>
    public bool IsInstalled { get; init; }
}
