using Kvorum.Node;
using Kvorum.Node.Access;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Server;

namespace Kvorum.Tests.Server;

/// <summary>Awaited calls: the replies of one batch are told together, on the thread pool.</summary>
public class NodeCallsTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly HoldingNode _node = new();

    private static CancellationToken Ending => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Replies_are_told_when_their_batch_is_whole()
    {
        var answers = Enumerable.Range(0, 21).Select(_ => AskAsync()).ToArray();
        var loop = OnLoop(() =>
        {
            for (var i = 0; i < answers.Length; i++)
                _node.Calls[i].Complete(new() { Status = ReplyStatus.Ok, Version = (ulong)i });
            Thread.Sleep(20);
            Assert.DoesNotContain(answers, static answer => answer.IsCompleted);
            _node.Calls[0].Sink!.Flush();
        });
        var told = await Task.WhenAll(answers);
        Assert.Equal(Enumerable.Range(0, 21), told.Select(static one => (int)one.Reply.Version));
        Assert.DoesNotContain(told, one => one.Thread == loop);
        // The next batch is another one.
        var last = AskAsync();
        _node.Calls[^1].Complete(new() { Status = ReplyStatus.Ok, Version = 99 });
        _node.Calls[^1].Sink!.Flush();
        Assert.Equal(99ul, (await last).Reply.Version);
    }

    [Fact]
    public async Task A_call_that_was_taken_back_ends_at_once_and_its_late_reply_is_dropped()
    {
        using var leaving = new CancellationTokenSource();
        var answer = _node.SubmitAsync(new GetRequest { Key = default }, Patience, leaving.Token);
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answer.WaitAsync(Patience, Ending));
        Assert.True(_node.Calls[0].IsCancelled);
        _node.Calls[0].Complete(new() { Status = ReplyStatus.Ok });
        _node.Calls[0].Sink!.Flush();
        Assert.True(answer.IsCanceled);
    }

    private static Thread OnLoop(Action work)
    {
        Exception? failure = null;
        var thread = new Thread(() => failure = Record.Exception(work));
        thread.Start();
        thread.Join();
        Assert.Null(failure);
        return thread;
    }

    private async Task<(Reply Reply, Thread Thread)> AskAsync()
    {
        var reply = await _node.SubmitAsync(new GetRequest { Key = default }, Patience, Ending)
            .ConfigureAwait(false);
        return (reply, Thread.CurrentThread);
    }

    private sealed class HoldingNode : INode
    {
        public List<Call> Calls { get; } = [];

        public ClusterMap Map => throw new NotSupportedException();

        public NodeHealth Health => throw new NotSupportedException();

        public void Submit(Call call) => Calls.Add(call);

        public AccessTable? Access { get; set; }

        public long MetadataSilenceMs { get; set; }

        public void AskStatus(Action<NodeStatus> done) => throw new NotSupportedException();

        public void Administer(AdminRequest request, TimeSpan timeout, Action<AdminReply> done) =>
            throw new NotSupportedException();
    }
}
