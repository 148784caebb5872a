using Kvorum.Node.Administration;
using Kvorum.Node.Membership;
using Kvorum.Protocol;

namespace Kvorum.Node.Loops;

/// <summary>
/// Questions for events of the cluster that have not happened yet: each is answered on the turn in which this
/// node hears of one, or when its time is up. Nothing is kept for those that ask but the question: who is
/// slow finds what the cluster keeps, or is told that it is gone. Owned by the loop of the metadata group.
/// </summary>
internal sealed class EventDesk(NodeContext context, LoopClock clock)
{
    private readonly List<AdminTask> _waiting = [];
    private bool _hasEnded;

    private ClusterView Cluster => context.Cluster;

    /// <summary>
    /// What there is to say at once; null if the question is to be left with the loop. Any thread.
    /// </summary>
    public static AdminReply? AnswerAtOnce(ClusterView cluster, ShowEvents asked)
    {
        if (asked.WaitMs < 0)
        {
            return AdminReply.Of(
                ReplyStatus.InvalidArgument, $"wait_ms is {asked.WaitMs}: give 0 or more milliseconds");
        }

        return EventTeller.News(asked, cluster.Events, IdOf(cluster))
            ?? (asked.WaitMs == 0 ? NoNews(cluster) : null);
    }

    /// <summary>A question came.</summary>
    public void Take(AdminTask task)
    {
        var asked = (ShowEvents)task.Request;
        if (AnswerAtOnce(Cluster, asked) is { } answer)
            task.Answer(answer);
        else if (_hasEnded)
            task.Answer(Ended());
        else if (_waiting.Count < Limits.EventWatchersMax)
            _waiting.Add(task);
        else
        {
            task.Answer(
                ReplyStatus.Overloaded,
                $"{Cluster.Members.NameOf(Cluster.Self)} tells {Limits.EventWatchersMax} watchers already: "
                    + "ask another node");
        }
    }

    /// <summary>The metadata group has told this node of something.</summary>
    public void Told() => AnswerWhere(static _ => false);

    /// <summary>Answers those whose time is up.</summary>
    public void Tick() => AnswerWhere(task => task.DeadlineMs <= clock.NowMs);

    /// <summary>The node stops: others tell from now on.</summary>
    public void End()
    {
        _hasEnded = true;
        foreach (var task in _waiting)
            task.Answer(Ended());
        _waiting.Clear();
    }

    private AdminReply Ended() => AdminReply.Of(
        ReplyStatus.ShuttingDown,
        $"{Cluster.Members.NameOf(Cluster.Self)} is shutting down: go on behind the last position through "
            + "another node");

    private static Guid IdOf(ClusterView cluster) => ClusterIdentity.ToGuid(cluster.ClusterIds.Cluster);

    private static AdminReply NoNews(ClusterView cluster) =>
        EventTeller.NoNews(cluster.Events, IdOf(cluster), WhyLate(cluster));

    // What a node is not told of, it cannot tell.
    private static string WhyLate(ClusterView cluster)
    {
        var name = cluster.Members.NameOf(cluster.Self);
        if (cluster.WhyToStop is { } gone)
            return $"{name} hears of no events: {gone}";
        return cluster.IsAdmitted && cluster.Leaders.Of(GroupId.Metadata) is not null ? ""
            : $"{name} may hear late of events: {cluster.WhyNoLeader(GroupId.Metadata)}";
    }

    private void AnswerWhere(Func<AdminTask, bool> isOver)
    {
        if (_waiting.Count == 0)
            return;
        var (kept, id) = (Cluster.Events, IdOf(Cluster));
        _waiting.RemoveAll(task =>
        {
            var answer = EventTeller.News((ShowEvents)task.Request, kept, id)
                ?? (isOver(task) ? NoNews(Cluster) : null);
            if (answer is not null)
                task.Answer(answer);
            return answer is not null;
        });
    }
}
