using Kvorum.Node.Leaderless;
using Kvorum.Node.Membership;
using Kvorum.Node.Replicas;
using Kvorum.Node.Scans;
using Kvorum.Protocol;

namespace Kvorum.Node.Loops;

/// <summary>
/// One node loop: it owns its replicas outright, takes what has queued, and never waits. A turn steps all
/// that came, then hands one batch to the log, one frame of each kind to each peer, and all replies to their
/// connections. The parts each know one thing: <see cref="ReplicaTable"/>, <see cref="TurnLog"/>,
/// <see cref="Outboxes"/>, <see cref="LoopCalls"/>, <see cref="CallRouter"/>, <see cref="PeerTraffic"/>,
/// <see cref="LoopDuties"/>.
/// </summary>
public sealed class NodeLoop
{
    // There is nothing to wake up for any more.
    private static readonly TimeSpan AfterFault = TimeSpan.FromHours(1);

    private readonly NodeContext _context;
    private readonly LoopClock _clock;
    private readonly Inbox _inbox;
    private readonly ReplicaTable _replicas = new();
    private readonly TurnLog _log;
    private readonly Outboxes _outboxes;
    private readonly LoopCalls _calls;
    private readonly LoopJobs _jobs;
    private readonly CallRouter _router;
    private readonly LoopHost _host;
    private readonly ScanTable _scans;
    private readonly LoopStop _stop;
    private readonly LoopDuties _duties;
    private readonly ClockRounds? _clocks;
    private readonly ReplicaMaker _maker;
    private readonly ReplicaRemover _remover;
    private List<LoopEvent> _taken = [];
    private List<Call> _takenCalls = [];

    internal NodeLoop(NodeContext context, LoopGroup group, int index)
    {
        _context = context;
        _clock = new(context);
        _inbox = new(() => Wake());
        _log = new(context, _clock, _inbox, isFirst: index == 0);
        _outboxes = new(context);
        _calls = new(context, _clock, _outboxes);
        _jobs = new(context.World.Jobs, _inbox);
        var rooms = new RoomWaits(_clock, _inbox, _calls);
        _router = new(context, _clock, _replicas, _outboxes, _calls, rooms, index);
        var pacer = new SnapshotPacer(context, _clock);
        _host = new(
            context, group, _clock, _inbox, _replicas, _log, _outboxes, _calls, _jobs, rooms, _router, pacer);
        _scans = new(_host, context.FirstNumber, context.Options.Loops, index);
        _stop = new(_clock, _replicas, _calls);
        _remover = new(context, _clock, _inbox, _jobs, _replicas);
        Quorums = new(
            context, group, _clock, _inbox, _replicas, _outboxes, _calls, rooms, pacer, _jobs, index);
        _maker = new(context, _clock, _inbox, _jobs, _replicas, _host, _remover, Quorums);
        Desk = new(context, _replicas);
        Plans = new(context, _clock, _jobs, Desk);
        Admin = new(
            context, _clock, new(context, _clock, _jobs, Desk, Plans), new(context, group, _clock));
        _clocks = index == 0 ? new(context, _clock) : null;
        _duties = new(
            context, _clock, _replicas, _host, _log.Pace, rooms, _router, _scans, pacer, _jobs, _stop,
            new(_maker, _remover, new(context, group, _clock, _replicas), Plans, Admin,
                new(context, _clock, Desk, Plans), new(context, _clock, Desk)),
            _clocks, index == 0 ? new(context, group) : null, Quorums,
            index == 0 ? new(context, _inbox) : null);
        Peers = new(context, _replicas, _router, _scans, Quorums);
    }

    /// <summary>
    /// Set by the host before the start: called on any thread when a sleeping loop got work. Must be cheap
    /// and never block.
    /// </summary>
    public Action Wake { get; set; } = static () => { };

    /// <summary>
    /// When it ticked last, or should have, in the node's milliseconds. Any thread.
    /// </summary>
    internal long TickedMs => _duties.TickedMs;

    /// <summary>What the loop is to its replicas.</summary>
    internal IReplicaHost Host => _host;

    /// <summary>What comes from other nodes.</summary>
    internal PeerTraffic Peers { get; }

    /// <summary>Its quorum keyspaces.</summary>
    internal LoopQuorums Quorums { get; }

    /// <summary>Told of every event before it happens: for simulators.</summary>
    internal Action<LoopEvent>? Observer { get; set; }

    /// <summary>Which data folders the peers come with. Loop 0 only.</summary>
    internal PeerAdmission PeerAdmission => _context.PeerAdmission;

