using Kvorum.Node;
using Kvorum.Node.Access;
using Kvorum.Node.Events;
using Kvorum.Node.Leaderless;
using Kvorum.Node.Loops;
using Kvorum.Node.Replicas;
using Kvorum.Protocol;
using Kvorum.Simulator.Network;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Processes;

/// <summary>
/// One life of one node's process: the production brain, its loops turned by events, its jobs, its end. What
/// is planned for a process does not happen once it has ended, and waits while it is paused.
/// </summary>
internal sealed class SimulatedProcess : INodeEvents
{
    // In the hash of a run an event is the place of its name among all.
    private static readonly Dictionary<Type, ulong> EventNumbers = typeof(LoopEvent)
        .GetNestedTypes().Where(static type => type.IsSubclassOf(typeof(LoopEvent)))
        .OrderBy(static type => type.Name, StringComparer.Ordinal).Index()
        .ToDictionary(static type => type.Item, static type => (ulong)type.Index);

    private readonly Endpoint _endpoint;
    private readonly RandomStream _random;
    private readonly Dictionary<string, AccessJudge> _judges = []; // looked up only
    private LoopState[] _loops = [];

    private sealed class LoopState
    {
        // The turn that is planned; a wake-up before it makes a newer one, and the older comes to nothing.
        public long Planned { get; set; }

        public long DueUs { get; set; } = long.MaxValue;
    }

    private SimulatedProcess(Machine machine, Endpoint endpoint, string name, RandomStream random) =>
        (Machine, _endpoint, Name, _random) = (machine, endpoint, name, random);

    /// <summary>The machine it runs on.</summary>
    public Machine Machine { get; }

    /// <summary>The brain.</summary>
    public KvorumNode Node { get; private set; } = null!;

    /// <summary>The name of the node.</summary>
    public string Name { get; }

    /// <summary>All replicas of the node.</summary>
    public IEnumerable<RaftReplica> Replicas => Node.Loops.SelectMany(loop => loop.RaftReplicas);

    /// <summary>Its replicas of quorum keyspaces.</summary>
    public IEnumerable<QuorumReplica> Quorums => Node.Loops.SelectMany(loop => loop.Quorums.Replicas);

    /// <summary>Its replica of a group of a quorum keyspace; null if there is none.</summary>
    public QuorumReplica? QuorumOf(GroupId group) =>
        Quorums.FirstOrDefault(replica => replica.Identity.Group == group);

    /// <summary>True until its end.</summary>
    public bool IsAlive { get; private set; } = true;

    /// <summary>Why the node itself gave up; null if it did not.</summary>
    public string? FatalMessage { get; private set; }

    /// <summary>It does not run before this moment, in microseconds.</summary>
    public long PausedUntilUs
    {
        get => _endpoint.PausedUntilUs;
        set
        {
            if (value > World.NowUs)
                LastPause = (World.NowUs, value);
            else if (LastPause.UntilUs > World.NowUs)
                LastPause = (LastPause.FromUs, World.NowUs); // ended early
            _endpoint.PausedUntilUs = value;
        }
    }

    /// <summary>The newest pause, in microseconds.</summary>
    public (long FromUs, long UntilUs) LastPause { get; private set; }

    /// <summary>The least silence on which its node suspects a peer, in microseconds of its clock.</summary>
    public long SuspectMinUs { get; private init; }

    private SimulatedWorld World => Machine.World;

    /// <summary>
    /// Starts the node on its machine. Throws what the node throws when it refuses to start.
    /// </summary>
    public static SimulatedProcess Start(
        Machine machine, Endpoint endpoint, NodeOptions options, RandomStream random)
    {
        var process = new SimulatedProcess(machine, endpoint, options.Self.Name, random)
        {
            SuspectMinUs = options.SuspectMinMs * 1000,
        };
        try
        {
            process.Node = new KvorumNode(options, new NodeWorld
            {
                Files = machine.Disk,
                Keys = machine.Keys?.Next(),
                Jobs = new SimulatedJobs(process, new(random.Next(), "jobs")),
                Transport = endpoint,
                Time = machine.Clock,
                RandomSeed = (int)random.Next(),
                Events = process,
            });
        }
        catch
        {
            process.IsAlive = false;
            throw;
        }

        process.RunLoops();
        return process;
    }

    /// <summary>Plans something in this process's life.</summary>
    public void After(long delayUs, Action what) => World.Scheduler.After(delayUs, () => WhenRunning(what));

    /// <summary>Takes a request as the front ends of production do.</summary>
    public void Submit(string user, Call call)
    {
        if (WhyRefused(user, AccessNeed.Of(call.Request)) is { } refused)
            call.Complete(refused);
        else
            Node.Submit(call);
    }

