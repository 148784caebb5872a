using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node;

/// <summary>Where calls go: to the replica here, or to the node that should lead.</summary>
public sealed partial class NodeLoop
{
    /// <summary>Passes a call on to the node that leads.</summary>
    internal void Forward(Call call, NodeId leader) => _forwards.Send(call, leader);

    /// <summary>The node asked does not lead: remembers what it said, and asks again later.</summary>
    internal void NotLeadBy(Call call, NodeId asked, Reply reply)
    {
        if (Find(call.Group) is null)
        {
            var hint = Cluster.NodeAt(reply.Leader);
            Cluster.SetLeader(call.Group, hint == asked ? null : hint, default);
        }

        Retry(call);
    }

    /// <summary>Asks again when a leader shows itself, or a little later.</summary>
    internal void Retry(Call call)
    {
        if (Find(call.Group) is { } replica)
            replica.Wait(call);
        else
            _homeless.Add(call);
    }

    private void Route(Call call)
    {
        if (call.Request.Keys == RequestKeys.Range)
            _scans.Take(call);
        else if (Find(call.Group) is { } replica)
            replica.Take(call);
        else
            RouteElsewhere(call);
    }

    // No replica here: the leader if it is known, else any replica that is up.
    private void RouteElsewhere(Call call)
    {
        if (call.IsCancelled || NowMs >= call.DeadlineMs)
        {
            EndHomeless(call);
            return;
        }

        var to = Cluster.LeaderOf(call.Group) is { } leader && Cluster.IsUp(leader)
            ? leader
            : Cluster.PreferenceOf(call.Group).Where(Cluster.IsUp).Cast<NodeId?>().FirstOrDefault();
        if (call.Request.NoRedirect)
            Finish(call, NotHere(call, to));
        else if (to is { } node)
            Forward(call, node);
        else
            _homeless.Add(call);
    }

    private void RetryHomeless()
    {
        if (_homeless.Count == 0)
            return;
        var calls = _homeless;
        _homeless = [];
        foreach (var call in calls)
            RouteElsewhere(call);
    }

    private void EndHomeless(Call call) => Finish(call, new Reply
    {
        Status = call.IsCancelled ? ReplyStatus.Cancelled : ReplyStatus.DeadlineExceeded,
        Message = call.IsCancelled ? "" : $"no replica of partition {call.Group - 1} could be reached: {Cluster.WhyNoLeader()}",
        Partition = call.Group - 1,
    });

    private Reply NotHere(Call call, NodeId? leader) => new()
    {
        Status = ReplyStatus.NotLeader,
        Message = $"{Cluster.NameOf(Cluster.Self)} holds no replica of partition {call.Group - 1}",
        Partition = call.Group - 1,
        Epoch = Cluster.Epoch,
        Leader = leader is { } node ? Cluster.ClientAddressOf(node) : "",
    };
}
