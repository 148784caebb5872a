using Kvorum.Protocol;

namespace Kvorum.Client;

/// <summary>
/// What has become of one call so far, and whether and when it is tried again: the decisions, without any
/// doing.
/// </summary>
internal struct CallCourse(Request request, TimeSpan timeout)
{
    private const int PauseMinMs = 2;
    private const int PauseMaxMs = 250;

    private int _attempts;
    private int _pauseMs;
    private bool _mayHaveHappened;
    private Answer _last;

    /// <summary>The node that failed last: not asked again if there is another.</summary>
    public NodeLink? Avoid { get; private set; }

    private readonly bool MayRepeat => request is not WriteRequest { ClientId: "" };

    /// <summary>
    /// When to give up on the attempt that begins now. A call that may be repeated gives a silent node only
    /// half of the time that is left, so that there is time to ask another one.
    /// </summary>
    public readonly long AttemptEnd(long nowMs, long deadlineMs) =>
        MayRepeat && deadlineMs - nowMs > 200 ? nowMs + ((deadlineMs - nowMs) / 2) : deadlineMs;

    /// <summary>
    /// True if the call succeeded; false if it is to be tried again; else throws what went wrong.
    /// </summary>
    public bool IsDone(Answer answer, NodeLink asked)
    {
        _attempts++;
        _last = answer;
        switch (answer)
        {
            case { Reply.Status: ReplyStatus.Ok }:
                return true;
            case { Reply.Status: ReplyStatus.NotLeader, Reply.Leader.Length: > 0 } when _attempts == 1:
                Avoid = asked;
                _pauseMs = 0;
                return false;
            case { Reply.Status: ReplyStatus.NotLeader or ReplyStatus.Unavailable }:
            case { Reply.Status: ReplyStatus.ShuttingDown }:
            case { Kind: AnswerKind.NotSent }:
                Avoid = asked;
                _pauseMs = Math.Clamp(_pauseMs * 2, PauseMinMs, PauseMaxMs);
                return false;
            case { Reply.Status: ReplyStatus.Overloaded }:
                _pauseMs = Math.Clamp(_pauseMs * 2, 10, PauseMaxMs);
                return false;
            case { Reply.Status: ReplyStatus.OutcomeUnknown or ReplyStatus.DeadlineExceeded } when MayRepeat:
            case { Kind: AnswerKind.Lost or AnswerKind.TimedOut } when MayRepeat:
                Avoid = asked;
                _mayHaveHappened |= request is WriteRequest;
                _pauseMs = Math.Clamp(_pauseMs * 2, PauseMinMs, PauseMaxMs);
                return false;
            case { Reply: { } reply }:
                throw Failure(reply);
            default:
                _mayHaveHappened = true;
                throw new KvorumException(
                    answer.Kind == AnswerKind.TimedOut
                        ? ReplyStatus.DeadlineExceeded
                        : ReplyStatus.OutcomeUnknown,
                    $"The write may have happened, or not: {answer.Reason}.", RetryClass.SameIds);
        }
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
        var last = _last switch
        {
            { Reply: { } reply } =>
                reply.Message.Length > 0 ? $"{reply.Status}: {reply.Message}" : $"{reply.Status}",
            { Reason.Length: > 0 } => _last.Reason,
            _ => "no node was asked",
        };
        var outcome = _mayHaveHappened ? " The write may have happened, or happen yet." : "";
        return new(
            ReplyStatus.DeadlineExceeded,
            $"Not done within {timeout.TotalMilliseconds:0} ms and {_attempts} attempts; "
                + $"at last: {last.TrimEnd('.')}.{outcome}",
            _mayHaveHappened ? RetryClass.SameIds : RetryClass.Safe);
    }

    private readonly KvorumException Failure(Reply reply)
    {
        var retry = reply.Status switch
        {
            ReplyStatus.OutcomeUnknown or ReplyStatus.DeadlineExceeded or ReplyStatus.Cancelled
                or ReplyStatus.Internal when request is WriteRequest => RetryClass.SameIds,
            ReplyStatus.DeadlineExceeded or ReplyStatus.Cancelled or ReplyStatus.Internal => RetryClass.Safe,
            ReplyStatus.OutOfSpace => RetryClass.Safe,
            _ => RetryClass.Never,
        };
        var message = reply.Message.Length > 0 ? reply.Message : reply.Status.ToString();
        return new(reply.Status, message, retry, reply.Version);
    }
}
