using System.Diagnostics;
using Kvorum.Protocol;

namespace Kvorum.Client;

/// <summary>
/// What has become of one call so far, and whether and when it is tried again: the decisions, without any
/// doing.
/// </summary>
internal struct RetryState(Request request, TimeSpan timeout)
{
    private const int PauseMinMs = 2;
    private const int PauseMaxMs = 250;

    private int _attempts;
    private int _pauseMs;
    private bool _mayHaveHappened;
    private Answer _last;
    private Answer _before;

    /// <summary>The node that failed last: not asked again if there is another.</summary>
    public NodeLink? Avoid { get; private set; }

    /// <summary>
    /// What is asked next: a write to a quorum keyspace that may have happened is repeated with the version
    /// that was tried, so that it stays one write.
    /// </summary>
    public readonly Request Request => request;

    /// <summary>
    /// When to give up on the attempt that begins now. A call that may be repeated gives a silent node only
    /// half of the time that is left, so that there is time to ask another one.
    /// </summary>
    public readonly long AttemptEnd(long nowMs, long deadlineMs) =>
        request.IsSafeToRepeat && deadlineMs - nowMs > 200 ? nowMs + ((deadlineMs - nowMs) / 2) : deadlineMs;

    /// <summary>
    /// True if the call succeeded; false if it is to be tried again; else throws what went wrong.
    /// </summary>
    public bool IsDone(Answer answer, NodeLink asked)
    {
        _attempts++;
        var status = StatusOf(answer);
        if (status == ReplyStatus.Ok)
            return true;
        if (WordsOf(answer) != WordsOf(_last))
            _before = _last;
        _last = answer;
        // One with a timestamp is the same write anyway.
        if (answer.Reply is { Writer: > 0 } tried && request is WriteRequest { Timestamp: 0 } write)
            request = write with { Tried = new(tried.Version, tried.Writer) };
        if (!PassesByItself(status) || !RetryTable.MayRepeat(status, request))
            throw Failure(status, answer);
        _mayHaveHappened |= RetryTable.AdviceOf(status, request) == RetryAdvice.SameIds;
        if (status == ReplyStatus.Overloaded)
        {
            _pauseMs = Math.Clamp(_pauseMs * 2, 10, PauseMaxMs);
            return false;
        }

        Avoid = asked;
        var isHint = answer is { Reply: { Status: ReplyStatus.NotLeader, Leader.Length: > 0 } };
        _pauseMs = isHint && _attempts == 1 ? 0 : Math.Clamp(_pauseMs * 2, PauseMinMs, PauseMaxMs);
        return false;
    }

    /// <summary>
    /// How long to wait before the next attempt: with jitter, and no longer than the call's time.
    /// </summary>
    public readonly int PauseMs(long deadlineMs)
    {
        if (_pauseMs == 0)
            return 0;
        var pauseMs = (_pauseMs / 2) + Random.Shared.Next((_pauseMs / 2) + 1);
        return (int)Math.Clamp(deadlineMs - Environment.TickCount64, 0, Math.Max(1, pauseMs));
    }

    /// <summary>The call's time is up.</summary>
    public readonly KvorumException TimeUp()
    {
        var last = WordsOf(_last);
        // The last attempt is often cut short by the end of the time, and those before tell more.
        if (_last.Reply is null && WordsOf(_before) is { Length: > 0 } before)
            last = $"{last.TrimEnd('.')}; before that: {before}";
        if (last.Length == 0)
            last = "no node was asked";
        var outcome = _mayHaveHappened ? " The write may have happened, or happen yet." : "";
        return new(
            ReplyStatus.DeadlineExceeded,
            $"Not done within {timeout.TotalMilliseconds:0} ms and {_attempts} attempts; "
                + $"at last: {last.TrimEnd('.')}.{outcome}",
            _mayHaveHappened ? RetryAdvice.SameIds : RetryAdvice.Safe)
        {
            Tried = TriedOf(request),
        };
    }

    /// <summary>What goes wrong when there is no reply.</summary>
    public static KvorumException Unanswered(Request request, Answer answer)
    {
        var status = StatusOf(answer);
        var advice = RetryTable.AdviceOf(status, request);
        var outcome = advice == RetryAdvice.SameIds ? "The write may have happened, or not: " : "";
        return new(status, $"{outcome}{answer.Reason}.", advice);
    }

    private static string WordsOf(Answer answer) => answer switch
    {
        { Reply: { } reply } =>
            reply.Message.Length > 0 ? $"{reply.Status}: {reply.Message}" : $"{reply.Status}",
        { Reason.Length: > 0 } => answer.Reason,
        _ => "",
    };

    // What no reply tells, told in the words of replies.
    private static ReplyStatus StatusOf(Answer answer) => answer.Kind switch
    {
        AnswerKind.Reply => answer.Reply!.Status,
        AnswerKind.NotSent => ReplyStatus.Unavailable,
        AnswerKind.Lost => ReplyStatus.OutcomeUnknown,
        AnswerKind.TimedOut => ReplyStatus.DeadlineExceeded,
        _ => throw new UnreachableException($"{answer.Kind} is no answer to a request."),
    };

    // Another attempt within the call's time may end otherwise. A full disk or a fault of a node lasts.
    private static bool PassesByItself(ReplyStatus status) => status
        is ReplyStatus.NotLeader or ReplyStatus.Unavailable or ReplyStatus.Overloaded
        or ReplyStatus.ShuttingDown or ReplyStatus.OutcomeUnknown or ReplyStatus.DeadlineExceeded;

    private static WriteVersion? TriedOf(Request request) => (request as WriteRequest)?.Tried;

    private readonly KvorumException Failure(ReplyStatus status, Answer answer)
    {
        if (answer.Reply is not { } reply)
            return Unanswered(request, answer);
        var message = reply.Message.Length > 0 ? reply.Message : status.ToString();
        return new(status, message, RetryTable.AdviceOf(status, request), reply.Version)
        {
            Tried = TriedOf(request),
        };
    }
}
