namespace Kvorum.Raft.Reads;

/// <summary>A read that waits for its index: of this node, or of the follower that asked.</summary>
internal readonly record struct PendingRead(NodeId Asker, ulong ReadId);
