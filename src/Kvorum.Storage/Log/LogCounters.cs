namespace Kvorum.Storage.Log;

/// <summary>Counters of a log since it was opened.</summary>
/// <param name="Batches">Batches made durable.</param>
/// <param name="Records">Records in them.</param>
/// <param name="Bytes">Bytes written for them, frames and padding included.</param>
/// <param name="Syncs">Syncs: one for each write.</param>
public readonly record struct LogCounters(long Batches, long Records, long Bytes, long Syncs);
