using Kvorum.Protocol;

namespace Kvorum.Node.Administration;

/// <summary>
/// What is told of the cluster's events behind a position, by those that are kept: the same on every node
/// that has been told as much. A pure decider.
/// </summary>
internal static class EventTeller
{
    /// <summary>The answer, if there are events or the position leads nowhere; null if it is to be waited.
    /// </summary>
    /// <param name="asked">The question.</param>
    /// <param name="kept">The events that are kept, the oldest first, without gaps.</param>
    /// <param name="cluster">The cluster; empty while it is not known.</param>
    public static AdminReply? News(ShowEvents asked, IReadOnlyList<ClusterEvent> kept, Guid cluster)
    {
        if (WhyNot(asked, kept, cluster) is { } why)
            return Of(kept, cluster, why) with { Status = ReplyStatus.ConditionFailed };
        var first = kept.Count == 0 || asked.After < kept[0].Position
            ? 0 : (int)Math.Min(asked.After - kept[0].Position + 1, (ulong)kept.Count);
        if (first == kept.Count)
            return null;
        return Of(kept, cluster, "") with
        {
            Events = [.. kept.Skip(first).Take(Limits.EventsPerReply)],
        };
    }

    /// <summary>The answer where nothing has happened; it says why the node may be late with news.</summary>
    public static AdminReply NoNews(IReadOnlyList<ClusterEvent> kept, Guid cluster, string whyLate) =>
        Of(kept, cluster, whyLate) with { Events = [] };

    private static AdminReply Of(IReadOnlyList<ClusterEvent> kept, Guid cluster, string message) => new()
    {
        Status = ReplyStatus.Ok,
        Message = message,
        OldestEvent = kept.Count == 0 ? 0 : kept[0].Position,
        NewestEvent = kept.Count == 0 ? 0 : kept[^1].Position,
        ClusterId = cluster,
    };

    private static string? WhyNot(ShowEvents asked, IReadOnlyList<ClusterEvent> kept, Guid cluster)
    {
        if (asked.ClusterId is { } meant && meant != cluster && cluster != Guid.Empty)
        {
            return $"position {asked.After} is of cluster {meant}, and this is cluster {cluster}: begin "
                + "without a position";
        }

        // Before the first position is no gap: it asks for what there is.
        if (asked.After == 0 || kept.Count == 0 || asked.After >= kept[0].Position - 1)
            return null;
        return $"events {asked.After + 1} to {kept[0].Position - 1} are not kept any more: the cluster keeps "
            + $"its newest {Limits.ClusterEventsKept}. Look at the cluster (kvorum cluster show), and go on "
            + $"behind position {kept[0].Position - 1}";
    }
}
