using Kvorum.Node.Administration;
using Kvorum.Protocol;

namespace Kvorum.Server;

/// <summary>
/// What became of an operator's request, on all wires: its code, its words, and what may be done then.
/// </summary>
/// <param name="Outcome">How its status looks on the wires.</param>
/// <param name="Message">For people.</param>
/// <param name="Retry">What may be done: the same request may always be sent again.</param>
/// <param name="IsIndeterminate">True if it may have happened, or may happen yet.</param>
internal sealed record AdminOutcome(
    ReplyOutcome Outcome, string Message, RetryAdvice Retry, bool IsIndeterminate)
{
    /// <summary>Of a request and the node's answer.</summary>
    public static AdminOutcome Of(AdminRequest request, AdminReply reply)
    {
        var isUnknown = !request.IsRead && reply.Status is ReplyStatus.OutcomeUnknown
            or ReplyStatus.DeadlineExceeded or ReplyStatus.Internal;
        var advice = reply.Status is ReplyStatus.InvalidArgument or ReplyStatus.UnknownKeyspace
            or ReplyStatus.ConditionFailed or ReplyStatus.Unauthenticated or ReplyStatus.PermissionDenied
            ? RetryAdvice.Never
            : isUnknown ? RetryAdvice.SameIds : RetryAdvice.Safe;
        return new(ReplyOutcome.Of(reply.Status), reply.Message, advice, isUnknown);
    }
}
