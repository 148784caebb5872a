using System.Diagnostics;
using System.Threading.Channels;
using Grpc.Core;
using Kvorum.Node;
using Kvorum.Node.Budgets;
using Kvorum.Protocol;
using Kvorum.Server.Access;

namespace Kvorum.Server.Grpc;

/// <summary>
/// One Pipeline stream: one task reads and submits, another writes what the node has completed, as much at a
/// time as is there. What is under way, from its reading until its reply is sent, is bounded; beyond that,
/// reading waits.
/// </summary>
internal sealed class Pipeline(
    INode node,
    GrpcOptions options,
    IAsyncStreamReader<V1.KeyRequest> requests,
    IServerStreamWriter<V1.KeyReply> replies,
    ServerCallContext context)
{
    private static readonly WriteOptions MoreFollows = new(WriteFlags.BufferHint);

    private readonly GrpcCall _call = GrpcCall.Of(context);
    private readonly Channel<Pending> _done = Channel.CreateUnbounded<Pending>(new() { SingleReader = true });
    private readonly Lock _gate = new();
    private readonly HashSet<Pending> _inflight = [];
    private readonly ByteShare _replies = GrpcCall.Of(context).Lease.Share;
    private long _inflightBytes;
    private bool _hasEnded;
    private TaskCompletionSource? _room;

    private bool HasRoom =>
        _inflight.Count < options.PipelineInflightMax && _inflightBytes < options.PipelineInflightBytesMax;

    /// <summary>Runs until the client has half-closed and all replies are sent.</summary>
    public async Task RunAsync()
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(
            context.CancellationToken, _call.Stopping);
        var reading = ReadAllAsync(ending.Token);
        try
        {
            await WriteAllAsync().ConfigureAwait(false);
        }
        catch
        {
            await ending.CancelAsync().ConfigureAwait(false);
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            TakeBack();
            throw;
        }

        await reading.ConfigureAwait(false);
    }

    private async Task ReadAllAsync(CancellationToken ending)
    {
        try
        {
            while (await requests.MoveNext(ending).ConfigureAwait(false))
            {
                var request = requests.Current;
                await RoomAsync(ending).ConfigureAwait(false);
                var bytes = request.CalculateSize();
                // A larger one was admitted when it began to come.
                if (bytes <= _call.Requests.SmallBytesMax)
                    await _call.Requests.TakeAsync(bytes, ending).ConfigureAwait(false);
                else
                    _call.Requests.Charge(bytes);
                Take(request, bytes);
            }
        }
        finally
        {
            End();
        }
    }

    private async Task WriteAllAsync()
    {
        var sent = new List<Pending>();
        while (await _done.Reader.WaitToReadAsync(context.CancellationToken).ConfigureAwait(false))
        {
            for (var has = _done.Reader.TryRead(out var pending); has;)
            {
                sent.Add(pending!);
                var message = pending!.Message();
                has = _done.Reader.TryRead(out pending);
                // The last one takes those before it along.
                replies.WriteOptions = has ? MoreFollows : null;
                await replies.WriteAsync(message).ConfigureAwait(false);
            }

            Leave(sent);
            sent.Clear();
        }
    }

    private void Take(V1.KeyRequest asked, int bytes)
    {
        var problem = asked.TextProblem;
        var request = RequestOf(asked, ref problem);
        // Each counts for its user, as the stream does.
        UserPlaces? entered = null;
        var refused = problem is null ? (node as CallersNode)?.Enter(out entered) : null;
        var pending = new Pending(this, asked.Id, bytes, request, TimeoutOf(asked), entered);
        lock (_gate)
        {
            _inflight.Add(pending);
            _inflightBytes += pending.Size;
        }

        if (refused is not null)
            pending.Complete(refused.Reply);
        else if (problem is null)
            node.Submit(pending);
        else
            pending.Complete(new() { Status = ReplyStatus.InvalidArgument, Message = problem });
    }

    private static Request RequestOf(V1.KeyRequest asked, ref string? problem)
    {
        try
        {
            switch (problem is null ? asked.KindCase : V1.KeyRequest.KindOneofCase.None)
            {
                case V1.KeyRequest.KindOneofCase.Put:
                    return KvMessages.From(asked.Put);
                case V1.KeyRequest.KindOneofCase.Get:
                    return KvMessages.From(asked.Get);
                case V1.KeyRequest.KindOneofCase.Delete:
                    return KvMessages.From(asked.Delete);
            }

            problem ??= $"request {asked.Id} is neither put nor get nor delete";
        }
        catch (RpcException wrong)
        {
            problem = wrong.Status.Detail;
        }

        return new GetRequest { Key = default };
    }

    private TimeSpan TimeoutOf(V1.KeyRequest asked)
    {
        var timeout = asked.TimeoutMs > 0
            ? TimeSpan.FromMilliseconds(asked.TimeoutMs)
            : options.TimeoutDefault;
        return _call.TimeLeft is { } left && left < timeout ? left : timeout;
    }

    /// <summary>A reply is there, on whatever thread: it now counts with its own bytes, too.</summary>
    private void Completed(Pending pending, Reply reply)
    {
        lock (_gate)
        {
            if (!_inflight.Contains(pending))
            {
                // Taken back: nothing will send it.
                _replies.Give(pending.ReplyBytes);
                return;
            }

            pending.Reply = reply;
            _inflightBytes += reply.Value.Length;
        }

        _done.Writer.TryWrite(pending);
    }

    private void Leave(List<Pending> sent)
    {
        TaskCompletionSource? room;
        lock (_gate)
        {
            foreach (var pending in sent)
            {
                _inflight.Remove(pending);
                _inflightBytes -= pending.Size;
                GiveBack(pending);
            }

            room = HasRoom ? _room : null;
            if (_hasEnded && _inflight.Count == 0)
                _done.Writer.TryComplete();
        }

        room?.TrySetResult();
    }

    private async ValueTask RoomAsync(CancellationToken ending)
    {
        Task room;
        lock (_gate)
        {
            if (HasRoom)
                return;
            _room = new(TaskCreationOptions.RunContinuationsAsynchronously);
            room = _room.Task;
        }

        await room.WaitAsync(ending).ConfigureAwait(false);
    }

    private void End()
    {
        lock (_gate)
        {
            _hasEnded = true;
            if (_inflight.Count == 0)
                _done.Writer.TryComplete();
        }
    }

    private void TakeBack()
    {
        lock (_gate)
        {
            foreach (var pending in _inflight)
            {
                pending.Cancel();
                GiveBack(pending);
            }

            _inflight.Clear();
        }
    }

    // Of a reply that is not there yet, the room is given back when it comes.
    private void GiveBack(Pending pending)
    {
        pending.Entered?.Leave();
        _call.Requests.Give(pending.RequestBytes);
        if (pending.Reply is not null)
            _replies.Give(pending.ReplyBytes);
    }

    /// <summary>A request from its reading until its reply is sent.</summary>
    private sealed class Pending(
        Pipeline pipeline, ulong id, int requestBytes, Request request, TimeSpan timeout,
        UserPlaces? entered)
        : Call(request, timeout)
    {
        /// <summary>For whom it counts; null for nobody.</summary>
        public UserPlaces? Entered => entered;

        /// <summary>Null until it is there.</summary>
        public Reply? Reply { get; set; }

        /// <summary>What the request holds of the connection's share.</summary>
        public int RequestBytes => requestBytes;

        public override ByteShare? Replies => pipeline._replies;

        public override int ReplyCopies => 2; // as the node made it, and as a message

        public long Size => Request.DataBytes + (Reply?.Value.Length ?? 0);

        public override void Complete(Reply reply) => pipeline.Completed(this, reply);

        public V1.KeyReply Message() => (Reply!.Status, Request) switch
        {
            (not ReplyStatus.Ok, _) => new() { Id = id, Error = KvMessages.ToError(Request, Reply) },
            (_, GetRequest get) => new() { Id = id, Get = KvMessages.ToGet(get, Reply) },
            (_, PutRequest) => new() { Id = id, Put = KvMessages.ToPut(Request, Reply) },
            (_, DeleteRequest) => new() { Id = id, Delete = KvMessages.ToDelete(Request, Reply) },
            _ => throw new UnreachableException($"A pipeline has no reply to a {Request.Kind}."),
        };
    }
}
