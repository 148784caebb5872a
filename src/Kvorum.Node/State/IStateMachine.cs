using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.State;

/// <summary>
/// What a group's committed entries act on. Deterministic: equal entries give equal states on every replica.
/// Owned by the node loop.
/// </summary>
internal interface IStateMachine : ITreeState
{
    /// <summary>The greatest leader's clock among the applied entries, in Unix milliseconds.</summary>
    ulong LogTimeMs { get; }

    /// <summary>
    /// The log time at which its leader must propose <see cref="DueCommand"/>; null while nothing is due by
    /// time.
    /// </summary>
    ulong? DueMs { get; }

    /// <summary>The command that is due at this log time.</summary>
    byte[] DueCommand(ulong timeMs);

    /// <summary>
    /// The commands that would tell it what this node knows and it lacks, with this log time.
    /// </summary>
    IReadOnlyList<byte[]> Lacking(ulong timeMs);

    /// <summary>
    /// Reads as of the applied log. A value of more than <paramref name="valueBytesMax"/> is not copied: the
    /// answer says how large it is.
    /// </summary>
    ReadAnswer Read(Request request, long valueBytesMax);

    /// <summary>Bytes of the value that the answer to a write would have if it were applied now.</summary>
    long AnswerBytes(WriteRequest write);

    /// <summary>
    /// Tells the node what entries have changed since the last time, if others may know it.
    /// </summary>
    void Publish();

    /// <summary>
    /// Applies one command; the applied index moves with it. A command that cannot be understood is a <see
    /// cref="FormatException"/>.
    /// </summary>
    Outcome Apply(LogIndex index, ReadOnlyMemory<byte> command);

    /// <summary>Moves the applied index over an entry that is not for the state machine.</summary>
    void Skip(LogIndex index);

    /// <summary>
    /// The tree's content was replaced by a checkpoint made at this log time: forget everything derived from
    /// the old one.
    /// </summary>
    void Reload(ulong logTimeMs);
}
