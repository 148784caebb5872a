using Kvorum.Node.Membership;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Leaderless;

/// <summary>
/// All that a coordinator may ask of the loop that owns it. Called on the loop's thread only.
/// </summary>
internal interface ICoordinatorHost
{
    /// <summary>The node's clock as of this turn, in milliseconds; never falls.</summary>
    long NowMs { get; }

    /// <summary>
    /// The majority's wall clock, in Unix milliseconds; this node's own one until a majority has agreed.
    /// </summary>
    long WallMs { get; }

    /// <summary>
    /// False until a majority of the members' clocks has agreed since the start: no version is given before,
    /// for this node's clock may be wrong by years.
    /// </summary>
    bool IsWallKnown { get; }

    /// <summary>The time by which records have ended, in Unix milliseconds.</summary>
    long RecordTimeMs { get; }

    /// <summary>Members, placement, and who is up.</summary>
    ClusterView Cluster { get; }

    /// <summary>Gives versions.</summary>
    VersionClock Versions { get; }

    /// <summary>A number for an operation, unique on this node.</summary>
    ulong NextOperation();

    /// <summary>
    /// Asks a replica: one on another node with this turn's frame, one of this loop at once, one of another
    /// loop with its next turn. The answer may come before this returns.
    /// </summary>
    void Ask(NodeId node, in QuorumRequest request);

    /// <summary>
    /// Keeps a hint on this node; <paramref name="done"/> runs in the loop, with true once it is durable, or
    /// false if it is not kept.
    /// </summary>
    void KeepHint(Hint hint, Action<bool> done);

    /// <summary>Answers a call, once.</summary>
    void Finish(Call call, Reply reply);

    /// <summary>
    /// Takes room for a reply with a value of so many bytes, now or later; then <paramref name="then"/> runs
    /// in the loop.
    /// </summary>
    void TakeReplyRoom(Call call, long valueBytes, Action then);
}
