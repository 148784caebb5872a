using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Node.Budgets;
using Kvorum.Protocol;

namespace Kvorum.Server;

/// <summary>
/// Asking a node with <c>await</c>. Continuations run on the thread pool, never on a node loop.
/// </summary>
public static class NodeCalls
{
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Submits a request and waits for its reply. When <paramref name="cancelled"/> fires the call is taken
    /// back and the task ends cancelled at once: a write may still happen.
    /// </summary>
    public static Task<Reply> SubmitAsync(
        this INode node, Request request, TimeSpan timeout, CancellationToken cancelled) =>
        node.SubmitAsync(request, timeout, null, cancelled);

    /// <summary>
    /// The same, where the reply finds its room in a lease, which gives it back; and where another node may
    /// bring a record with the version that it has.
    /// </summary>
    internal static Task<Reply> SubmitAsync(
        this INode node, Request request, TimeSpan timeout, ReplyLease? lease, CancellationToken cancelled,
        bool bringsVersion = false)
    {
        var call = new AwaitedCall(request, timeout, lease, bringsVersion);
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

    /// <summary>
    /// Asks what an operator asks. The node answers in its time; one whose loops stand still is not waited
    /// for.
    /// </summary>
    public static async Task<AdminReply> AdministerAsync(
        this INode node, AdminRequest request, TimeSpan timeout, CancellationToken cancelled,
        Action<AdminReply>? told = null)
    {
        var answer = new TaskCompletionSource<AdminReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        node.Administer(request, timeout, reply =>
        {
            told?.Invoke(reply);
            answer.TrySetResult(reply);
        });
        try
        {
            return await answer.Task.WaitAsync(timeout + AnswerPatience, cancelled).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return request.IsRead
                ? AdminReply.Of(ReplyStatus.Unavailable, "the node has not answered in time: ask another one")
                : AdminReply.Of(
                    ReplyStatus.OutcomeUnknown,
                    "the node has not answered in time: it may have been done, or be done yet. Look at the "
                    + "cluster through another node, and repeat the request if it does not show the change");
        }
    }

    private sealed class AwaitedCall(
        Request request, TimeSpan timeout, ReplyLease? lease, bool bringsVersion)
        : Call(request, timeout), IThreadPoolWorkItem
    {
        // What awaits it goes on where it is told: on the thread pool, see ReplyBatch and TakeBack.
        private readonly TaskCompletionSource<Reply> _answer = new();
        private CancellationToken _cancelled;
        private CancellationTokenRegistration _registration;
        private Reply? _reply;

        public Task<Reply> Answer => _answer.Task;

        public override IReplySink? Sink => ReplyBatch.OfThread;

        public override ByteShare? Replies => lease?.Share;

        public override int ReplyCopies => lease?.Copies ?? 1;

        public override bool BringsVersion => bringsVersion;

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
            _reply = reply;
            ReplyBatch.OfThread.Add(this);
        }

        /// <summary>Lets what awaits it go on, on this thread.</summary>
        public void Tell() => _answer.TrySetResult(_reply!);

        void IThreadPoolWorkItem.Execute() => _answer.TrySetCanceled(_cancelled);

        private void TakeBack()
        {
            Cancel();
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    /// <summary>
    /// The replies that one thread has made since its last flush: they go to the thread pool together, some
    /// at a time. One work item for each would wake a thread for each.
    /// </summary>
    private sealed class ReplyBatch : IReplySink
    {
        private const int TogetherMax = 8;

        [ThreadStatic]
        private static ReplyBatch? _ofThread;

        private readonly List<AwaitedCall> _calls = [];

        public static ReplyBatch OfThread => _ofThread ??= new();

        public void Add(AwaitedCall call) => _calls.Add(call);

        public void Flush()
        {
            for (var at = 0; at < _calls.Count; at += TogetherMax)
                ThreadPool.UnsafeQueueUserWorkItem(
                    new Telling([.. _calls.Skip(at).Take(TogetherMax)]), preferLocal: false);
            _calls.Clear();
        }

        private sealed class Telling(AwaitedCall[] calls) : IThreadPoolWorkItem
        {
            public void Execute()
            {
                foreach (var call in calls)
                    call.Tell();
            }
        }
    }
}
