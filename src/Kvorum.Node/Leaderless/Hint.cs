using Kvorum.Quorum;
using Kvorum.Raft;

namespace Kvorum.Node.Leaderless;

/// <summary>A write that is kept for a replica that is down.</summary>
/// <param name="Peer">The node of the replica.</param>
/// <param name="Group">The partition.</param>
/// <param name="Command">What it is to store; see <see cref="StoreCommand"/>.</param>
internal readonly record struct Hint(NodeId Peer, GroupId Group, ReadOnlyMemory<byte> Command)
{
    /// <summary>The version of the write.</summary>
    public RecordVersion Version => StoreCommand.Read(Command).Version;
}
