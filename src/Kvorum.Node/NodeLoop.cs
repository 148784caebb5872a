using Kvorum.Node.Groups;
using Kvorum.Node.Loops;
using Kvorum.Node.Membership;
using Kvorum.Node.Replicas;
using Kvorum.Node.Room;
using Kvorum.Node.Scans;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage;
using Kvorum.Storage.Log;

namespace Kvorum.Node;

/// <summary>
/// One node loop: it owns its replicas outright, takes what has queued, and never waits. A turn steps all
/// that came, then hands one batch to the log, one frame of each kind to each peer, and all replies to their
/// connections.
/// </summary>
public sealed partial class NodeLoop
{
    // There is nothing to wake up for any more.
    private static readonly TimeSpan AfterFault = TimeSpan.FromHours(1);

    private readonly NodeContext _context;
    private readonly Inbox _inbox;
    private readonly SortedDictionary<uint, Replica> _replicas = [];
    private readonly Dictionary<uint, Replica> _replicaOf = []; // the same ones, found faster
    private readonly Dictionary<NodeId, Outbox> _outboxes = []; // never walked over
    private readonly List<Outbox> _queuedOutboxes = [];
    private readonly List<IReplySink> _sinks = [];
    private readonly Stack<TurnBatch> _freeBatches = new();
    private readonly Forwards _forwards;
    private readonly LogPace _pace = new();
    private readonly Func<LogBatch> _recordsOfTurn;
    private List<Action> _events = [];
    private List<Call> _calls = [];
    private List<Call> _homeless = [];
    private List<Replica> _touched = [];
    private List<Replica> _advancing = [];
    private TurnBatch? _open;
    private ulong _lastBatch;
    private int _callCount;

    internal NodeLoop(NodeContext context, int index)
    {
        _context = context;
        Index = index;
        _inbox = new(() => Wake());
        _recordsOfTurn = () => OpenBatch().Records;
        _forwards = new(this, context.FirstNumber, context.Options.Loops, index);
        _scans = new(this, context.FirstNumber, context.Options.Loops, index);
        NowMs = context.MonotonicMs;
        _tickedMs = NowMs;
    }

    /// <summary>
    /// Set by the host before the start: called on any thread when a sleeping loop got work. Must be cheap
    /// and never block.
    /// </summary>
    public Action Wake { get; set; } = static () => { };

    internal int Index { get; }

    internal NodeOptions Options => _context.Options;

    internal ClusterView Cluster => _context.Cluster;

    internal ITransport Transport => _context.World.Transport;

    internal bool IsLogBehind => _context.Log.IsBehind;

    /// <summary>
    /// The node's clock as of this turn, in milliseconds from an arbitrary start; never falls.
    /// </summary>
    internal long NowMs { get; private set; }

    /// <summary>The same clock now. Any thread.</summary>
    internal long ClockMs => _context.MonotonicMs;

    /// <summary>What an operator should know of this loop.</summary>
    internal IEnumerable<string> Alerts => _replicas.Values.Select(static replica => replica.Alert)
        .Append(_pace.Alert).Append(_context.Disk.Alert).Append(_context.Clocks.Alert).OfType<string>();

    /// <summary>
    /// True while this node should lead nothing: its log is slow, its disk almost full, or its clock far from
    /// the majority's.
    /// </summary>
    internal bool ShouldNotLead => _pace.IsSlow || Disk.Level != DiskLevel.Ample || _context.Clocks.IsBeyond;

    /// <summary>Memtables that are being written to tables, or wait for that.</summary>
    internal int Flushes { get; set; }

    /// <summary>True while the memtables hold as much as they may.</summary>
    internal bool IsMemorySpent => _context.Memory.IsSpent(_context.Trees.MemTableBytes);

    /// <summary>True while they hold so much more that not even a leader's entries are taken.</summary>
    internal bool IsMemoryOverrun => _context.Memory.IsOverrun(_context.Trees.MemTableBytes);

