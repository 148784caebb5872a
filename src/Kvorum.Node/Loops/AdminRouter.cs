using Kvorum.Node.Administration;
using Kvorum.Node.State;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>
/// Brings operators' requests to the leader of the metadata group, here or on another node, and sees to it
/// that each is answered: in time, once, and with the truth about what may have happened. What was not done
/// for lack of a leader is asked again while there is time. Owned by the loop of the metadata group.
/// </summary>
internal sealed class AdminRouter(
    NodeContext context, LoopClock clock, AdminDesk desk, ExplainDesk explanations)
{
    private readonly List<AdminTask> _waiting = [];
    private readonly SortedDictionary<ulong, Passed> _passed = [];
    private ulong _lastId = context.FirstNumber;
    private long _routedMs;

    private readonly record struct Passed(AdminTask Task, NodeId To);

    private ClusterViewName Names => new(context.Cluster);

    /// <summary>Those who wait for events.</summary>
    public EventDesk Events { get; } = new(context, clock);

    /// <summary>A request came, from an operator or from another node.</summary>
    public void Take(AdminTask task)
    {
        if (task.Request is ShowEvents)
        {
            Events.Take(task);
            return;
        }

        if (_waiting.Count + _passed.Count + desk.Count + explanations.Count >= Limits.AdminTasksMax)
        {
            task.Answer(
                ReplyStatus.Overloaded,
                $"{Names.Self} has {Limits.AdminTasksMax} administrative requests under way: retry later");
            return;
        }

        if (!explanations.TryTake(task))
            Route(task);
    }

    /// <summary>Another node has answered.</summary>
    public void Answered(NodeId from, ulong id, AdminReply reply)
    {
        explanations.Answered(from, id, reply);
        if (!_passed.TryGetValue(id, out var passed) || passed.To != from)
            return;
        _passed.Remove(id);
        if (reply.Status == ReplyStatus.NotLeader)
            Again(passed.Task);
        else
            passed.Task.Answer(reply);
    }

    /// <summary>A peer is lost, and the answers that it owes with it.</summary>
    public void PeerLost(NodeId peer)
    {
        explanations.PeerLost(peer);
        foreach (var (id, passed) in _passed.Where(one => one.Value.To == peer).ToArray())
        {
            _passed.Remove(id);
            if (passed.Task.Request.IsRead)
                Again(passed.Task);
            else
                passed.Task.Answer(Unknown(peer, "was lost before it answered"));
        }
    }

    /// <summary>Asks again for what waits, and ends what has waited too long.</summary>
    public void Tick()
    {
        desk.Tick();
        Events.Tick();
        explanations.Tick();
        foreach (var (id, passed) in _passed.Where(one => one.Value.Task.DeadlineMs <= clock.NowMs).ToArray())
        {
            _passed.Remove(id);
            if (passed.Task.Request.IsRead)
                GiveUp(passed.Task, $"{Names.Of(passed.To)} has not answered in time");
            else
                passed.Task.Answer(Unknown(passed.To, "has not answered in time"));
        }

        if (_waiting.Count == 0 || clock.NowMs - _routedMs < Limits.AdminRetryMs)
            return;
        _routedMs = clock.NowMs;
        AdminTask[] tasks = [.. _waiting];
        _waiting.Clear();
        foreach (var task in tasks)
            Route(task);
    }

    /// <summary>The node stops: what is under way is answered as far as it is known.</summary>
    public void End()
    {
        AdminTask[] tasks = [.. _waiting, .. _passed.Values.Select(static one => one.Task)];
        var waiting = _waiting.Count;
        _waiting.Clear();
        _passed.Clear();
        foreach (var (at, task) in tasks.Index())
        {
            var isUndone = at < waiting || task.Request.IsRead;
            task.Answer(
                isUndone ? ReplyStatus.ShuttingDown : ReplyStatus.OutcomeUnknown,
                isUndone ? $"{Names.Self} is shutting down, and nothing was done: ask another node"
                    : $"{Names.Self} is shutting down: {AdminDesk.MayHappen}");
        }

        desk.End(Names.Self);
        explanations.End(Names.Self);
    }

    private void Route(AdminTask task)
    {
        if (desk.TryTake(task, Again))
            return;
        var leader = context.Cluster.Leaders.Of(GroupId.Metadata);
        var isThere = leader is { } there && there != context.Cluster.Self
            && context.Cluster.Health.IsUp(there);
        // What another node has on its disk must not look as if this one had it.
        var isAnothers = task is { Request: ConfirmAccess, From: not null };
        if (!isThere || isAnothers || task.Hops == 0 || !Pass(task, leader!.Value))
            Again(task);
    }

    private bool Pass(AdminTask task, NodeId to)
    {
        // So much less that its words arrive before this node gives up.
        var left = (task.DeadlineMs - clock.NowMs) * 9 / 10;
        if (left <= 0)
            return false;
        // An older leader would not know what it is asked.
        if (task.Request is CreateKeyspace { Mode: KeyspaceSettings.QuorumMode }
            && context.Cluster.Members.FormatsOf(to) is not { Newest: >= FormatRange.Quorums })
        {
            task.Answer(
                ReplyStatus.ConditionFailed, KeyspaceDecider.WhyNoQuorumYet(context.Cluster.ActiveFormat));
            return true;
        }

        var frame = new ByteWriter();
        AdminCodec.EncodeAsk(
            ++_lastId, left, (byte)(task.Hops - 1), task.Request, context.Cluster.ActiveFormat, frame);
        if (!context.World.Transport.Send(to, PeerFrameKind.Admin, frame.Written))
            return false;
        _passed.Add(_lastId, new(task, to));
        return true;
    }

    // Nothing was done. The node that the operator asked waits; others say so at once.
    private void Again(AdminTask task)
    {
        if (task.From is not null)
            task.Answer(ReplyStatus.NotLeader, $"{Names.Self} does not lead the metadata group");
        else if (clock.NowMs >= task.DeadlineMs
            || (task.Request is AdminQuestion && task.IsPatienceOver(clock.NowMs)))
        {
            GiveUp(
                task, context.Cluster.MajorityLost
                    ?? $"the metadata group has no leader: {context.Cluster.WhyNoLeader(GroupId.Metadata)}");
        }
        else
            _waiting.Add(task);
    }

    private void GiveUp(AdminTask task, string why)
    {
        if (task.Request is AdminQuestion question)
        {
            task.Answer(desk.AnswerOfNode(question, why));
        }
        else
        {
            task.Answer(
                ReplyStatus.Unavailable,
                $"nothing was done: {why}. Asked through {Names.Self}; kvorum cluster show "
                    + "tells which members are up");
        }
    }

    private AdminReply Unknown(NodeId asked, string what) => AdminReply.Of(
        ReplyStatus.OutcomeUnknown,
        $"{Names.Of(asked)}, which leads the metadata group, {what}: {AdminDesk.MayHappen}");

    private readonly record struct ClusterViewName(Membership.ClusterView Cluster)
    {
        public string Self => Of(Cluster.Self);

        public string Of(NodeId node) => Cluster.Members.NameOf(node);
    }
}
