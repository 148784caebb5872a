namespace Kvorum.Raft;

/// <summary>What a leader knows of one peer.</summary>
/// <param name="Match">Newest index known to be on the peer's disk.</param>
/// <param name="Next">Next index to send.</param>
/// <param name="IsActive">True if heard from within the last election timeout.</param>
/// <param name="NeedsSnapshot">True if its next entry is compacted.</param>
public readonly record struct PeerProgress(LogIndex Match, LogIndex Next, bool IsActive, bool NeedsSnapshot);
