using System.Globalization;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.Workloads;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator;

/// <summary>
/// Adds quorum keyspaces to what a swarm draws, last, so that what is drawn besides stays what it was. Half
/// of the runs aim at what chance alone does not bring about.
/// </summary>
internal static class QuorumSwarm
{
    /// <summary>The options with a quorum keyspace or two, in so many of all cases.</summary>
    public static SimulationOptions Draw(SimulationOptions drawn, double share)
    {
        var random = new RandomStream(drawn.Seed, "quorum keyspaces");
        // Old nodes refuse them, and may be there to the end.
        if (!random.Chance(share) || drawn.Cluster.OldNodes > 0)
            return drawn;
        var sloppy = new RandomStream(drawn.Seed, "sloppy keyspaces");
        var quorums = Enumerable.Range(1, random.Chance(0.3) ? 2 : 1)
            .Select(number => Quorum(number, drawn.Cluster.Nodes, random))
            // Where all nodes have replicas, none can stand for another.
            .Select(one => one with
            {
                IsSloppy = sloppy.Chance(one.Replicas < drawn.Cluster.Nodes ? 0.5 : 0.1),
            })
            .ToArray();
        var faults = drawn.Faults;
        // Some aim at them: what happens to leaders would only take its time.
        if (random.Chance(0.5))
        {
            var means = new SortedDictionary<FaultKind, double>(faults.MeanSeconds.ToDictionary());
            foreach (var (kind, mean) in AtReplicas)
            {
                if (random.Chance(0.6))
                    means[kind] = mean * random.Between(5, 20) / 10;
            }

            faults = faults with { MeanSeconds = means };
        }

        var withQuorums = drawn with
        {
            Cluster = drawn.Cluster with
            {
                Quorums = quorums,
                SyncIntervalMs = (int)random.Pick([1000, 4000, 15_000]),
            },
            Workload = drawn.Workload with { QuorumClients = (int)random.Between(1, 4) },
            Faults = faults,
        };
        var aim = new RandomStream(drawn.Seed, "aim at quorum keyspaces");
        return aim.Below(8) switch
        {
            0 => AimAtMoves(withQuorums, aim),
            1 => AimAtVersions(withQuorums, aim),
            2 => AimAtDeletes(withQuorums, aim),
            3 or 4 => AimAtHints(withQuorums, aim),
            5 => AimAtDeletes(withQuorums, aim),
            _ => withQuorums,
        };
    }

    // Replicas that move, one after the other, while the network splits just then, and while coordinators do
    // not hear of it.
    private static SimulationOptions AimAtMoves(SimulationOptions drawn, RandomStream random)
    {
        var (write, read) = random.Pick<(int, int)>([(2, 2), (2, 2), (3, 1), (3, 1), (1, 3)]);
        return drawn with
        {
            Cluster = Small(drawn.Cluster) with
            {
                Nodes = (int)random.Between(3, 5),
                Spares = 4,
                Quorums = [new($"{QuorumKeyspace.NamesBegin}-1", random.Pick([1, 2]), 3, write, read)],
                SyncIntervalMs = random.Pick([4000, 15_000]),
            },
            Workload = Busy(drawn.Workload, random),
            Faults = drawn.Faults with
            {
                MeanSeconds = new SortedDictionary<FaultKind, double>
                {
                    [FaultKind.NodeJoins] = 3,
                    [FaultKind.NodeLeaves] = 3,
                    [FaultKind.NodeLost] = 40,
                    [FaultKind.SplitInChange] = random.Between(2, 6),
                    [FaultKind.CoordinatorLags] = random.Between(2, 6),
                    [FaultKind.ProcessCrash] = random.Between(10, 40),
                    [FaultKind.WipedDisk] = 40,
                },
            },
        };
    }

    // The order of versions: nodes that are ended again soon after they were started, when their clocks begin
    // at the ceiling and the next one waits for a slow disk; and clocks that go wrong.
    private static SimulationOptions AimAtVersions(SimulationOptions drawn, RandomStream random) => drawn with
    {
        Cluster = Small(drawn.Cluster),
        Workload = Busy(drawn.Workload, random),
        Faults = drawn.Faults with
        {
            MeanSeconds = new SortedDictionary<FaultKind, double>
            {
                [FaultKind.YoungNodeKilled] = random.Between(2, 5),
                [FaultKind.ClockJump] = random.Between(3, 15),
                [FaultKind.Pause] = 20,
                [FaultKind.OneWayCut] = 15,
            },
        },
    };

