using Kvorum.Node.Administration;
using Kvorum.Node.Events;
using Kvorum.Node.Replicas;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>
/// Operators' requests where the metadata group's replica leads: <see cref="AdminDecider"/> says what is to
/// be done, it is proposed, and answered only when the committed state shows it. Before that the replica
/// proves that it leads still: another may have decided otherwise since. What would come of a change is
/// planned in the background. Owned by the loop of the metadata group.
/// </summary>
internal sealed class AdminDesk(
    NodeContext context, LoopClock clock, LoopJobs jobs, MetadataDesk metadata, PlanRounds plans)
{
    /// <summary>What an operator is told of a change whose outcome is not known.</summary>
    public const string MayHappen = "it may have been done, or be done yet. Look at kvorum cluster show, and "
        + "repeat the request if it does not show the change: to repeat it does no harm";

    private const string LeaderChanged = "nothing was done: the leader has just changed; ask again";

    private readonly List<Proposed> _proposed = [];
    private readonly List<Unproved> _unproved = [];

    // They wait for the format version that the cluster has a moment after its founding.
    private readonly List<Unproved> _early = [];
    private readonly AdminDecider _decider = new(
        context.Cluster.Health.IsUp, plans.LeaderOf, context.Cluster.Place);
    private readonly ClusterReporter _reporter = new(context, clock, plans);
    private readonly AccessConfirmations _confirmations = new();
    private int _forecasts;

    private sealed record Proposed(AdminTask Task, AdminDecision.Propose Decision, Term Term, long AtMs);

    // Waits for that answer of the replica's probe; or goes back to where it came from.
    private readonly record struct Unproved(AdminTask Task, Action<AdminTask> Back, ulong Proof);

    /// <summary>Requests that are under way here.</summary>
    public int Count => _proposed.Count + _unproved.Count + _early.Count + _forecasts;

    /// <summary>What this node knows itself.</summary>
    public AdminReply AnswerOfNode(AdminQuestion question, string why) => _reporter.OfNode(question, why);

    /// <summary>
    /// Takes a request, if the replica here leads and knows all that was decided before it did; else false,
    /// and nothing was done. What cannot be done here after all goes <paramref name="back"/>.
    /// </summary>
    public bool TryTake(AdminTask task, Action<AdminTask> back)
    {
        if (Leader is not var (replica, _))
            return false;
        _unproved.Add(new(task, back, replica.Freshness!.Want()));
        return true;
    }

    // False if it must wait, and nothing was done.
    private bool TryDecide(Unproved proved, RaftReplica replica, MetaMachine state)
    {
        var task = proved.Task;
        switch (task.Request)
        {
            case AdminQuestion question:
                var planned = plans.Describe(state, (long)replica.LogTimeNow);
                task.Answer(_reporter.OfLeader(question, state, planned));
                return true;
            // Each is made of the limits as they are: two at a time would undo each other.
            case ChangeLimits when _proposed.Any(static one => one.Task.Request is ChangeLimits):
                return false;
            case AccessChange when _proposed.Any(static one => one.Task.Request is AccessChange):
                return false;
            case ConfirmAccess one when WhyNotYet(task, one, replica, state) is { } why:
                task.Answer(ReplyStatus.ConditionFailed, why);
                return true;
            case AdminChange change:
                Decide(proved, change, replica, state);
                return true;
            default:
                throw new InvalidOperationException($"{task.Request.GetType().Name} has no place here");
        }
    }

    /// <summary>The node stops: what was proposed may come true yet.</summary>
    public void End(string self)
    {
        foreach (var (task, _, _) in _early.Concat(_unproved))
            task.Answer(ReplyStatus.ShuttingDown, $"{self} is shutting down, and nothing was done");
        _early.Clear();
        _unproved.Clear();
        foreach (var (task, _, _, _) in _proposed)
            task.Answer(ReplyStatus.OutcomeUnknown, $"{self} is shutting down: {MayHappen}");
        _proposed.Clear();
    }

    /// <summary>Answers for what has come true, and for what has not in its time.</summary>
    public void Tick()
    {
        TakeEarly();
        TakeProved();
        for (var i = _proposed.Count - 1; i >= 0; i--)
        {
            var (task, decision, _, _) = _proposed[i];
            var isDecided = metadata.State is { } state && decision.IsDone(state);
            var isDone = isDecided && decision.IsSeen(plans.LeaderOf);
            if (!isDecided)
                _proposed[i] = ProposedAgain(_proposed[i]);
            if (!isDone && clock.NowMs < task.DeadlineMs)
                continue;
            _proposed.RemoveAt(i);
            if (isDone)
                Done(task, decision);
            else
                task.Answer(ReplyStatus.OutcomeUnknown, OutOfTime(decision, isDecided));
        }
    }

    private void TakeEarly()
    {
        if (_early.Count == 0)
            return;
        Unproved[] tasks = [.. _early];
        _early.Clear();
        foreach (var (task, back, _) in tasks.Where(one => !TryTake(one.Task, one.Back)))
            back(task);
    }

    private void TakeProved()
    {
        if (_unproved.Count == 0)
            return;
        Unproved[] tasks = [.. _unproved];
        _unproved.Clear();
        foreach (var one in tasks)
        {
            if (Leader is not var (replica, state) || one.Task.DeadlineMs <= clock.NowMs)
                one.Back(one.Task);
            else if (!replica.Freshness!.HasProved(one.Proof))
                _unproved.Add(one);
            else if (!TryDecide(one, replica, state))
                one.Back(one.Task);
        }
    }

    // While it hands over, or has too much to do, the core takes nothing. In the same term nobody else can
    // have decided anything meanwhile.
    private Proposed ProposedAgain(Proposed proposed)
    {
        if (clock.NowMs - proposed.AtMs < Limits.AdminProposeMs || Leader is not var (replica, _)
            || replica.Raft.Term != proposed.Term)
            return proposed;
        replica.Propose(CommandOf(proposed.Task, proposed.Decision, replica));
        return proposed with { AtMs = clock.NowMs };
    }

    private static string OutOfTime(AdminDecision.Propose decision, bool isDecided) => isDecided
        ? $"it is decided that {decision.Done}, and it has not come true in the time given: it will as soon "
            + "as it can; kvorum partition list shows it"
        : $"it was proposed that {decision.Done}, and no majority has confirmed it in the time given: "
            + MayHappen;

    private (RaftReplica Replica, MetaMachine State)? Leader =>
        metadata.Leader is { } leader && leader.Replica.Raft.HasCommittedInTerm ? leader : null;

    private string? WhyNotYet(AdminTask task, ConfirmAccess one, RaftReplica replica, MetaMachine state) =>
        AccessRecoveryDecider.WhyNot(one, state, replica.LogTimeNow) is not null
            || AccessRecoveryDecider.IsDone(one, state) ? null
            : _confirmations.WhyNotYet(
                one, task.From ?? context.Cluster.Members.NameOf(context.Cluster.Self),
                [.. replica.Raft.Configuration.Voters.Select(context.Cluster.Members.NameOf)]);

    private void Decide(Unproved proved, AdminChange change, RaftReplica replica, MetaMachine state)
    {
        var task = proved.Task;
        switch (_decider.Decide(change, state, replica.LogTimeNow))
        {
            // A new cluster is ready some moments before all its members have said what they speak.
            case AdminDecision.Answer { LacksFormat: true } when !task.IsPatienceOver(clock.NowMs):
                _early.Add(proved);
                break;
            case AdminDecision.Answer answer:
                task.Answer(answer.Reply);
                break;
            case AdminDecision.Propose propose:
                var cluster = plans.Describe(state, (long)replica.LogTimeNow);
                if (propose.Prepare is { } prepare)
                    Forecast(task, () => prepare(cluster));
                else if (change.DryRun)
                    task.Answer(ReplyStatus.Ok, $"would be done: {propose.Done}");
                else
                    Propose(task, propose, replica);
                break;
        }
    }

    // The planner takes its time with a large cluster.
    private void Forecast(AdminTask task, Func<AdminDecision> prepare)
    {
        AdminDecision? prepared = null;
        _forecasts++;
        jobs.RunInBackground(() => prepared = prepare(), failure =>
        {
            _forecasts--;
            if (failure is not null)
                throw new NodeFaultException($"the planner failed: {failure.Message}", failure);
            if (prepared is AdminDecision.Propose propose)
                Forecasted(task, propose);
            else
                task.Answer(((AdminDecision.Answer)prepared!).Reply);
        });
    }

    private void Forecasted(AdminTask task, AdminDecision.Propose propose)
    {
        if (Leader is not var (replica, state))
        {
            task.Answer(ReplyStatus.Unavailable, LeaderChanged);
            return;
        }

        string[] reasons = propose.Forecast is { } forecast
            ? [.. forecast.Reasons.Select(reason => MemberNames.InWords(reason, state))] : [];
        var isRefused = reasons.Length > 0 && !propose.IsForced;
        var answer = new AdminReply
        {
            Status = ReplyStatus.Ok,
            MovedBytes = propose.Forecast?.MovedBytes,
            Reasons = reasons,
            Message = isRefused ? $"would be refused without force: {string.Join("; ", reasons)}"
                : reasons.Length > 0
                    ? $"would be done, at a price: {propose.Done}: {string.Join("; ", reasons)}"
                : $"would be done: {propose.Done}",
        };
        if (((AdminChange)task.Request).DryRun)
        {
            task.Answer(answer);
        }
        else if (isRefused)
        {
            task.Answer(answer with
            {
                Status = ReplyStatus.ConditionFailed,
                Message = $"nothing was changed, or a promise would be lost: {string.Join("; ", reasons)}. "
                    + "Add members first, or ask for it with force",
            });
        }
        else
        {
            Propose(task, propose, replica);
        }
    }

    private void Propose(AdminTask task, AdminDecision.Propose propose, RaftReplica replica)
    {
        replica.Propose(CommandOf(task, propose, replica));
        _proposed.Add(new(task, propose, replica.Raft.Term, clock.NowMs));
    }

    // From format version 2 on it says who has asked for it.
    private byte[] CommandOf(AdminTask task, AdminDecision.Propose propose, RaftReplica replica)
    {
        var command = propose.Command(replica.LogTimeNow);
        var isTold = task.By.Length > 0 && context.Cluster.ActiveFormat >= FormatRange.Quorums;
        return isTold ? MetaRecords.EncodeAsked(task.By, command, replica.LogTimeNow) : command;
    }

    private void Done(AdminTask task, AdminDecision.Propose decision)
    {
        context.Cluster.Tell(new AdminChanged(
            decision.Done, task.From ?? context.Cluster.Members.NameOf(context.Cluster.Self), task.By));
        task.Answer(new()
        {
            Status = ReplyStatus.Ok,
            Message = decision.Done,
            Limits = task.Request is ChangeLimits && metadata.State is { } state
                ? MoveLimits.Of(state.MoveLimits) : null,
        });
    }
}
