using System.Net;
using Kvorum.Node;
using Kvorum.Node.Access;
using Kvorum.Node.Administration;
using Kvorum.Protocol;

namespace Kvorum.Server.Access;

/// <summary>
/// The node as one caller may use it: the one place where rights are enforced, which every request of every
/// front end passes. Any thread.
/// </summary>
internal sealed class CallersNode(
    NodeDoor door, Caller caller, bool hasToken, EndPoint? remote, ConnectionPlace? place = null) : INode
{
    private readonly AccessJudge _judge = door.JudgeOf(caller);
    private int _isTold;

    /// <summary>Who it is.</summary>
    public Caller Caller => caller;

    /// <summary>Whom a token names; empty if none was shown, or it names nobody.</summary>
    public string TokenUser =>
        hasToken && door.Node.Access is { } table ? Judge(table).User : "";

    /// <summary>
    /// The user that its connections and requests count for; null: the caller is not known, or rights are not
    /// enforced, so that a caller who leaves out the token would be beyond all bounds.
    /// </summary>
    public LimitedUser? LimitedUser =>
        door.Node.Access is { IsOn: true } table && Judge(table).User is { Length: > 0 } user
            ? new(caller is Caller.Signed, user) : null;

    /// <inheritdoc/>
    public ClusterMap Map
    {
        get
        {
            Admit();
            return door.Node.Map;
        }
    }

    /// <summary>Whether it serves is told to everybody: probes ask for it.</summary>
    public NodeHealth Health => door.Node.Health;

    /// <inheritdoc/>
    public AccessTable? Access => door.Node.Access;

    /// <inheritdoc/>
    public long MetadataSilenceMs => door.Node.MetadataSilenceMs;

    /// <summary><see cref="AccessRefusedException"/> if the caller is nobody who is known.</summary>
    public void Admit()
    {
        if (Refusal(AccessNeed.Known) is { } refused)
            throw new AccessRefusedException(refused);
    }

    /// <summary>
    /// A request begins; <see cref="AccessRefusedException"/> if the user has too many. What is returned is
    /// left once it has ended; null where nothing is counted.
    /// </summary>
    public UserPlaces? Enter() =>
        Enter(out var entered) is { } refused ? throw new AccessRefusedException(refused.Reply) : entered;

    /// <summary>The same, where the refusal is the caller's to tell.</summary>
    public UserRefusal? Enter(out UserPlaces? entered)
    {
        entered = null;
        return place?.Enter(this, out entered);
    }

    /// <inheritdoc/>
    public void Submit(Call call)
    {
        if (Refusal(AccessNeed.Of(call.Request)) is not { } refused)
        {
            door.Node.Submit(call);
            return;
        }

        call.Complete(refused);
        call.Sink?.Flush();
    }

    /// <summary><see cref="AccessRefusedException"/> if the caller may not know it.</summary>
    public void AskStatus(Action<NodeStatus> done)
    {
        if (Refusal(AccessNeed.OfCluster(AccessActions.Status)) is { } refused)
            throw new AccessRefusedException(refused);
        door.Node.AskStatus(done);
    }

    /// <inheritdoc/>
    public void Administer(AdminRequest request, TimeSpan timeout, Action<AdminReply> done)
    {
        if (request is ShowIdentity)
            done(Identity());
        else if (Refusal(request.Need, request is AdminQuestion) is { } refused)
            done(AdminReply.Of(refused.Status, refused.Message));
        else if (request is EnforceRights { On: true, Force: false } && WhyLockedOut() is { } why)
            done(AdminReply.Of(ReplyStatus.ConditionFailed, why));
        else if (request is CreateApiKey { Hash.Length: 0 } key)
            Draw(key, timeout, done);
        else
            door.Node.Administer(Named(request), timeout, done);
    }

    // Nobody is known while rights are not enforced and nothing is shown.
    private AdminRequest Named(AdminRequest request) => request is AdminChange change
        && door.Node.Access is { } table && Judge(table) is { User.Length: > 0 } known
        ? change with { By = $"{known.Who}, {change.By}" } : request;

    private void Draw(CreateApiKey asked, TimeSpan timeout, Action<AdminReply> done)
    {
        var (id, key, hash) = ApiKey.Draw();
        door.Node.Administer(
            Named(asked with { Id = id, Hash = hash }), timeout,
            reply => done(reply.Status == ReplyStatus.Ok && !asked.DryRun ? reply with { ApiKey = key }
                : reply));
    }

    private AdminReply Identity()
    {
        if (door.Node.Access is not { } table)
            return AdminReply.Of(ReplyStatus.Unavailable, AccessJudge.NotTold);
        var judged = Judge(table);
        if (judged.Rights is null && table.IsOn)
            return AdminReply.Of(ReplyStatus.Unauthenticated, judged.Why);
        return new()
        {
            Status = ReplyStatus.Ok,
            Identity = new(
                judged.User, ConnectionIdentity.NameOf(caller.Means), table.IsOn,
                AccessReport.Of((judged.Rights ?? Rights.None).Grants)),
        };
    }

    // Who enforces rights without any is the first whom it hits.
    private string? WhyLockedOut() => door.Node.Access is { } table
        && Judge(table).Rights?.Allow(AccessNeed.OfCluster(AccessActions.Security)) == true ? null
        : "nothing was changed: you would be locked out, because you have not shown an API key or a "
            + "certificate of a user who may change users. Show it, or ask for it with force";

    private Reply? Refusal(AccessNeed need, bool isQuestion = false)
    {
        var table = door.Node.Access;
        if (hasToken && table is { IsOn: true })
            Judge(table);
        var refused = _judge.Refusal(table, need, isQuestion);
        return refused is null or { Status: ReplyStatus.Unavailable } ? refused
            : door.Refused(remote, caller, Judge(table!), refused);
    }

    private CallerStanding Judge(AccessTable table)
    {
        var standing = _judge.Judge(table);
        if (hasToken && Volatile.Read(ref _isTold) == 0 && Interlocked.Exchange(ref _isTold, 1) == 0)
            TellLogin(standing);
        return standing;
    }

    private void TellLogin(CallerStanding standing)
    {
        var why = caller is Caller.Unknown { ForLog: { } forLog } ? forLog : standing.Why;
        door.Told(standing.Rights is null
            ? new(remote, "", caller.Means, ReplyStatus.Unauthenticated, why)
            : new(remote, standing.User, caller.Means, ReplyStatus.Ok, ""));
    }
}
