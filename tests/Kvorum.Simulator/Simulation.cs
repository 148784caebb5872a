using Kvorum.Node;
using Kvorum.Simulator.Checkers;
using Kvorum.Simulator.Nemesis;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.Rights;
using Kvorum.Simulator.Workloads;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator;

// The door of this project: a run of whole nodes on one thread, decided by its options alone. Rounds follow
// each other: faults while clients ask, with checkers looking after every turn; then everything heals, and
// progress is demanded; then all is compared. The parts:
//
//   World       time, random numbers, the trace, the verdict
//   Disks, Clocks, Network     what production gets from the operating system
//   Processes   machines, and the lives of the nodes on them
//   Workloads   clients;  Nemesis  faults;  Checkers  the theorems, each stated in its own file

/// <summary>One run. Open this file first.</summary>
internal sealed class Simulation
{
    // A write of the end of a round that was tried for too long is asked as a new one, so often.
    private const int AskedMost = 10;

    private readonly SimulationOptions _options;
    private readonly SimulatedWorld _world;
    private readonly Cluster _cluster;
    private readonly FaultMaker _faults;
    private readonly Notebook _notes = new();
    private readonly SimulatedClient[] _clients;
    private RaftChecker _raft;
    private RemovalChecker _removals;
    private ReplicaChecker _replicas;
    private readonly AdmissionChecker _admission;
    private ProgressChecker _progress;
    private readonly LifeChecker _lives;
    private readonly HistoryChecker _answers;
    private readonly ScanChecker _scans;
    private readonly QuorumChecker _quorums;
    private readonly MajorityLoss _loss;
    private RecoveryChecker? _recovery;
    private readonly ReceiptChecker _receipts;
    private ReplacementChecker _replacements;
    private readonly RightsRun? _rights;

    private Simulation(SimulationOptions options)
    {
        _options = options;
        _world = new(options.Seed, options.Shown, options.Output);
        _cluster = new(_world, options.Cluster, options.Network);
        _faults = new(_cluster, options.Faults);
        _raft = new(_world, _cluster.Directory.Groups.Count());
        _removals = new(_world, _raft.Facts);
        _replacements = new(_world);
        _replicas = new(_world, _raft.Facts);
        _admission = new(_cluster);
        _clients = [.. Workloads().Select((workload, number) => new SimulatedClient(
            _cluster, _notes, options.Workload, number, workload))];
        _progress = new(_cluster, _replicas);
        _lives = new(_world, _notes.History, _raft.Facts.Count, IsSteady);
        _answers = new(_world, _notes);
        _quorums = new(_cluster, _notes);
        _loss = new(_cluster);
        _receipts = new(_cluster);
        foreach (var client in _clients)
            client.Replied = _receipts.Look;
        if (options.Cluster.Rights is { } rights)
            _rights = new(_cluster, rights);
        _scans = new(_world, _notes, name => _cluster.Directory.Keyspace(name)!.Count);
        foreach (var machine in _cluster.Machines)
        {
            (machine.Turned, machine.Changed) = (Turned, Changed);
            machine.Suspected = SuspicionChecker.Look;
        }
    }

    /// <summary>Runs to the end, or to the first broken promise.</summary>
    public static SimulationResult Run(SimulationOptions options) => new Simulation(options).Run();

    private SimulationResult Run()
    {
        try
        {
            _cluster.Start();
            _rights?.Begin();
            foreach (var keyspace in _options.Cluster.Quorums)
                _world.Trace.Event(
                    Verbosity.Faults, TraceKind.Note, -1, (ulong)keyspace.Write, $"{keyspace}");
            var endUs = _options.Seconds * 1_000_000L;
            for (var round = 1; !IsOver && _world.NowUs < endUs; round++)
                RunRound(round);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Of the node or of the simulator: either way this seed shows it.
            _world.Fail($"an exception came out: {e}");
        }

        if (!_world.HasForgotten && _recovery is null)
            CheckAnswers();

        return new()
        {
            Seed = _options.Seed,
            Failure = _world.Failure,
            TraceHash = _world.Trace.Hash,
            Seconds = _world.NowUs / 1e6,
            Events = _world.Scheduler.Happened,
            Answered = _clients.Sum(client => client.Answers),
            Pages = _notes.Pages.Count,
            Faults = new SortedDictionary<FaultKind, long>(
                Enum.GetValues<FaultKind>().ToDictionary(kind => kind, _world.CountOf)),
        };
    }

    private bool IsOver => _world.Failure is not null || _world.HasForgotten || _recovery is not null;

    private void CheckAnswers()
    {
        _answers.CheckAll();
        _scans.CheckAll();
        _quorums.CheckAll();
    }

    // All clocks run at one speed, and no node was started again.
    private bool IsSteady() => !_options.Faults.MeanSeconds.ContainsKey(FaultKind.ClockDrift)
        && _cluster.Machines.All(static machine => machine.Starts <= 1);

