namespace Kvorum.Protocol;

/// <summary>
/// What a node answers to the question of what has happened in the cluster; see <see cref="EventsCodec"/>.
/// </summary>
public sealed record EventsAnswer
{
    /// <summary>
    /// Ok; or ConditionFailed where the position asked for leads nowhere: events behind it are not kept any
    /// more, or it is of another cluster.
    /// </summary>
    public required ReplyStatus Status { get; init; }

    /// <summary>
    /// For people: why there is no answer and how to go on. With Ok: why the node may be late with news;
    /// empty if it is not.
    /// </summary>
    public string Message { get; init; } = "";

    /// <summary>What has happened behind the position asked for, the oldest first.</summary>
    public IReadOnlyList<ClusterEvent> Events { get; init; } = [];

    /// <summary>Position of the oldest event that is kept; 0 if none is.</summary>
    public ulong OldestEvent { get; init; }

    /// <summary>Position of the newest event that the node was told of; 0 if there is none.</summary>
    public ulong NewestEvent { get; init; }

    /// <summary>The cluster that the positions are of; empty while the node does not know it.</summary>
    public Guid ClusterId { get; init; }
}
