using Kvorum.Node.Replicas;
using Kvorum.Node.Scans;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>
/// Where calls go: to the scans, to the replica here, or to the node that should lead. Owned by the loop.
/// </summary>
internal sealed class CallRouter
{
    private readonly NodeContext _context;
    private readonly LoopClock _clock;
    private readonly ReplicaTable _replicas;
    private readonly LoopCalls _calls;

    // No replica is here, and no node is known that could be asked.
    private List<Call> _homeless = [];

    public CallRouter(
        NodeContext context, LoopClock clock, ReplicaTable replicas, Outboxes outboxes, LoopCalls calls,
        RoomWaits rooms, int loopIndex)
    {
        (_context, _clock, _replicas, _calls) = (context, clock, replicas, calls);
        Forwards = new(context, clock, outboxes, calls, rooms, new(Retry, NotLedBy), loopIndex);
    }

    /// <summary>The calls that were passed on to other nodes.</summary>
    public Forwards Forwards { get; }

    /// <summary>Takes a call of one of this loop's groups.</summary>
    public void Take(Call call)
    {
        if (Home(call) is { } replica)
            replica.Take(call);
        else
            RouteElsewhere(call);
    }

    /// <summary>Takes one group's part of a share: it is read here or refused, never passed on.</summary>
    public void Take(ReadViewRequest part)
    {
        _calls.Enter();
        // The metadata group holds no keys.
        if (!part.Group.IsMetadata && _replicas.Find(part.Group) is { } replica)
            replica.Take(part);
        else
            _calls.Finish(part, new() { Status = ReplyStatus.NotLeader });
    }

    /// <summary>Asks again for what had no home.</summary>
    public void Sweep()
    {
        if (_homeless.Count == 0)
            return;
        var calls = _homeless;
        _homeless = [];
        foreach (var call in calls)
            Take(call);
    }

    // The replica here, unless it is about to go: it may not hear who leads, and others do.
    private IReplica? Home(Call call) =>
        _replicas.Find(call.Group) is { IsBypassed: false } replica ? replica : null;

    // The node asked does not lead: remembers what it said, and asks again later.
    private void NotLedBy(Call call, NodeId asked, Reply reply)
    {
        if (Home(call) is null)
        {
            var hint = _context.Cluster.Members.At(reply.Leader);
            _context.Cluster.Leaders.Set(call.Group, hint == asked ? null : hint, default);
        }

        Retry(call);
    }

    private void Retry(Call call)
    {
        if (Home(call) is { } replica)
            replica.Wait(call);
        else
            _homeless.Add(call);
    }

    // No replica here, or none yet: the leader if it is known, else any replica that is up, on another node.
    private void RouteElsewhere(Call call)
    {
        if (call.IsCancelled || _clock.NowMs >= call.DeadlineMs)
        {
            EndHomeless(call);
            return;
        }

        var cluster = _context.Cluster;
        var to = cluster.Leaders.Of(call.Group) is { } leader && CanTake(leader)
            ? leader : cluster.PreferenceOf(call.Group).Where(CanTake).Cast<NodeId?>().FirstOrDefault();
        if (call.Request.NoRedirect)
            _calls.Finish(call, NotHere(call, to));
        else if (to is { } node)
            Forwards.Send(call, node);
        else
            _homeless.Add(call);
    }

    private bool CanTake(NodeId node) =>
        node != _context.Cluster.Self && _context.Cluster.Health.IsUp(node);

    private string NameOf(Call call) => _context.Cluster.Directory.NameOf(call.Group);

    private uint PartitionOf(Call call) => _context.Cluster.Directory.PartitionOf(call.Group).Value;

    private void EndHomeless(Call call) => _calls.Finish(call, new Reply
    {
        Status = call.IsCancelled ? ReplyStatus.Cancelled : ReplyStatus.DeadlineExceeded,
        Message = call.IsCancelled ? "" : $"no replica of {NameOf(call)} could be reached: "
            + _context.Cluster.WhyNoLeader(call.Group),
        Partition = PartitionOf(call),
    });

    private Reply NotHere(Call call, NodeId? leader) => new()
    {
        Status = ReplyStatus.NotLeader,
        Message =
            $"{_context.Cluster.Members.NameOf(_context.Cluster.Self)} holds no replica of {NameOf(call)}",
        Partition = PartitionOf(call),
        Epoch = _context.Cluster.Epoch,
        Leader = leader is { } node ? _context.Cluster.Members.ClientAddressOf(node) : "",
    };
}