    /// <summary>How much room is left.</summary>
    internal DiskGauge Disk => _context.Disk;

    /// <summary>This node's wall clock, in Unix milliseconds.</summary>
    internal long WallMs => _context.WallMs;

    /// <summary>
    /// What the wall clocks of a majority of members show, in Unix milliseconds; null if they do not agree.
    /// </summary>
    internal long? AgreedWallMs => _context.Clocks.AgreedMs(NowMs);

    /// <summary>The number of the batch that this turn's records go into.</summary>
    internal ulong CurrentBatch => _open?.Number ?? _lastBatch;

    internal int SnapshotSends => _replicas.Values.Sum(replica => replica.SnapshotSends);

    internal IEnumerable<Replica> Replicas => _replicas.Values;

    internal long Reads { get; private set; }

    internal long Writes { get; private set; }

    /// <summary>
    /// One turn: everything that has queued and the ticks that are due. Loop thread only. Returns how long
    /// the loop may sleep if no <see cref="Wake"/> comes: zero if there is more to do at once.
    /// </summary>
    public TimeSpan Turn()
    {
        if (_context.IsFaulted)
            return AfterFault;
        try
        {
            NowMs = _context.MonotonicMs;
            _inbox.Take(ref _events, ref _calls);
            RunEvents();
            RunTicks();
            TakeCalls();
            AdvanceReplicas();
            Flush();
            return _inbox.TrySleep() ? UntilNextTick() : TimeSpan.Zero;
        }
        catch (Exception e)
        {
            // Whatever it is: going on could give a wrong answer, stopping cannot.
            _context.Fault(e);
            return AfterFault;
        }
    }

    internal void Post(Action item) => _inbox.Post(item);

    /// <summary>
    /// Takes a call of one of this loop's groups, unless too many wait already. Any thread.
    /// </summary>
    internal bool TryPost(Call call)
    {
        if (Interlocked.Increment(ref _callCount) > Limits.CallsPerLoop)
        {
            Interlocked.Decrement(ref _callCount);
            return false;
        }

        _inbox.Post(call);
        return true;
    }

    internal void Own(Replica replica)
    {
        _replicas.Add(replica.Group, replica);
        _replicaOf.Add(replica.Group, replica);
    }

    internal Replica? Find(uint group) => _replicaOf.GetValueOrDefault(group);

    /// <summary>The replica may have something to do at the end of this turn.</summary>
    internal void Touch(Replica replica)
    {
        if (replica.IsQueued)
            return;
        replica.IsQueued = true;
        _touched.Add(replica);
    }

    /// <summary>
    /// The log batch of this turn, with the replica among those to be told when it is durable.
    /// </summary>
    internal LogBatch OpenBatch(Replica replica)
    {
        var open = OpenBatch();
        if (open.Replicas.Count == 0 || open.Replicas[^1] != replica)
            open.Replicas.Add(replica);
        return open.Records;
    }

    private TurnBatch OpenBatch()
    {
        if (_open is null)
        {
            _open = _freeBatches.TryPop(out var free) ? free : new TurnBatch(this);
            _open.Number = ++_lastBatch;
        }

        return _open;
    }

    internal void Durable(TurnBatch batch, Exception? failure)
    {
        if (failure is not null)
            throw new NodeFaultException($"the log could not be written: {failure.Message}", failure);
        _pace.Completed(batch.CompletedMs);
        if (batch.Replicas.Count > 0)
            _context.PeerLogs.Reached(_context.Log.DurableSequence);
        foreach (var replica in batch.Replicas)
            replica.Persisted(batch.Number);
        batch.Replicas.Clear();
        batch.Records.Clear();
        _freeBatches.Push(batch);
    }

    // A node that has been told that it must not take part falls silent in the middle of what it does.
    internal void Send(uint group, Message message)
    {
        if (Cluster.IsAdmitted)
            OutboxOf(message.To).Add(group, message, _context.PeerLogs.Own, Transport);
    }

