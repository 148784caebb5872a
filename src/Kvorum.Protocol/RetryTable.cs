namespace Kvorum.Protocol;

/// <summary>
/// The one table of what may be done after each <see cref="ReplyStatus"/>: servers tell it to their callers,
/// clients and forwarding nodes act on it. A read has no effect, so it may always be repeated. A write whose
/// outcome is unknown may be repeated only if its ids make it happen once.
/// </summary>
public static class RetryTable
{
    /// <summary>What the caller may do after a reply of this status to this request.</summary>
    public static RetryAdvice AdviceOf(ReplyStatus status, Request request) => AdviceOf(status) switch
    {
        RetryAdvice.SameIds when !request.IsWrite => RetryAdvice.Safe,
        var advice => advice,
    };

    /// <summary>
    /// True if the request may be sent again as it is, without asking its caller: it has no second effect.
    /// </summary>
    public static bool MayRepeat(ReplyStatus status, Request request) => AdviceOf(status, request) switch
    {
        RetryAdvice.Safe => true,
        RetryAdvice.SameIds => request.IsSafeToRepeat,
        _ => false,
    };

    /// <summary>The advice on the wires: never, safe or same-ids.</summary>
    public static string NameOf(RetryAdvice advice) => advice switch
    {
        RetryAdvice.Never => "never",
        RetryAdvice.Safe => "safe",
        RetryAdvice.SameIds => "same-ids",
        _ => throw new ArgumentOutOfRangeException(nameof(advice), advice, null),
    };

    // Of a write.
    private static RetryAdvice AdviceOf(ReplyStatus status) => status switch
    {
        ReplyStatus.Ok or ReplyStatus.InvalidArgument or ReplyStatus.UnknownKeyspace => RetryAdvice.Never,
        ReplyStatus.ConditionFailed or ReplyStatus.SessionExpired => RetryAdvice.Never,
        ReplyStatus.Unauthenticated or ReplyStatus.PermissionDenied => RetryAdvice.Never,
        ReplyStatus.NotLeader or ReplyStatus.Unavailable or ReplyStatus.Overloaded => RetryAdvice.Safe,
        ReplyStatus.OutOfSpace or ReplyStatus.ShuttingDown => RetryAdvice.Safe,
        ReplyStatus.DeadlineExceeded or ReplyStatus.OutcomeUnknown => RetryAdvice.SameIds,
        ReplyStatus.Cancelled or ReplyStatus.Internal => RetryAdvice.SameIds,
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, null),
    };
}
