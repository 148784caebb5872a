namespace Kvorum.Storage.Trees;

/// <summary>A checkpoint on disk.</summary>
/// <param name="AppliedIndex">The log index it contains.</param>
/// <param name="Bytes">Size of the file.</param>
/// <param name="Tag">The bytes given with it.</param>
public sealed record CheckpointInfo(ulong AppliedIndex, long Bytes, ReadOnlyMemory<byte> Tag);
