using System.Threading.Tasks.Sources;

namespace Kvorum.Client;

/// <summary>
/// One question on its way: what the asker awaits. Belongs to a connection, which completes it exactly once -
/// the caller that takes it out of the connection's table does - and gets it back when the answer has been
/// fetched.
/// </summary>
internal sealed class PendingCall(NodeConnection connection) : IValueTaskSource<Answer>
{
    private ManualResetValueTaskSourceCore<Answer> _source;
    private CancellationTokenRegistration _cancelling;

    /// <summary>The number under which it is asked.</summary>
    public ulong Correlation { get; private set; }

    /// <summary>When the asker's time is up, in <see cref="Environment.TickCount64"/> milliseconds.</summary>
    public long DeadlineMs { get; private set; }

    /// <summary>When it was asked, in <see cref="Environment.TickCount64"/> milliseconds.</summary>
    public long AskedMs { get; private set; }

    /// <summary>What is awaited.</summary>
    public ValueTask<Answer> Task => new(this, _source.Version);

    /// <summary>Makes it ready for a new question.</summary>
    public void Begin(ulong correlation, long nowMs, long deadlineMs, bool inline)
    {
        (Correlation, AskedMs, DeadlineMs) = (correlation, nowMs, deadlineMs);
        _source.RunContinuationsAsynchronously = !inline;
    }

    /// <summary>Lets the asker take the question back. After it was entered into the table.</summary>
    public void CancelWith(CancellationToken cancelled) => _cancelling = cancelled.UnsafeRegister(
        static call => ((PendingCall)call!).TakeBack(), this);

    /// <summary>The answer is here. Called once, by the caller that took it out of the table.</summary>
    public void Complete(Answer answer) => _source.SetResult(answer);

    /// <inheritdoc/>
    public Answer GetResult(short token)
    {
        var answer = _source.GetResult(token);
        // After this no callback of this use is running or will run: it may serve again.
        _cancelling.Dispose();
        _cancelling = default;
        _source.Reset();
        connection.Return(this);
        return answer;
    }

    /// <inheritdoc/>
    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    /// <inheritdoc/>
    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    private void TakeBack() => connection.TakeBack(Correlation, AnswerKind.Cancelled);
}
