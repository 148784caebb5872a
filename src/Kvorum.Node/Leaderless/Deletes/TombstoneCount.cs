namespace Kvorum.Node.Leaderless.Deletes;

/// <summary>What deleted keys, and those whose life has ended, take while tombstones are kept.</summary>
/// <param name="Count">How many.</param>
/// <param name="Bytes">Their keys, and what else is kept of each; values that have ended not counted.</param>
internal readonly record struct TombstoneCount(long Count, long Bytes);
