using Kvorum.Verification;

namespace Kvorum.Simulator.Workloads;

/// <summary>
/// A request in the history, from its question to its end. Where no leader orders them, an attempt of a write
/// that was not answered is a write of its own, which may get a version of its own: it was asked when the
/// request was, and may be seen from then on, whenever another attempt is acknowledged.
/// </summary>
internal sealed class RecordedRequest
{
    private readonly History _history;
    private readonly Operation[] _operations;
    private readonly Operation? _otherAttempt;

    /// <param name="history">Where it is written down.</param>
    /// <param name="asked">What is asked.</param>
    /// <param name="hasAttempts">True if its attempts may be writes of their own.</param>
    /// <param name="at">Now.</param>
    public RecordedRequest(History history, Asked asked, bool hasAttempts, TimeSpan at)
    {
        _history = history;
        _operations = [.. asked.Recorded.Select(invocation => history.Invoke(invocation, at))];
        if (hasAttempts && asked.Request.IsWrite)
            _otherAttempt = history.Invoke(asked.Invocation, at);
    }

    /// <summary>It has ended.</summary>
    /// <param name="outcomeOf">How, by what was written down of it.</param>
    /// <param name="isOtherOpen">True if another attempt may be under way, under another version.</param>
    /// <param name="at">Now.</param>
    public void End(Func<Invocation, Outcome> outcomeOf, bool isOtherOpen, TimeSpan at)
    {
        if (_otherAttempt is not null)
            _history.Complete(_otherAttempt, isOtherOpen ? Outcome.Unknown : Outcome.Failed, at);
        foreach (var operation in _operations)
            _history.Complete(operation, outcomeOf(operation.Invocation), at);
    }
}