    // Tombstones that are collected soon, and lives that end while a read is under way, while some replicas
    // miss what others have. Only where a read asks more than one does it hear of both.
    private static SimulationOptions AimAtDeletes(SimulationOptions drawn, RandomStream random) => drawn with
    {
        Cluster = Small(drawn.Cluster) with
        {
            Quorums = random.Chance(0.3) ? drawn.Cluster.Quorums
                : [new($"{QuorumKeyspace.NamesBegin}-1", random.Pick([1, 2]), 3, 2, 2)],
            TombstoneMinMs = random.Pick([500, 2000]),
            SyncIntervalMs = random.Pick([1000, 4000]),
        },
        Workload = Busy(drawn.Workload, random) with
        {
            // What is seldom read is not mended by reads.
            Registers = (int)random.Between(3, 16),
            MortalShare = random.Pick([0.1, 0.5]),
            TtlMsMax = random.Pick([200, 500, 3000]),
        },
        Faults = drawn.Faults with
        {
            MeanSeconds = new SortedDictionary<FaultKind, double>
            {
                [FaultKind.FrameLost] = 2,
                [FaultKind.ProcessCrash] = random.Between(4, 15),
                [FaultKind.PowerLoss] = 15,
                [FaultKind.OneWayCut] = 5,
                [FaultKind.ConnectionReset] = 5,
                [FaultKind.SlowLink] = 10,
            },
        },
    };

    // Writes that other nodes take for replicas that are away: splits long enough to be noticed. Where there
    // are few replicas no other has what a hint has; and some that are back lose what they were handed. Many
    // keys: a later write of the same key would hide that one is lost.
    private static SimulationOptions AimAtHints(SimulationOptions drawn, RandomStream random)
    {
        var (replicas, write, read) = random.Pick<(int, int, int)>(
            [(1, 1, 1), (1, 1, 1), (1, 1, 1), (2, 1, 1), (3, 2, 2)]);
        return drawn with
        {
            Cluster = Small(drawn.Cluster) with
            {
                Nodes = 5,
                Quorums =
                [
                    new($"{QuorumKeyspace.NamesBegin}-1", random.Pick([1, 2]), replicas, write, read)
                    {
                        IsSloppy = true,
                    },
                ],
            },
            Network = drawn.Network with { SilenceUs = 1_500_000 },
            Workload = Busy(drawn.Workload, random) with
            {
                Registers = (int)random.Between(100, 400),
                // What ends may be gone.
                MortalShare = 0,
            },
            Faults = drawn.Faults with
            {
                MeanSeconds = new SortedDictionary<FaultKind, double>
                {
                    [FaultKind.Split] = 4,
                    [FaultKind.OneWayCut] = 6,
                    [FaultKind.ProcessCrash] = random.Between(4, 20),
                    [FaultKind.YoungNodeKilled] = random.Between(3, 8),
                    [FaultKind.ConnectionReset] = 6,
                    [FaultKind.FrameLost] = 10,
                    [FaultKind.SlowDisk] = 10,
                },
            },
        };
    }

    // What leaders do would only take time. Where one node is the majority, no other tells that its clock is
    // wrong.
    private static ClusterOptions Small(ClusterOptions drawn) => drawn with
    {
        Nodes = Math.Clamp(drawn.Nodes, 3, 5),
        Partitions = 1,
        OrdersPartitions = 0,
        Loops = 1,
        TickMs = 20,
        HeartbeatMs = Math.Max(drawn.HeartbeatMs, 20),
        HasLateNode = false,
    };

    // Few keys, often asked for: what one client does, another sees at once.
    private static WorkloadOptions Busy(WorkloadOptions drawn, RandomStream random) => drawn with
    {
        Clients = 1,
        QuorumClients = (int)random.Between(3, 5),
        PauseUs = random.Between(20, 120) * 1000,
        Registers = (int)random.Between(2, 8),
        ValueBytesMax = 50,
        TimeoutUs = random.Between(300, 1500) * 1000,
    };

    private static SortedDictionary<FaultKind, double> AtReplicas { get; } = new()
    {
        [FaultKind.ProcessCrash] = 5,
        [FaultKind.PowerLoss] = 6,
        [FaultKind.CrashInDiskWork] = 8,
        [FaultKind.PowerLossOfAll] = 20,
        [FaultKind.Pause] = 6,
        [FaultKind.ClockJump] = 8,
        [FaultKind.SlowDisk] = 8,
        [FaultKind.SyncError] = 10,
        [FaultKind.BitFlip] = 15,
        [FaultKind.WipedDisk] = 20,
        [FaultKind.OneWayCut] = 5,
        [FaultKind.Split] = 5,
        [FaultKind.ConnectionReset] = 5,
        [FaultKind.SlowLink] = 6,
        [FaultKind.FrameLost] = 8,
    };

    // N, W and R of it, with no more replicas than there are nodes.
    private static QuorumKeyspace Quorum(int number, int nodes, RandomStream random)
    {
        var (replicas, write, read) = random.Pick<(int, int, int)>(
        [
            (3, 2, 2), (3, 2, 2), (3, 2, 2), (3, 1, 1), (3, 3, 1), (3, 1, 3), (3, 2, 1), (5, 3, 3), (2, 2, 1),
        ]);
        if (replicas > nodes)
            (replicas, write, read) = (nodes, (nodes / 2) + 1, (nodes / 2) + 1);
        return new(
            string.Create(CultureInfo.InvariantCulture, $"{QuorumKeyspace.NamesBegin}-{number}"),
            random.Pick([1, 1, 2, 4]), replicas, write, read);
    }
}
