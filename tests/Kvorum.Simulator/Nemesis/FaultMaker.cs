using Kvorum.Raft;
using Kvorum.Simulator.Clocks;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Nemesis;

/// <summary>Makes things go wrong for a time, and then makes all well again.</summary>
internal sealed class FaultMaker
{
    private readonly Cluster _cluster;
    private readonly FaultOptions _options;
    private readonly FaultySpell _spell;
    private readonly FaultPlan _plan;
    private readonly DiskNemesis _disks;
    private readonly NetworkNemesis _network;
    private readonly MemberNemesis _members;
    private readonly RandomStream _random;

    private int _healings;

    // So many of the nodes that are elected next, or that take over a snapshot, will not live long.
    private int _traps;
    private int _installTraps;

    // So many of the changes of replicas that are heard of next find the network split.
    private int _changeTraps;

    public FaultMaker(Cluster cluster, FaultOptions options)
    {
        (_cluster, _options) = (cluster, options);
        _random = cluster.World.Random("faults");
        _spell = new(cluster.World);
        _plan = new(cluster.World, options, Strike);
        _disks = new(cluster, _spell, cluster.World.Random("faults of disks"))
        {
            AimsAtManifests = options.AimsAtManifests,
        };
        _network = new(cluster, _spell, cluster.World.Random("faults of the network"));
        _members = new(cluster, _spell, cluster.World.Random("changes of members"));
        foreach (var machine in cluster.Machines)
            machine.Elected = Elected;
    }

    /// <summary>True once most nodes are to be lost at the end of a time of faults.</summary>
    public bool LosesMajority { get; private set; }

    /// <summary>A time of faults begins; returns how long it lasts, in microseconds.</summary>
    public long Begin()
    {
        var length = 1_000_000 * _random.Between(_options.RoundMinSeconds, _options.RoundMaxSeconds);
        _plan.Begin(length);
        return length;
    }

    /// <summary>True while a change of replicas is waited for.</summary>
    public bool AwaitsChange => _changeTraps > 0;

    /// <summary>Everything heals: networks, disks, clocks; all nodes that can run do.</summary>
    public void Heal()
    {
        _plan.End();
        _healings++;
        _traps = _installTraps = _changeTraps = 0;
        _spell.UndoAll();
        _cluster.Network.MendAll();
        if (_healings > 1)
            _members.UpgradeAll();
        foreach (var machine in _cluster.InUse)
        {
            machine.Disk.PowerOffAfter = null;
            machine.Clock.Repair();
            if (machine.Process is { } process)
                process.PausedUntilUs = 0;
            else
                machine.StartAfter(_random.Between(0, 1_000_000));
        }
    }

    private void Strike(FaultKind kind)
    {
        switch (kind)
        {
            case FaultKind.ProcessCrash:
                Running()?.Kill(kind);
                break;
            case FaultKind.PowerLoss:
                Running()?.LosePower(kind);
                break;
            case FaultKind.PowerLossOfAll:
                foreach (var machine in _cluster.InUse)
                    machine.LosePower(kind);
                break;
            case FaultKind.YoungLeaderKilled:
                _traps++;
                break;
            case FaultKind.YoungInstallKilled:
                _installTraps++;
                break;
            case FaultKind.LeaderCut:
                _network.CutLeader();
                break;
            case FaultKind.Pause:
                Pause();
                break;
            case FaultKind.ClockDrift or FaultKind.ClockJump:
                DisturbClock(kind);
                break;
            case FaultKind.CrashInDiskWork:
                _disks.CrashSoon();
                break;
            case FaultKind.ReadError:
                _disks.Fail(kind, "read");
                break;
            case FaultKind.WriteError:
                _disks.Fail(kind, "write");
                break;
            case FaultKind.SyncError:
                _disks.Fail(kind, "sync");
                break;
            case FaultKind.DiskFull:
                _disks.Fill();
                break;
            case FaultKind.NoDescriptors:
                _disks.SpendDescriptors();
                break;
            case FaultKind.SlowDisk:
                _disks.SlowDown();
                break;
            case FaultKind.BitFlip:
                _disks.Flip();
                break;
            case FaultKind.BadSector:
                _disks.Spoil();
                break;
            case FaultKind.WipedDisk:
                _disks.Wipe();
                break;
            case FaultKind.OldFolder:
                _disks.BringBackOld();
                break;
            case FaultKind.ZeroedLogEnd:
                _disks.ZeroLogEnd();
                break;
            case FaultKind.ForeignFolder:
                _disks.PutForeign();
                break;
            case FaultKind.OneWayCut:
                _network.CutOneWay();
                break;
            case FaultKind.Split:
                _network.Split();
                break;
            case FaultKind.ConnectionReset:
                _network.Reset();
                break;
            case FaultKind.SlowLink:
                _network.SlowDown();
                break;
            case FaultKind.FrameLost or FaultKind.FrameDuplicated or FaultKind.FrameReordered:
                _network.Disturb(kind);
                break;
            case FaultKind.SplitInChange:
                _changeTraps++;
                break;
            case FaultKind.CoordinatorLags:
                _network.CutOffFromMeta();
                break;
            case FaultKind.YoungNodeKilled:
                KillTwice();
                break;
            case FaultKind.NodeJoins:
                _members.Join();
                break;
            case FaultKind.NodeLeaves:
                _members.Leave();
                break;
            case FaultKind.NodeLost:
                _members.Lose();
                break;
            case FaultKind.NodeUpgraded:
                _members.Upgrade();
                break;
            case FaultKind.MajorityLost:
                LosesMajority = true;
                break;
            default:
                throw new InvalidOperationException($"{kind} is not made here");
        }
    }