    internal void Send(NodeId to, in SnapshotChunk chunk)
    {
        if (!Cluster.IsAdmitted)
            return;
        var writer = new ByteWriter();
        SnapshotCodec.Encode(chunk, writer);
        Transport.Send(to, PeerFrameKind.SnapshotChunk, writer.Written);
    }

    internal void Send(NodeId to, in SnapshotAck ack)
    {
        if (!Cluster.IsAdmitted)
            return;
        var writer = new ByteWriter();
        SnapshotCodec.Encode(ack, writer);
        Transport.Send(to, PeerFrameKind.SnapshotAck, writer.Written);
    }

    internal void Send(NodeId to, in RebuildAsk ask)
    {
        var writer = new ByteWriter();
        SnapshotCodec.Encode(ask, writer);
        Transport.Send(to, PeerFrameKind.RebuildAsk, writer.Written);
    }

    internal Outbox OutboxOf(NodeId peer)
    {
        if (!_outboxes.TryGetValue(peer, out var outbox))
            _outboxes.Add(peer, outbox = new(peer));
        if (!outbox.IsQueued)
        {
            outbox.IsQueued = true;
            _queuedOutboxes.Add(outbox);
        }

        return outbox;
    }

    /// <summary>
    /// Runs slow work on the background lane; <paramref name="done"/> runs in this loop, with what the work
    /// threw.
    /// </summary>
    internal void RunInBackground(Action work, Action<Exception?> done) =>
        Run(JobLane.Background, work, done);

    /// <summary>Runs work on a lane; <paramref name="done"/> runs in this loop, with what it threw.</summary>
    internal void Run(JobLane lane, Action work, Action<Exception?> done) =>
        _context.World.Jobs.Run(lane, () =>
    {
        Exception? failure = null;
        try
        {
            work();
        }
        catch (Exception e)
        {
            failure = e;
        }

        Post(() => done(failure));
    });

    internal void ReleaseLog(uint group, LogIndex upTo) => _context.Log.Release(group, upTo.Value);

    internal ulong NextTransfer() => _context.NextTransfer();

    /// <summary>Answers a call, once.</summary>
    internal void Finish(Call call, Reply reply)
    {
        if (call.IsDone)
            return;
        call.IsDone = true;
        Interlocked.Decrement(ref _callCount);
        call.SettleReplyBytes(reply.Value.Length);
        if (call is ScanPart)
        {
            call.Complete(reply);
            return;
        }

        if (call.Request.IsWrite)
            Writes++;
        else
            Reads++;
        if (call is ForwardedCall forwarded)
        {
            OutboxOf(forwarded.From).AddForwardReply(forwarded.Id, reply, Transport);
            return;
        }

        call.Complete(reply);
        if (call.Sink is { } sink && !_sinks.Contains(sink))
            _sinks.Add(sink);
    }

    private void RunEvents()
    {
        foreach (var item in _events)
            item();
        _events.Clear();
    }

    private void TakeCalls()
    {
        foreach (var call in _calls)
            Route(call);
        _calls.Clear();
    }

    private void AdvanceReplicas()
    {
        while (_touched.Count > 0)
        {
            (_touched, _advancing) = (_advancing, _touched);
            foreach (var replica in _advancing)
            {
                replica.IsQueued = false;
                replica.Advance();
            }

            _advancing.Clear();
        }
    }

    private void Flush()
    {
        foreach (var outbox in _queuedOutboxes)
        {
            outbox.IsQueued = false;
            outbox.Send(Transport);
        }

        _queuedOutboxes.Clear();
        foreach (var sink in _sinks)
            sink.Flush();
        _sinks.Clear();
        if (Index == 0)
            _context.PeerLogs.AddIfDue(NowMs, _open is not null, _recordsOfTurn);
        if (_open is { } batch)
        {
            _open = null;
            _pace.Appended(NowMs);
            _context.Log.Append(batch.Records, batch.Completed);
        }
    }
}
