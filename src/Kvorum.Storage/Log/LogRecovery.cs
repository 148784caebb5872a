namespace Kvorum.Storage.Log;

/// <summary>What <see cref="SharedLog.Open"/> found.</summary>
/// <param name="Segments">
/// Segment files with records or room for them, one prepared ahead not counted.
/// </param>
/// <param name="Records">Records replayed, without those that end a segment.</param>
/// <param name="Bytes">Bytes of their frames.</param>
/// <param name="CutBytes">
/// Bytes of an unfinished write that were cut off the end; 0 if the log ended cleanly.
/// </param>
/// <param name="Sequence">The sequence of the newest frame; 0 if there is none.</param>
public sealed record LogRecovery(int Segments, long Records, long Bytes, long CutBytes, ulong Sequence);