    // Before, while or after its first entry reaches the others.
    private void Elected(Machine machine)
    {
        if (_traps == 0)
            return;
        _traps--;
        EndSoon(machine, FaultKind.YoungLeaderKilled, 8_000);
    }

    /// <summary>
    /// A node takes over a snapshot; told again and again until it is done. Some die before the manifest is
    /// written, some before the log hears of it, some then; and many once more, soon after they are back,
    /// when what the first end has left is read for the second time.
    /// </summary>
    public void Installing(Machine machine)
    {
        if (_installTraps == 0)
            return;
        _installTraps--;
        EndSoon(machine, FaultKind.YoungInstallKilled, 2_000);
        if (_random.Chance(0.7))
        {
            // Where all is well, nobody dies.
            var healings = _healings;
            _cluster.World.Scheduler.After(_random.Exponential(3_000_000), () =>
            {
                if (machine.Process is not null && healings == _healings)
                    EndSoon(machine, FaultKind.YoungInstallKilled, 0);
            });
        }
    }

    /// <summary>
    /// A node knows of a change of replicas in which some are still to be filled; told after each of its
    /// turns.
    /// </summary>
    public void Changing(IReadOnlyList<NodeId> present, IReadOnlyList<NodeId> next)
    {
        if (_changeTraps == 0)
            return;
        _changeTraps--;
        var healings = _healings;
        // Before the new replica is there, while it is filled, or after it.
        _cluster.World.Scheduler.After(_random.Exponential(100_000), () =>
        {
            if (healings == _healings)
                _network.SplitAlong(present, next);
        });
    }

    // Its clock begins at the ceiling, and the next one is hardly in the log when the power goes.
    private void KillTwice()
    {
        if (Running() is not { } machine)
            return;
        machine.DiskSlowness = _random.Between(20, 300);
        _spell.UndoAfter(_random.Between(3_000_000, 5_000_000), () => machine.DiskSlowness = 1);
        machine.Kill(FaultKind.YoungNodeKilled);
        machine.StartAfter(_random.Between(20_000, 200_000));
        var healings = _healings;
        // Some before the ceiling of the life before is over.
        var (least, most) = _random.Chance(0.5) ? (50_000, 700_000) : (300_000, 2_000_000);
        _cluster.World.Scheduler.After(_random.Between(least, most), () =>
        {
            if (machine.Process is null || healings != _healings)
                return;
            machine.LosePower(FaultKind.YoungNodeKilled);
            machine.StartAfter(_random.Between(20_000, 200_000));
        });
    }

    private void EndSoon(Machine machine, FaultKind why, double meanUs)
    {
        var process = machine.Process;
        _cluster.World.Scheduler.After(_random.Exponential(meanUs), () =>
        {
            if (process is not { IsAlive: true } || machine.Process != process)
                return;
            if (_random.Chance(0.5))
                machine.Kill(why);
            else
                machine.LosePower(why);
        });
    }

    // Longer than a lease can last.
    private void Pause()
    {
        if (Running()?.Process is not { } process)
            return;
        var ms = _random.Between(_cluster.Options.ElectionMinMs / 2, 3 * _cluster.Options.ElectionMaxMs);
        process.PausedUntilUs = _cluster.World.NowUs + (ms * 1000);
        _cluster.World.Fired(FaultKind.Pause);
        _cluster.World.Trace.Event(
            Verbosity.Faults, TraceKind.Fault, process.Machine.Index, (ulong)ms, $"is paused for {ms} ms");
    }

    private void DisturbClock(FaultKind kind)
    {
        var machine = _random.Pick(_cluster.InUse);
        _cluster.World.Fired(kind);
        if (kind == FaultKind.ClockJump)
        {
            JumpClock(machine.Clock);
            return;
        }

        // Two clocks that differ by 4.5 % each way stay within the 10 % that a lease allows.
        var bound = _cluster.Options.LeaseReads ? 45_000 : 400_000;
        machine.Clock.Drift(_random.Between(-bound, bound));
    }

    // By an hour or by ten years; often it is put right after seconds.
    private void JumpClock(SimulatedClock clock)
    {
        const long hourUs = 3_600_000_000;
        var mostUs = _random.Chance(0.5) ? hourUs : 10 * 365 * 24 * hourUs;
        // Versions of quorum keyspaces suffer from what is within the bound, too. A lone node believes what
        // its clock shows at a start: the writes of nodes that join it would lose against its own.
        if (_cluster.Options.Quorums.Count > 0
            && (_random.Chance(0.6) || _cluster.Options is { Nodes: 1, Spares: > 0 }))
            mostUs = _random.Chance(0.5) ? 1_000_000 : 8_000_000;
        clock.Jump(_random.Between(-mostUs, mostUs));
        if (_random.Chance(0.5))
            _cluster.World.Scheduler.After(_random.Exponential(3_000_000), clock.Repair);
    }

    private Machine? Running()
    {
        var running = _cluster.Machines.Where(machine => machine.Process is not null).ToArray();
        return running.Length == 0 ? null : _random.Pick(running);
    }
}
