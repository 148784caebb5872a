using Kvorum.Node;
using Kvorum.Node.Room;
using Kvorum.Protocol;

namespace Kvorum.Server;

/// <summary>
/// Asking a node with <c>await</c>. Continuations run on the thread pool, never on a node loop.
/// </summary>
public static class NodeCalls
{
    /// <summary>
    /// Submits a request and waits for its reply. When <paramref name="cancelled"/> fires the call is taken
    /// back and the task ends cancelled at once: a write may still happen.
    /// </summary>
    public static Task<Reply> SubmitAsync(
        this INode node, Request request, TimeSpan timeout, CancellationToken cancelled) =>
        node.SubmitAsync(request, timeout, null, cancelled);

    /// <summary>The same, where the reply finds its room in a lease, which gives it back.</summary>
    internal static Task<Reply> SubmitAsync(
        this INode node, Request request, TimeSpan timeout, ReplyLease? lease, CancellationToken cancelled)
    {
        var call = new AwaitedCall(request, timeout, lease);
        call.CancelWith(cancelled);
        node.Submit(call);
        return call.Answer;
    }

    /// <summary>
    /// Asks for the node's state. <see cref="TimeoutException"/> if its loops do not answer in time.
    /// </summary>
    public static Task<NodeStatus> AskStatusAsync(
        this INode node, TimeSpan timeout, CancellationToken cancelled)
    {
        var answer = new TaskCompletionSource<NodeStatus>(TaskCreationOptions.RunContinuationsAsynchronously);
        node.AskStatus(status => answer.TrySetResult(status));
        return answer.Task.WaitAsync(timeout, cancelled);
    }

    private sealed class AwaitedCall(Request request, TimeSpan timeout, ReplyLease? lease)
        : Call(request, timeout)
    {
        private readonly TaskCompletionSource<Reply> _answer =
            new(TaskCreationOptions.RunContinuationsAsynchronously);
        private CancellationToken _cancelled;
        private CancellationTokenRegistration _registration;

        public Task<Reply> Answer => _answer.Task;

        public override ByteShare? Replies => lease?.Share;

        public override int ReplyCopies => lease?.Copies ?? 1;

        /// <summary>Before the submission, so that a reply finds the registration.</summary>
        public void CancelWith(CancellationToken cancelled)
        {
            _cancelled = cancelled;
            _registration = cancelled.UnsafeRegister(static call => ((AwaitedCall)call!).TakeBack(), this);
        }

        public override void Complete(Reply reply)
        {
            _registration.Unregister();
            lease?.Hold(ReplyBytes);
            _answer.TrySetResult(reply);
        }

        private void TakeBack()
        {
            Cancel();
            _answer.TrySetCanceled(_cancelled);
        }
    }
}