    /// <summary>
    /// Why the node does not serve what needs such rights, over the connection that a user has to it; null if
    /// it does.
    /// </summary>
    public Reply? WhyRefused(string user, in AccessNeed need)
    {
        if (Machine.Rights is not { } rights)
            return null;
        if (!_judges.TryGetValue(user, out var judge))
        {
            _judges[user] = judge = new(
                rights.GraceMs, () => Node.MetadataSilenceMs,
                () => (ulong)Machine.Clock.GetUtcNow().ToUnixTimeMilliseconds(),
                (table, _) => CallerStanding.OfUser(table, user, $"there is no user '{user}'"));
        }

        return judge.Refusal(Node.Access, need);
    }

    /// <summary>Runs a job now; what leaves it ends the node, and so does a power cut within it.</summary>
    public void RunJob(Action job)
    {
        try
        {
            job();
        }
        catch (Exception e)
        {
            Tell(new NodeFailed($"a job failed: {e.Message}", e));
        }

        EndIfOver();
    }

    /// <summary>The end: nothing of this process happens any more.</summary>
    public void End()
    {
        IsAlive = false;
        // Readers and locks are in memory only; closing changes nothing on the disk.
        Node.Dispose();
    }

    /// <inheritdoc/>
    public void Tell(NodeEvent happened)
    {
        switch (happened)
        {
            case RoleChanged role:
                TellRole(role);
                break;
            case NodeFailed failed:
                FatalMessage ??= failed.Cause is null ? failed.Message : $"{failed.Message}\n{failed.Cause}";
                break;
            default:
                if (happened is PeerSuspected suspected)
                    Machine.Suspected(this, suspected);
                Note(NodeEventText.Of(happened));
                break;
        }
    }

    private void TellRole(RoleChanged role)
    {
        var leader = role.Leader.Length > 0 ? role.Leader : "unknown";
        World.Trace.Event(
            Verbosity.Faults, TraceKind.Role, Machine.Index, (role.Term << 8) | role.Partition.Value,
            $"{role.Keyspace}/{role.Partition} is {role.Role} in term {role.Term}, leader {leader}");
        if (role is { Role: "leader", Keyspace: KeyspaceName.Default })
            Machine.Elected(Machine);
    }

    private void Note(string message)
    {
        World.Trace.Event(
            Verbosity.Faults, TraceKind.Note, Machine.Index, (ulong)message.Length, $"says: {message}");
        // What comes over a connection is what was sent, so only a disk can have damaged it.
        FaultKind[] damages = [FaultKind.BitFlip, FaultKind.BadSector, FaultKind.ReadError];
        World.Require(
            damages.Any(kind => World.CountOf(kind) > 0)
                || !message.Contains("is damaged", StringComparison.Ordinal),
            $"no false alarm: {Name} says, and no disk has damaged anything: {message}");
    }

    private void RunLoops()
    {
        _loops = [.. Node.Loops.Select(_ => new LoopState())];
        for (var i = 0; i < _loops.Length; i++)
        {
            var index = i;
            Node.Loops[i].Wake = () => PlanTurn(index, SchedulingDelay());
            Node.Loops[i].Observer = item => World.Trace.Event(
                Verbosity.Everything, TraceKind.LoopEvent, Machine.Index,
                EventNumbers[item.GetType()] << 8 | (uint)index, $"loop {index} takes {item.Name}");
            PlanTurn(i, SchedulingDelay());
        }

        Node.Start();
    }

    private long SchedulingDelay() => 5 + _random.Below(40);

    private void PlanTurn(int index, long delayUs)
    {
        var loop = _loops[index];
        var due = World.NowUs + delayUs;
        if (due >= loop.DueUs)
            return;
        loop.DueUs = due;
        var number = ++loop.Planned;
        World.Scheduler.At(due, () => WhenRunning(() =>
        {
            if (loop.Planned == number)
                Turn(index);
        }));
    }

    private void Turn(int index)
    {
        _loops[index].DueUs = long.MaxValue;
        World.Trace.Event(
            Verbosity.Everything, TraceKind.Turn, Machine.Index, (ulong)index, $"turns loop {index}");
        var rest = Node.Loops[index].Turn();
        Machine.Turned(this, index);
        EndIfOver();
        if (!IsAlive)
            return;
        var restUs = Machine.Clock.WorldTimeFor(rest.Ticks / TimeSpan.TicksPerMicrosecond);
        PlanTurn(index, rest == TimeSpan.Zero ? SchedulingDelay() : Math.Max(1, restUs));
    }

    private void EndIfOver()
    {
        if (!IsAlive)
            return;
        if (Machine.Disk.IsOff)
            Machine.LosePower(FaultKind.CrashInDiskWork);
        else if (FatalMessage is { } message)
            Machine.GaveUp(message);
    }

    private void WhenRunning(Action what)
    {
        if (!IsAlive)
            return;
        if (PausedUntilUs > World.NowUs)
            World.Scheduler.At(PausedUntilUs + _random.Below(200), () => WhenRunning(what));
        else
            what();
    }
}
