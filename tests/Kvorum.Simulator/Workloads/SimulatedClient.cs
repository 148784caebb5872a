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
    private Asked? _asked;
    private Asked? _planned;
    private Operation[] _operations = [];
    private ulong _lastRequest;
    private long _attempt;
    private long _givesUpUs;
    private int _node;
    private bool _mayHaveHappened;
    private long _attemptedUs;

    /// <summary>No request begins while it rests.</summary>
    public bool IsResting { get; private set; } = true;

    /// <summary>True while a request is under way.</summary>
    public bool IsBusy => _asked is not null;

    /// <summary>How many of its requests were answered.</summary>
    public int Answers { get; private set; }

    /// <summary>True if what it asked last was answered.</summary>
    public bool WasAnswered { get; private set; }

    /// <summary>Why its last attempt came to nothing, for people.</summary>
    public string LastRefusal { get; private set; } = "no answer came";

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
        _givesUpUs = World.NowUs + options.PatienceUs;
        World.Trace.Event(
            Verbosity.Clients, TraceKind.Ask, -1, ((ulong)number << 40) | asked.Invocation.Request,
            $"client {number} asks {asked}");
        LastRefusal = "no answer came";
        _operations = [.. asked.Recorded.Select(invocation => HistoryOf(asked).Invoke(invocation, At()))];
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
        World.Scheduler.After(Latency(), () => Arrive(attempt, asked, machine));
    }

    // It arrives even when the client has given up long ago.
    private void Arrive(long attempt, Asked asked, Machine machine)
    {
        // A node of another cluster would answer from that.
        if (machine.Process is not { } process || machine.IsForeign)
            World.Scheduler.After(Latency(), () => NotDone(attempt));
        else
            process.After(0, () => process.Node.Submit(new ClientCall(this, attempt, asked, Patience())));
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
            case ReplyStatus.OutcomeUnknown or ReplyStatus.DeadlineExceeded or ReplyStatus.Cancelled:
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
        if (asked.Request.IsWrite && reply is { Status: ReplyStatus.Ok, Replayed: false }
            && HistoryOf(asked) == notes.Quorum)
            notes.Given.Add(new(_node, _attemptedUs, World.NowUs, reply.Version));
        if (asked.Request is ScanRequest && reply is not null)
            WriteDown(new ScannedPage(asked, reply));
        else if (asked.Request is GetRequest { Consistency: ReadConsistency.Stale } && reply is not null)
            StaleReadsOf(asked).Add(asked.Invocation.Key, reply);
        else
            Complete(asked, OutcomeOf(asked, reply));
        if (asked == _planned)
            workload.Ended(asked, reply);
        if (!IsResting)
            World.Scheduler.After(_random.Exponential(options.PauseUs), Next);
    }

    private void Complete(Asked asked, Outcome outcome)
    {
        var history = HistoryOf(asked);
        // Where no leader orders them, an earlier attempt that was not answered is a write of its own, which
        // may still be under way.
        if (history == notes.Quorum && asked.Request.IsWrite && _mayHaveHappened
            && outcome.Kind == OutcomeKind.Ok)
            history.Complete(history.Invoke(asked.Invocation, At()), Outcome.Unknown, At());
        foreach (var operation in _operations)
            history.Complete(operation, outcome, At());
    }

    private History HistoryOf(Asked asked) => notes.HistoryOf(asked.Request.Keyspace);

    private StaleReads StaleReadsOf(Asked asked) =>
        HistoryOf(asked) == notes.Quorum ? notes.StaleQuorumReads : notes.StaleReads;

    private void WriteDown(ScannedPage page)
    {
        notes.Pages.Add(page);
        foreach (var operation in _operations)
            notes.History.Complete(operation, page.OutcomeOf(operation.Invocation.Key), At());
        if (page.Scan is { Consistency: ReadConsistency.Stale, KeysOnly: false })
            notes.StaleReads.Add(page);
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

    private sealed class ClientCall(SimulatedClient client, long attempt, Asked asked, TimeSpan timeout)
        : Call(asked.Request, timeout)
    {
        private bool _isAnswered;

        public override void Complete(Reply reply)
        {
            client.World.Require(!_isAnswered, $"a call was answered twice: {reply}");
            _isAnswered = true;
            client.Answered(attempt, asked, reply);
        }
    }
}