    private void RunRound(int round)
    {
        _lives.WellSinceUs = null;
        Say($"round {round}: faults", round);
        foreach (var client in _clients)
        {
            client.HasReliableWay = false;
            client.Begin();
        }

        _rights?.BeginFaults();
        _world.RunUntil(_world.NowUs + _faults.Begin(), static () => false);
        _rights?.EndFaults();
        if (_faults.LosesMajority && LosesMajority(round))
            return;
        Say($"round {round}: everything heals", round);
        _faults.Heal();
        foreach (var client in _clients)
        {
            client.HasReliableWay = true;
            client.Rest();
        }

        Demand(_options.Workload.PatienceUs + 5_000_000, () => !_clients.Any(client => client.IsBusy),
            "every client gets an outcome");
        if (_world.HasForgotten)
        {
            Demand(
                _progress.BoundUs, _progress.HaveOneHistory,
                "replicas that serve do not contradict each other");
            Demand(_progress.BoundUs, _progress.IsLossTold,
                "it is told that a node has lost what it acknowledged");
            return;
        }

        Demand(_progress.BoundUs, _progress.HasLeaders, "every group has a leader, and all nodes run");
        Ask(_progress.Probes(round), "every partition takes a write");
        if (_options.Cluster.Spares > 0)
            Demand(_progress.MoveBoundUs, _progress.HaveLeft, "members that are to leave have left");
        Demand(
            _progress.ConvergenceBoundUs, _progress.HaveRaisedFormat,
            "the newest format version is in force");
        Demand(
            _progress.ConvergenceBoundUs, _progress.HasConverged,
            "all replicas have applied all that is committed");
        Demand(_progress.BoundUs, _progress.HasEnded, "keys whose end has come are gone");
        _lives.WellSinceUs = _world.NowUs;
        Ask(_progress.MortalProbes(round), "every partition takes a value that is to end");
        Demand(
            _progress.BoundUs, () => _lives.HasNoneSinceWell(ProgressChecker.MortalTtlMs),
            "values of two seconds have ended");
        Demand(_progress.ScrubBoundUs, _progress.HasNoDamage, "damage of tables is found, and mended");
        _progress.CompareAll();
        Ask(_answers.FinalReads(), "every key can be read");
        _answers.CheckFinalReads();
        if (_options.Cluster.Quorums.Count > 0)
            EndRoundOfQuorums(round);
        if (_rights is not null)
            EndRoundOfRights(_rights);
    }

    // What clients saw until then is judged by the usual promises; what is there afterwards, by the plan.
    private bool LosesMajority(int round)
    {
        if (_world.Failure is not null || !_loss.MayHappen)
            return false;
        Say($"round {round}: all nodes are stopped", round);
        _loss.StopAll();
        foreach (var client in _clients)
            client.Rest();
        Demand(_options.Workload.PatienceUs + 5_000_000, () => !_clients.Any(client => client.IsBusy),
            "every client gets an outcome");
        if (_world.Failure is not null || _loss.Plan() is not { } plan)
        {
            _loss.Release();
            return false;
        }

        CheckAnswers();
        _recovery = new(_cluster, _notes, plan);
        _raft = new(_world, _cluster.Directory.Groups.Count());
        _removals = new(_world, _raft.Facts);
        _replacements = new(_world);
        _replicas = new(_world, _raft.Facts);
        _progress = new(_cluster, _replicas);
        _faults.Heal();
        _loss.Recover(plan);
        foreach (var client in _clients)
            client.HasReliableWay = true;
        EndRecovery(round);
        return true;
    }

    private void EndRecovery(int round)
    {
        Demand(_progress.BoundUs, _progress.HasLeaders, "every group has a leader, and all survivors run");
        Ask(_progress.Probes(round), "every partition takes a write after the recovery");
        Demand(
            _progress.MoveBoundUs, _progress.HasConverged, "all replicas have applied all that is committed");
        _progress.CompareAll();
        Ask(_answers.FinalReads(), "every key can be read");
        if (_options.Cluster.Quorums.Count > 0)
        {
            Demand(
                _progress.MoveBoundUs, _quorums.HasConverged, "replicas of quorum keyspaces hold the same");
            Ask(_quorums.Probes(round), "every partition of a quorum keyspace takes a write");
            Ask(_quorums.FinalReads(), "every key of a quorum keyspace can be read");
        }

        if (_world.Failure is null)
            _recovery!.Check();
    }

    private void EndRoundOfRights(RightsRun rights)
    {
        rights.Rest();
        Demand(
            _progress.BoundUs, () => rights.IsIdle() || CannotHaveUsers(),
            "what an operator asks for is acknowledged");
        if (CannotHaveUsers())
            return;
        rights.AskAnew();
        Demand(_progress.BoundUs, rights.IsIdle, "what an operator asks for again is acknowledged");
        Demand(
            _progress.BoundUs, rights.IsExact, "every node serves each user what is permitted, and no more");
    }

    // Users came with the newest format version, which a member that cannot come back holds up.
    private bool CannotHaveUsers() => _progress.HaveRaisedFormat()
        && _cluster.Running.Any(static process => process.Node.ActiveFormat != FormatRange.Own.Newest);