    /// <summary>The time of this turn, in the node's milliseconds.</summary>
    internal long NowMs => _clock.NowMs;

    /// <summary>Slow work.</summary>
    internal LoopJobs Jobs => _jobs;

    /// <summary>Its replicas, by group.</summary>
    internal IReadOnlyCollection<IReplica> Replicas => _replicas.All;

    /// <summary>Those that replicate by Raft, by group.</summary>
    internal IReadOnlyCollection<RaftReplica> RaftReplicas => _replicas.Rafts;

    /// <summary>Those of quorum keyspaces, by group.</summary>
    internal IReadOnlyCollection<QuorumReplica> QuorumReplicas => _replicas.Quorums;

    /// <summary>What an operator should know of this loop.</summary>
    internal IEnumerable<string> HealthIssues => _replicas.All.Select(static replica => replica.HealthIssue)
        .Append(_log.Pace.HealthIssue).Append(_context.Disk.HealthIssue).Append(_context.Clocks.HealthIssue)
        .Append(Quorums.HealthIssue)
        .OfType<string>();

    /// <summary>Reads that were answered.</summary>
    internal long Reads => _calls.Reads;

    /// <summary>Writes that were answered.</summary>
    internal long Writes => _calls.Writes;

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
            _clock.BeginTurn();
            _inbox.Take(ref _taken, ref _takenCalls);
            RunEvents();
            _duties.Tick();
            TakeCalls();
            _replicas.Advance();
            _outboxes.Flush();
            _calls.Flush();
            _log.Flush();
            return _inbox.TrySleep() ? _duties.UntilNextTick : TimeSpan.Zero;
        }
        catch (Exception e)
        {
            // Whatever it is: going on could give a wrong answer, stopping cannot.
            _context.Fault(e);
            return AfterFault;
        }
    }

    /// <summary>Leaves an event of this node for the loop's next turn. Any thread.</summary>
    internal void Post(LoopEvent item) => _inbox.Post(item);

    /// <summary>
    /// Leaves what a peer has sent in so many bytes; false if the loop is too far behind. Any thread.
    /// </summary>
    internal bool TryPost(LoopEvent item, int bytes) => _inbox.TryPost(item, bytes);

    /// <summary>
    /// Takes a call of one of this loop's groups, unless too many wait already. Any thread.
    /// </summary>
    internal bool TryPost(Call call)
    {
        if (!_calls.TryEnter())
            return false;
        _inbox.Post(call);
        return true;
    }

    /// <summary>Begins to answer a question for a share of a scan's page.</summary>
    internal void Begin(PartialScanRequest ask, Action<PartialScanResult> answer) =>
        new ShareTask(_host, ask, answer).Begin();

    /// <summary>Makes those of the replicas that are not here yet.</summary>
    internal void Make(IReadOnlyList<GroupBirth> births) => _maker.Make(births);

    /// <summary>What is wanted of the metadata group. Its loop only.</summary>
    internal MetadataDesk Desk { get; }

    /// <summary>Where replicas should be. Loop of the metadata group only.</summary>
    internal PlanRounds Plans { get; }

    /// <summary>What operators want of the cluster. Loop of the metadata group only.</summary>
    internal AdminRouter Admin { get; }

    /// <summary>Adds a replica, before the loop runs.</summary>
    internal void Own(IReplicaParts parts) => _maker.Add(parts).Begin();

    /// <summary>The replica of a group; null if this loop has none.</summary>
    internal IReplica? Find(GroupId group) => _replicas.Find(group);

    /// <summary>Asks a peer for its wall clock. Loop 0 only.</summary>
    internal void AskClock(Raft.NodeId peer) => _clocks!.Ask(peer);

    /// <summary>
    /// Hands leadership over and finishes what is pending; <paramref name="done"/> is called when that is
    /// done, or at its time.
    /// </summary>
    internal void Stop(TimeSpan patience, Action done)
    {
        Admin.Events.End();
        _stop.Begin(patience, () =>
        {
            Admin.End();
            done();
        });
    }

    private void RunEvents()
    {
        foreach (var item in _taken)
        {
            Observer?.Invoke(item);
            item.Happen(this);
        }

        _taken.Clear();
    }

    private void TakeCalls()
    {
        foreach (var call in _takenCalls)
        {
            if (call.Request.Keys == RequestKeys.Range)
                _scans.Take(call);
            else if (call.Quorum is not null)
                Quorums.Take(call);
            else
                _router.Take(call);
        }

        _takenCalls.Clear();
    }
}
