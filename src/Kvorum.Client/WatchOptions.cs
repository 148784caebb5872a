using Kvorum.Protocol;

namespace Kvorum.Client;

/// <summary>From where on a program follows what happens in the cluster.</summary>
public sealed record WatchOptions
{
    /// <summary>
    /// The position behind which to begin, as <see cref="ClusterEvent.Position"/>: positions are the same on
    /// all nodes. 0: the oldest event that is kept. Null: what happens from now on.
    /// </summary>
    public ulong? After { get; init; }

    /// <summary>
    /// The cluster that the position is of: another one refuses it, where it would mean something else. Empty
    /// if the program does not know.
    /// </summary>
    public Guid ClusterId { get; init; }

    /// <summary>
    /// How long the watch goes on while no node answers; then it fails. Null for the client's timeout.
    /// </summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>
    /// Told, once, when the watch has begun: the position behind which it tells. What happens later is not
    /// missed. Called where the enumeration runs.
    /// </summary>
    public Action<ulong>? Begun { get; init; }
}