    private void EndRoundOfQuorums(int round)
    {
        Ask(_quorums.Probes(round), "every partition of a quorum keyspace takes a write");
        Demand(
            _progress.MoveBoundUs, _quorums.HasConverged,
            "replicas of quorum keyspaces hold the same records");
        if (_world.Failure is null)
            _quorums.CheckRecords();
        Ask(_quorums.FinalReads(), "every key of a quorum keyspace can be read");
    }

    // What the end of a round asks, each through another client, as many at a time as there are clients.
    private void Ask(IReadOnlyList<Asked> all, string promise)
    {
        for (var from = 0; from < all.Count && _world.Failure is null; from += _clients.Length)
        {
            var some = _clients.Zip(all.Skip(from)).ToArray();
            for (var tries = 0; tries < AskedMost && some.Length > 0 && _world.Failure is null; tries++)
            {
                foreach (var (client, asked) in some)
                    client.Ask(asked);
                Demand(_progress.BoundUs, () => !_clients.Any(client => client.IsBusy), promise);
                some =
                [
                    .. some.Where(static one => one.First.WasTooLate)
                        .Select(static one => (one.First, one.Second.Anew())),
                ];
            }

            if (_clients.Take(all.Count - from).FirstOrDefault(client => !client.WasAnswered) is { } failed)
                _world.Fail(
                    $"progress: after everything has healed, {promise}: one could not: {failed.LastRefusal}"
                        + _quorums.Describe());
        }
    }

    private void Demand(long withinUs, Func<bool> condition, string promise)
    {
        if (_world.Failure is not null || _world.RunUntil(_world.NowUs + withinUs, condition))
            return;
        _world.Fail(
            $"progress: within {withinUs / 1_000_000} s after everything has healed, {promise}: "
            + $"it did not come true. {_progress.Describe()}{_quorums.Describe()}");
    }

    // Those of quorum keyspaces last: the others stay who they were.
    private IEnumerable<IWorkload> Workloads() =>
    [
        .. Enumerable.Range(0, _options.Workload.Clients)
            .Select(number => InKeyspace(number, WorkloadOf(number))),
        .. from keyspace in _options.Cluster.Quorums
           from client in Enumerable.Range(0, _options.Workload.QuorumClients)
           select new QuorumWorkload(
               keyspace.Name, _options.Workload, _world.Random($"habits in {keyspace.Name}", client)),
        .. from keyspace in _options.Cluster.Quorums
           select new KeyspaceWorkload(
               keyspace.Name, new ScanWorkload(_options.Workload, leaseReads: false, wantsReceipts: true)),
    ];

    private IWorkload InKeyspace(int number, IWorkload workload) =>
        _options.Cluster.OrdersPartitions > 0 && number % 4 >= 2
            ? new KeyspaceWorkload(Cluster.Orders, workload) : workload;

    private IWorkload WorkloadOf(int number)
    {
        var (options, byLease) = (_options.Workload, _options.Cluster.LeaseReads);
        if (options.HasReaders && number % 2 == 0)
            return new RegisterWorkload(options, byLease, onlyReads: true);
        return (number % 6) switch
        {
            2 or 5 => new CounterWorkload(options),
            4 => new ScanWorkload(options, byLease),
            _ => new RegisterWorkload(options, byLease),
        };
    }

    private void Turned(SimulatedProcess process, int loop)
    {
        if (loop == 0)
            _admission.LookAtPeers(process);
        _quorums.Look(process);
        if (_faults.AwaitsChange && QuorumChecker.ChangeKnownTo(process) is { } changing)
            _faults.Changing(changing.Switch!.Present, changing.Nodes);
        // Its replicas contradict what they held before, so no node may accept their messages.
        if (_world.HasForgotten || process.Machine.IsOld || process.Machine.IsForeign)
            return;
        foreach (var replica in process.Node.Loops[loop].RaftReplicas)
        {
            _admission.Look(process, replica);
            _world.Require(
                !replica.Raft.IsQuarantined, $"a false alarm: {process.Name}: {replica.Raft.Describe()}");
            var applied = _raft.Look(
                process, replica.Group, replica.Raft, replica.Tree.AppliedIndex);
            if (_recovery is null)
                _lives.Look(replica);
            _replacements.Look(process, replica);
            if (replica.IsInstalling)
                _faults.Installing(process.Machine);
            if (applied && _replicas.IsDue(replica))
                _replicas.Compare(replica, process.Name);
        }

        _removals.Look(process, loop);
    }

    private void Changed(Machine machine, bool isStarted)
    {
        if (isStarted && !_world.HasForgotten && !machine.IsOld && !machine.IsForeign)
        {
            foreach (var replica in machine.Process!.Replicas)
                _replicas.Compare(replica, machine.Process.Name);
        }

        if (isStarted)
            return;
        foreach (var client in _clients)
            client.ConnectionLost(machine);
    }

    private void Say(string what, int round) =>
        _world.Trace.Event(Verbosity.Faults, TraceKind.Phase, -1, (ulong)round, $"{what}");
}
