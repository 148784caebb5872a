using Kvorum.Node.Administration;
using Kvorum.Protocol;

namespace Kvorum.Node.Loops;

/// <summary>
/// An operator's request on its way: answered once. Owned by the loop of the metadata group.
/// </summary>
/// <param name="request">What is asked.</param>
/// <param name="takenMs">When it came, in the node's milliseconds.</param>
/// <param name="timeoutMs">How long it may take.</param>
/// <param name="hops">How often it may be passed on to another node.</param>
/// <param name="from">Name of the node that has passed it on; null if an operator asked this one.</param>
/// <param name="done">Told of the answer, on the loop.</param>
internal sealed class AdminTask(
    AdminRequest request, long takenMs, long timeoutMs, byte hops, string? from, Action<AdminReply> done)
{
    private bool _isDone;

    public AdminRequest Request => request;

    /// <summary>By which means and from where a change is asked for; empty if it is not known.</summary>
    public string By => request is AdminChange change ? change.By : "";

    public long DeadlineMs => takenMs + timeoutMs;

    public byte Hops => hops;

    /// <summary>The node that it came through; null if it is this one.</summary>
    public string? From => from;

    /// <summary>
    /// True once a question has waited so long for a leader that what this node knows is the better answer.
    /// </summary>
    public bool IsPatienceOver(long nowMs) =>
        nowMs - takenMs >= Math.Min(Limits.AdminPatienceMs, timeoutMs / 2);

    /// <summary>Answers, unless it was answered before.</summary>
    public void Answer(AdminReply reply)
    {
        if (_isDone)
            return;
        _isDone = true;
        done(request is AdminChange { DryRun: true } ? reply with { DryRun = true } : reply);
    }

    /// <summary>Answers with words alone.</summary>
    public void Answer(ReplyStatus status, string message) => Answer(AdminReply.Of(status, message));
}
