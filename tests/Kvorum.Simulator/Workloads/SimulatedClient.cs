using System.Diagnostics;
using System.Globalization;
using Kvorum.Node;
using Kvorum.Protocol;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.World;
using Kvorum.Verification;

namespace Kvorum.Simulator.Workloads;

/// <summary>
/// A client with one request under way: it asks any node, over a way that loses requests and answers, asks
/// again where that is safe, and writes into the history what it knows. What it does not know it says so.
/// </summary>
internal sealed class SimulatedClient(
    Cluster cluster, Notebook notes, WorkloadOptions options, int number, IWorkload workload)
{
    private readonly RandomStream _random = cluster.World.Random("client", number);
    private readonly RandomStream _habits = cluster.World.Random("habits of a client", number);
    private Asked? _asked;
    private Asked? _planned;
    private RecordedRequest? _recorded;
    private ulong _lastRequest;
    private long _attempt;
    private long _givesUpUs;
    private int _node;
    private bool _mayHaveHappened;
    private long _attemptedUs;

    // What an indeterminate answer told; and whether another version of the same write may be under way.
    private WriteVersion? _tried;
    private bool _tellsTried;
    private bool _hasOtherVersion;

    /// <summary>No request begins while it rests.</summary>
    public bool IsResting { get; private set; } = true;

    /// <summary>True while a request is under way.</summary>
    public bool IsBusy => _asked is not null;

    /// <summary>How many of its requests were answered.</summary>
    public int Answers { get; private set; }

    /// <summary>True if what it asked last was answered.</summary>
    public bool WasAnswered { get; private set; }

    /// <summary>
    /// True if its last request was tried for so long that it may not be repeated: a new one may be asked.
    /// </summary>
    public bool WasTooLate { get; private set; }

    /// <summary>Why its last attempt came to nothing, for people.</summary>
    public string LastRefusal { get; private set; } = "no answer came";

    /// <summary>Told each answer as the node gives it, whether the client hears it or not.</summary>
    public Action<Asked, Reply> Replied { get; set; } = static (_, _) => { };

    /// <summary>Nothing is lost on its way any more.</summary>
    public bool HasReliableWay { get; set; }

    private SimulatedWorld World => cluster.World;

    /// <summary>Begins to ask, or goes on.</summary>
    public void Begin()
    {
        if (!IsResting)
            return;
        IsResting = false;
        if (!IsBusy)
            World.Scheduler.After(_random.Exponential(options.PauseUs), Next);
    }

    /// <summary>Ends with the request under way.</summary>
    public void Rest() => IsResting = true;

    /// <summary>Asks one thing now; for the end of a run. It must not be busy.</summary>
    public void Ask(Asked asked)
    {
        _asked = asked;
        _mayHaveHappened = false;
        // What was asked before may have a version from then.
        _hasOtherVersion = asked.Invocation.Request < _lastRequest;
        _tried = null;
        _tellsTried = _habits.Chance(0.7);
        _givesUpUs = World.NowUs + options.PatienceUs;
        World.Trace.Event(
            Verbosity.Clients, TraceKind.Ask, -1, ((ulong)number << 40) | asked.Invocation.Request,
            $"client {number} asks {asked}");
        LastRefusal = "no answer came";
        WasTooLate = false;
        _recorded = new(HistoryOf(asked), asked, hasAttempts: IsOfQuorum(asked), At());
        Attempt();
    }

    /// <summary>A process is gone, and this client's connection to it with it.</summary>
    public void ConnectionLost(Machine machine)
    {
        if (!IsBusy || _node != machine.Index)
            return;
        var attempt = _attempt;
        World.Scheduler.After(Latency(), () => Unanswered(attempt));
    }

    private void Next()
    {
        if (!IsResting && !IsBusy)
            Ask(_planned = workload.Next(number, ++_lastRequest, _random));
    }

    private void Attempt()
    {
        var attempt = ++_attempt;
        var nodes = cluster.InUse;
        var machine = nodes[_random.Chance(0.7) ? number % nodes.Count : _random.Below(nodes.Count)];
        _node = machine.Index;
        _attemptedUs = World.NowUs;
        var asked = _asked!;
        World.Scheduler.After(options.TimeoutUs, () => Unanswered(attempt));
        if (IsLost(FaultKind.RequestLost))
            return;
        World.Trace.Event(
            Verbosity.Everything, TraceKind.Ask, machine.Index, (ulong)attempt,
            $"is asked by client {number}, attempt {attempt}");
        var request = _tried is { } tried && asked.Request is WriteRequest write
            ? write with { Tried = tried } : asked.Request;
        World.Scheduler.After(Latency(), () => Arrive(attempt, asked, request, machine));
    }

    // It arrives even when the client has given up long ago.
    private void Arrive(long attempt, Asked asked, Request request, Machine machine)
    {
        // A node of another cluster would answer from that.
        if (machine.Process is not { } process || machine.IsForeign)
            World.Scheduler.After(Latency(), () => NotDone(attempt));
        else
            process.After(0, () => process.Submit(
                RightsOptions.Worker, new ClientCall(this, attempt, asked, request, Patience())));
    }

    private TimeSpan Patience() =>
        TimeSpan.FromMicroseconds(_random.Between(options.TimeoutUs / 4, options.TimeoutUs));

    private void Answered(long attempt, Asked asked, Reply reply)
    {
        if (!IsLost(FaultKind.ReplyLost))
            World.Scheduler.After(Latency(), () => Hear(attempt, asked, reply));
    }

    private void Hear(long attempt, Asked asked, Reply reply)
    {
        if (attempt != _attempt || _asked != asked)
            return;
        LastRefusal = $"{reply.Status}: {reply.Message}";
        World.Trace.Event(
            Verbosity.Everything, TraceKind.Ask, _node, (ulong)reply.Status,
            $"answers client {number}, attempt {attempt}: {LastRefusal}, version {reply.Version}");
        switch (reply.Status)
        {
            case ReplyStatus.Ok or ReplyStatus.ConditionFailed:
                End(reply);
                break;
            case ReplyStatus.NotLeader or ReplyStatus.Unavailable:
            case ReplyStatus.Overloaded or ReplyStatus.ShuttingDown or ReplyStatus.OutOfSpace:
                NotDone(attempt);
                break;
            case ReplyStatus.UnknownKeyspace when asked.Request.Keyspace != KeyspaceName.Default:
                // It is not made yet, or this node does not know it yet.
                NotDone(attempt);
                break;
            case ReplyStatus.OutcomeUnknown when reply.Version == 0 && IsOfQuorum(asked):
                // It is too old to be made again.
                _mayHaveHappened = _hasOtherVersion = WasTooLate = true;
                End(null);
                break;
            case ReplyStatus.OutcomeUnknown or ReplyStatus.DeadlineExceeded or ReplyStatus.Cancelled:
                Tried(reply);
                Unanswered(attempt);
                break;
            case ReplyStatus.Internal when asked.Request is ScanRequest:
                // A page is right or an error: a disk may fail while it is walked over.
                NotDone(attempt);
                break;
            case ReplyStatus.SessionExpired:
                _mayHaveHappened = true;
                End(null);
                break;
            default:
                World.Fail($"a client was answered {reply.Status}: {reply.Message}");
                break;
        }
    }

    private void Tried(Reply reply)
    {
        if (reply.Version == 0 || !_tellsTried || !_asked!.IsRepeatable || !IsOfQuorum(_asked))
            return;
        var told = new WriteVersion(reply.Version, reply.Writer);
        World.Require(
            _tried is not { } tried || _hasOtherVersion || tried == told,
            $"tried: client {number} told {_tried} of its {_asked}, and heard of {told}");
        // An attempt before the first that was told may have a version of its own.
        _hasOtherVersion |= _tried is null && _mayHaveHappened;
        _tried ??= told;
    }

    private void NotDone(long attempt)
    {
        if (attempt == _attempt && IsBusy)
            TryAgain();
    }

    private void Unanswered(long attempt)
    {
        if (attempt != _attempt || !IsBusy)
            return;
        _mayHaveHappened = true;
        _hasOtherVersion |= _tried is null;
        if (_asked!.IsRepeatable)
            TryAgain();
        else
            End(null);
    }

    private void TryAgain()
    {
        _attempt++;
        if (World.NowUs >= _givesUpUs)
        {
            End(null);
            return;
        }

        var attempt = _attempt;
        World.Scheduler.After(_random.Between(5_000, 100_000), () =>
        {
            if (attempt == _attempt && IsBusy)
                Attempt();
        });
    }

    private void End(Reply? reply)
    {
        var asked = _asked!;
        _asked = null;
        _attempt++;
        World.Trace.Event(
            Verbosity.Clients, TraceKind.Answer, -1, ((ulong)number << 40) | (reply?.Version ?? 0xffff),
            $"client {number} {TextOf(reply)}");
        WasAnswered = reply is not null;
        Answers += WasAnswered ? 1 : 0;
        if (asked.Request is WriteRequest write && reply is { Status: ReplyStatus.Ok } && IsOfQuorum(asked))
            CheckVersion(asked, write, reply);
        if (asked.Request is ScanRequest && reply is not null)
            WriteDown(new ScannedPage(asked, reply));
        else if (asked.Request is GetRequest { Consistency: ReadConsistency.Stale } && reply is not null)
            StaleReadsOf(asked).Add(asked.Invocation.Key, reply);
        else
            Complete(OutcomeOf(asked, reply));
        if (asked == _planned)
            workload.Ended(asked, reply);
        if (!IsResting)
            World.Scheduler.After(_random.Exponential(options.PauseUs), Next);
    }

    // What the client has seen is before its own write; and what it tells as tried is the same write, as long
    // as no other attempt is open.
    private void CheckVersion(Asked asked, WriteRequest write, Reply reply)
    {
        var got = new WriteVersion(reply.Version, reply.Writer);
        World.Require(
            reply.Version > write.After,
            $"own order: client {number} had seen {write.After}, and its {asked} got {reply.Version}");
        World.Require(
            _tried is not { } tried || _hasOtherVersion || tried == got,
            $"tried: client {number} told {_tried} of its {asked}, which got {got}");
        if (!reply.Replayed && _tried is null)
            notes.Given.Add(new(_node, _attemptedUs, World.NowUs, reply.Version));
    }

    private bool IsOfQuorum(Asked asked) => HistoryOf(asked) == notes.Quorum;

    // An earlier attempt that was not answered may have another version, unless that is known to be this one.
    private void Complete(Outcome outcome) => _recorded!.End(
        _ => outcome, _mayHaveHappened && _hasOtherVersion && outcome.Kind == OutcomeKind.Ok, At());

    private History HistoryOf(Asked asked) => notes.HistoryOf(asked.Request.Keyspace);

    private StaleReads StaleReadsOf(Asked asked) =>
        IsOfQuorum(asked) ? notes.StaleQuorumReads : notes.StaleReads;

    private void WriteDown(ScannedPage page)
    {
        notes.Pages.Add(page);
        _recorded!.End(read => page.OutcomeOf(read.Key), isOtherOpen: false, At());
        if (page.Scan is { Consistency: ReadConsistency.Stale, KeysOnly: false })
            StaleReadsOf(page.Asked).Add(page);
    }

    private Outcome OutcomeOf(Asked asked, Reply? reply)
    {
        if (reply is null)
            return !asked.Request.IsWrite || !_mayHaveHappened ? Outcome.Failed : Outcome.Unknown;
        if (reply.Status == ReplyStatus.ConditionFailed)
            return Outcome.Refused(reply.Version);
        var value = reply.Found ? Padding.TextOf(reply.Value.Span) : null;
        return asked.Request switch
        {
            GetRequest => value is null ? Outcome.Absent : Outcome.Found(value, reply.Version),
            WriteRequest { ReturnPrevious: true } => Outcome.Written(reply.Version, value),
            WriteRequest => Outcome.Written(reply.Version),
            _ => throw new UnreachableException($"The history has no outcome of a {asked.Request.Kind}."),
        };
    }

    private static string TextOf(Reply? reply) => reply is null
        ? "gives up"
        : string.Create(
            CultureInfo.InvariantCulture,
            $"hears {reply.Status}, version {reply.Version}{(reply.Replayed ? ", as the first time" : "")}");

    private bool IsLost(FaultKind kind)
    {
        if (HasReliableWay || !_random.Chance(options.Lost))
            return false;
        World.Fired(kind);
        return true;
    }

    // Mostly short; now and then so long that the request arrives after its client has given up.
    private long Latency() => _random.Chance(0.002) && !HasReliableWay
        ? _random.Between(0, 4_000_000)
        : _random.Between(100, 2000);

    private TimeSpan At() => TimeSpan.FromMicroseconds(World.NowUs);

    private sealed class ClientCall(
        SimulatedClient client, long attempt, Asked asked, Request request, TimeSpan timeout)
        : Call(request, timeout)
    {
        private bool _isAnswered;

        public override void Complete(Reply reply)
        {
            client.World.Require(!_isAnswered, $"a call was answered twice: {reply}");
            _isAnswered = true;
            client.Replied(asked, reply);
            client.Answered(attempt, asked, reply);
        }
    }
}
