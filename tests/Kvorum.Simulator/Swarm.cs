using Kvorum.Simulator.Nemesis;
using Kvorum.Simulator.Network;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.Workloads;
using Kvorum.Simulator.World;
using Kvorum.Storage.Lsm;

namespace Kvorum.Simulator;

/// <summary>
/// Draws a configuration from a seed: what one configuration can never show, another does (Groce and others,
/// "Swarm testing", 2012). Some kinds of faults are left out of each, since faults also hide each other.
/// </summary>
internal static class Swarm
{
    /// <summary>The options of a swarm run.</summary>
    /// <param name="seed">Draws all.</param>
    /// <param name="hasQuorums">True if there is to be a quorum keyspace, whatever is drawn.</param>
    /// <param name="hasRights">True if rights are to be enforced, whatever is drawn.</param>
    public static SimulationOptions Draw(ulong seed, bool hasQuorums = false, bool hasRights = false)
    {
        var random = new RandomStream(seed, "swarm");
        var drawn = new SimulationOptions
        {
            Seed = seed,
            Cluster = Paced(Cluster(random), new(seed, "rates")),
            Network = Network(random),
            Workload = Workload(random),
            Faults = Faults(random, new(seed, "bad sectors")),
        };
        // What needs several things at once, at the right moment, no chance brings about: some runs aim.
        var aim = new RandomStream(seed, "aim");
        var aimed = aim.Below(10) switch
        {
            0 => AimAtLeases(drawn, aim),
            1 => AimAtElections(drawn, aim),
            2 => AimAtSnapshots(drawn, aim),
            3 => AimAtClocks(drawn, aim),
            4 => AimAtOldFolders(drawn),
            _ => drawn,
        };
        var withSpares = WithSpares(WithOrders(WithOtherCluster(WithPiecesThatFit(aimed))));
        return WithRights(
            hasQuorums ? QuorumSwarm.Draw(withSpares, share: 1)
                : QuorumSwarm.Draw(hasRights ? withSpares : WithOldNodes(withSpares), 0.33),
            hasRights ? 1 : 0.1);
    }

    /// <summary>
    /// The run, but that most of its nodes are lost for good. What ends by time would end unseen.
    /// </summary>
    public static SimulationOptions LosingMajority(SimulationOptions drawn) => drawn with
    {
        Cluster = drawn.Cluster with { Rights = null },
        Workload = drawn.Workload with { MortalShare = 0 },
        Faults = drawn.Faults with
        {
            MeanSeconds = new SortedDictionary<FaultKind, double>(drawn.Faults.MeanSeconds.ToDictionary())
            {
                [FaultKind.MajorityLost] = new RandomStream(drawn.Seed, "lost majority").Between(5, 40),
            },
        },
    };

    // A link takes what is larger than its queue only while that is empty, which it may never be.
    private static SimulationOptions WithPiecesThatFit(SimulationOptions drawn) => drawn with
    {
        Cluster = drawn.Cluster with
        {
            SnapshotChunkBytes = Math.Min(
                drawn.Cluster.SnapshotChunkBytes, drawn.Network.QueueBytesMax / 4),
        },
    };

    // Old nodes know no users. Where rights are enforced nodes are cut off for long, and notice it soon.
    private static SimulationOptions WithRights(SimulationOptions drawn, double share)
    {
        var random = new RandomStream(drawn.Seed, "rights");
        if (!random.Chance(share) || drawn.Cluster.OldNodes > 0)
            return drawn;
        var (electionMs, graceMs) = ((int)random.Between(150, 500), (int)random.Between(500, 2000));
        // Where clocks drift, the slowest takes this much longer.
        var slowness = drawn.Faults.MeanSeconds.ContainsKey(FaultKind.ClockDrift) ? 1.7 : 1.01;
        var network = drawn.Network with { SilenceUs = 1_500_000 };
        return drawn with
        {
            Cluster = drawn.Cluster with
            {
                HeartbeatMs = Math.Max(drawn.Cluster.TickMs, electionMs / 5),
                ElectionMinMs = electionMs,
                ElectionMaxMs = 2 * electionMs,
                Rights = new()
                {
                    Users = (int)random.Between(2, 4),
                    GraceMs = graceMs,
                    BoundUs = 100_000 + (long)(1000 * graceMs * slowness),
                },
            },
            Network = network,
            Faults = drawn.Faults with { RoundMinSeconds = 20, RoundMaxSeconds = 40 },
        };
    }

    // Drawn last, so that what is drawn besides stays what it was.
    private static SimulationOptions WithOldNodes(SimulationOptions drawn)
    {
        var random = new RandomStream(drawn.Seed, "old nodes");
        if (!random.Chance(0.25))
            return drawn;
        var nodes = drawn.Cluster.Nodes;
        var means = new SortedDictionary<FaultKind, double>(drawn.Faults.MeanSeconds.ToDictionary())
        {
            [FaultKind.NodeUpgraded] = random.Between(2, 15),
        };
        return drawn with
        {
            Cluster = drawn.Cluster with
            {
                OldNodes = random.Chance(0.6) ? nodes : (int)random.Between(1, nodes),
            },
            Faults = drawn.Faults with { MeanSeconds = means },
        };
    }

    // Drawn last, so that what is drawn besides stays what it was.
    private static SimulationOptions WithSpares(SimulationOptions drawn)
    {
        var random = new RandomStream(drawn.Seed, "spare machines");
        if (!random.Chance(0.25))
            return drawn;
        var means = new SortedDictionary<FaultKind, double>(drawn.Faults.MeanSeconds.ToDictionary())
        {
            [FaultKind.NodeJoins] = random.Between(3, 15),
            [FaultKind.NodeLeaves] = random.Between(10, 40),
            [FaultKind.NodeLost] = random.Between(10, 60),
        };
        var spares = (int)random.Between(1, 4);
        // Some aim at replicas that move while leaders die: all else would only lengthen their way.
        if (random.Chance(0.3))
        {
            spares = 4;
            means = new()
            {
                [FaultKind.NodeJoins] = 3,
                [FaultKind.NodeLeaves] = 5,
                [FaultKind.NodeLost] = 20,
                [FaultKind.ProcessCrash] = random.Between(3, 15),
                [FaultKind.PowerLoss] = random.Between(5, 30),
                [FaultKind.YoungLeaderKilled] = random.Between(2, 10),
                [FaultKind.LeaderCut] = random.Between(3, 15),
                [FaultKind.Split] = random.Between(5, 30),
            };
        }

        var moving = drawn with
        {
            Cluster = drawn.Cluster with { Spares = spares },
            Faults = drawn.Faults with { MeanSeconds = means },
        };
        return new RandomStream(drawn.Seed, "lost manifests").Chance(0.15) ? AimAtManifests(moving) : moving;
    }

    // A node whose manifest is lost goes by the configuration in its log: logs that are cut close, replicas
    // that have moved away from the few that were first.
    private static SimulationOptions AimAtManifests(SimulationOptions drawn)
    {
        var random = new RandomStream(drawn.Seed, "aim at manifests");
        return drawn with
        {
            Cluster = drawn.Cluster with
            {
                Nodes = random.Pick([1, 2, 2, 3]),
                Spares = 4,
                Partitions = (int)random.Between(1, 4),
                HasLateNode = false,
                CheckpointLogBytes = 500,
                TrailingLogBytes = (int)random.Pick([200, 2 << 10]),
                SegmentBytes = 4 << 10,
            },
            Faults = new()
            {
                AimsAtManifests = true,
                MeanSeconds = new SortedDictionary<FaultKind, double>
                {
                    [FaultKind.NodeJoins] = 2,
                    [FaultKind.NodeLeaves] = 15,
                    [FaultKind.BitFlip] = 4,
                    [FaultKind.LeaderCut] = 10,
                },
                RoundMinSeconds = 15,
                RoundMaxSeconds = 40,
            },
        };
    }

    // Drawn last, so that what is drawn besides stays what it was.
    private static SimulationOptions WithOtherCluster(SimulationOptions drawn)
    {
        var random = new RandomStream(drawn.Seed, "other cluster");
        if (!random.Chance(0.3))
            return drawn;
        var means = new SortedDictionary<FaultKind, double>(drawn.Faults.MeanSeconds.ToDictionary())
        {
            [FaultKind.ForeignFolder] = random.Between(5, 60),
        };
        return drawn with
        {
            Cluster = drawn.Cluster with { HasLateNode = random.Chance(0.7) },
            Faults = drawn.Faults with { MeanSeconds = means },
        };
    }

    // Drawn last, so that what is drawn besides stays what it was.
    private static SimulationOptions WithOrders(SimulationOptions drawn)
    {
        var random = new RandomStream(drawn.Seed, "second keyspace");
        return random.Chance(0.3)
            ? drawn with { Cluster = drawn.Cluster with { OrdersPartitions = random.Pick([1, 3, 8]) } }
            : drawn;
    }

    /// <summary>
    /// A run in which old copies of disks come back while other nodes are away, so that two majorities may
    /// commit different entries: few partitions, and nodes that come and go.
    /// </summary>
    public static SimulationOptions AimAtOldFolders(ulong seed) => AimAtOldFolders(Draw(seed));

    private static SimulationOptions AimAtOldFolders(SimulationOptions drawn)
    {
        var random = new RandomStream(drawn.Seed, "old folders");
        return drawn with
        {
            Cluster = drawn.Cluster with { Nodes = 3, Partitions = (int)random.Between(1, 4) },
            Faults = new()
            {
                MeanSeconds = new SortedDictionary<FaultKind, double>
                {
                    [FaultKind.OldFolder] = 4,
                    [FaultKind.ProcessCrash] = random.Between(2, 10),
                    [FaultKind.Split] = random.Between(2, 10),
                    [FaultKind.LeaderCut] = random.Between(2, 10),
                },
                RoundMinSeconds = 10,
                RoundMaxSeconds = 40,
            },
        };
    }

    // Leases end at the right moment, and voters protect the holder: few keys, read all the time by lease,
    // leaders that are cut off while clients reach them, clocks that drift as far as they may.
    private static SimulationOptions AimAtLeases(SimulationOptions drawn, RandomStream random)
    {
        var least = (int)random.Between(150, 500);
        return drawn with
        {
            Cluster = drawn.Cluster with
            {
                Nodes = 3,
                Partitions = 1,
                TickMs = 5,
                HeartbeatMs = (int)(least / random.Between(3, 6)),
                ElectionMinMs = least,
                ElectionMaxMs = (int)(least * random.Between(15, 25) / 10),
                LeaseReads = true,
                Disk = new() { JobUs = random.Between(20, 100), ExtraUs = random.Between(20, 300) },
            },
            Network = drawn.Network with
            {
                LatencyUs = random.Between(20, 500),
                JitterUs = random.Between(0, 500),
            },
            Workload = drawn.Workload with
            {
                Clients = 10,
                HasReaders = true,
                PauseUs = random.Between(4, 10) * 1000,
                Registers = 2,
                Counters = 1,
                MortalShare = 0,
                ValueBytesMax = 20,
                TimeoutUs = random.Between(100, 600) * 1000,
                Lost = 0,
            },
            Faults = drawn.Faults with
            {
                MeanSeconds = new SortedDictionary<FaultKind, double>
                {
                    [FaultKind.LeaderCut] = 1.5,
                    [FaultKind.ClockDrift] = 4,
                    [FaultKind.Pause] = 8,
                },
            },
        };
    }

    // A leader's entries of older terms, and its own first one: leaders that die soon after they were
    // elected, and followers that are sent one entry at a time.
    private static SimulationOptions AimAtElections(SimulationOptions drawn, RandomStream random)
    {
        var least = (int)random.Between(150, 400);
        return drawn with
        {
            Cluster = drawn.Cluster with
            {
                Nodes = random.Pick([3, 3, 5]),
                ReplicationFactor = 5,
                Partitions = 1,
                TickMs = 5,
                HeartbeatMs = least / 6,
                ElectionMinMs = least,
                ElectionMaxMs = least * 2,
                AppendBytesMax = 1,
            },
            Network = drawn.Network with
            {
                LatencyUs = random.Between(500, 5000),
                JitterUs = random.Between(0, 5000),
            },
            Faults = drawn.Faults with
            {
                MeanSeconds = new SortedDictionary<FaultKind, double>
                {
                    [FaultKind.YoungLeaderKilled] = 0.2,
                    [FaultKind.ProcessCrash] = 10,
                    [FaultKind.Split] = 10,
                },
            },
        };
    }

    // Lives of keys while wall clocks jump: values that end, leaders that move to and fro, and nothing else
    // that would explain a wrong end.
    private static SimulationOptions AimAtClocks(SimulationOptions drawn, RandomStream random) =>
        drawn with
        {
            Workload = drawn.Workload with
            {
                MortalShare = 0.5,
                TtlMsMax = (int)random.Pick([5000, 60_000]),
            },
            Faults = drawn.Faults with
            {
                MeanSeconds = new SortedDictionary<FaultKind, double>
                {
                    [FaultKind.ClockJump] = 2,
                    [FaultKind.LeaderCut] = 8,
                    [FaultKind.Pause] = 20,
                },
            },
        };

    // Snapshots that are sent piece by piece, interrupted and gone on with, and taken over by nodes that die
    // at it: logs that are cut close, nodes that miss a lot, links that are slow or reset.
    private static SimulationOptions AimAtSnapshots(SimulationOptions drawn, RandomStream random) =>
        drawn with
        {
            Cluster = drawn.Cluster with
            {
                Nodes = 3,
                Partitions = (int)random.Between(1, 2),
                CheckpointLogBytes = 500,
                TrailingLogBytes = 0,
                SnapshotRate = random.Pick([5_000L, 20_000]),
                SnapshotChunkBytes = 500,
            },
            Workload = drawn.Workload with
            {
                Clients = 8,
                PauseUs = random.Between(2, 20) * 1000,
                Registers = 20,
                MortalShare = 0,
                ValueBytesMax = (int)random.Pick([300, 1500]),
            },
            Faults = drawn.Faults with
            {
                MeanSeconds = new SortedDictionary<FaultKind, double>
                {
                    [FaultKind.Split] = 4,
                    [FaultKind.ProcessCrash] = 4,
                    [FaultKind.ConnectionReset] = 3,
                    [FaultKind.SlowLink] = 6,
                    [FaultKind.YoungInstallKilled] = 1.5,
                },
            },
        };

    private static ClusterOptions Cluster(RandomStream random)
    {
        var nodes = random.Pick([1, 2, 3, 3, 3, 3, 4, 5, 5, 6, 7, 8, 9]);
        var electionMin = (int)random.Between(150, 1500);
        var tick = (int)random.Pick([5, 10, 20]);
        return new()
        {
            Nodes = nodes,
            Partitions = (int)random.Pick([1, 1, 2, 3, 4, 8]),
            ReplicationFactor = nodes >= 5 && random.Chance(0.4) ? 5 : 3,
            Loops = random.Chance(0.3) ? (int)random.Between(2, 3) : 1,
            TickMs = tick,
            HeartbeatMs = Math.Max(tick, (int)(electionMin / random.Between(4, 10))),
            ElectionMinMs = electionMin,
            ElectionMaxMs = (int)(electionMin * random.Between(15, 30) / 10),
            LeaseReads = random.Chance(0.4),
            SegmentBytes = (int)random.Pick([4 << 10, 16 << 10, 64 << 10, 256 << 10]),
            CheckpointLogBytes = (int)random.Pick([500, 4 << 10, 16 << 10, 1 << 20]),
            TrailingLogBytes = (int)random.Pick([0, 200, 2 << 10, 64 << 10]),
            SessionRecordsMax = (int)random.Pick([3, 50, 500, 16384]),
            AppendBytesMax = random.Pick([1, 300, 1 << 20]),
            Disk = new() { JobUs = random.Between(20, 500), ExtraUs = random.Between(50, 5000) },
        };
    }

    // Of a stream of its own, so that what is drawn besides stays what it was.
    // The slowest rate sends what some replicas may lack well within the time to catch up.
    private static ClusterOptions Paced(ClusterOptions cluster, RandomStream random) => cluster with
    {
        SnapshotRate = random.Pick([0L, 10_000, 50_000, 1 << 20]),
        ScrubRate = random.Pick([0L, 2000, 64 << 10, 4 << 20]),
        Compression = random.Chance(0.4) ? BlockCompression.Lz4 : BlockCompression.None,
        SnapshotChunkBytes = (int)random.Pick([500, 4 << 10, 256 << 10]),
        TreeLevelBytes = random.Pick([1 << 10, 8 << 10, 64 << 20]),
        TreeTableBytes = random.Pick([500, 4 << 10, 16 << 20]),
    };

    private static NetworkOptions Network(RandomStream random) => new()
    {
        LatencyUs = random.Between(20, 5000),
        JitterUs = random.Between(0, 5000),
        QueueBytesMax = (int)random.Pick([16 << 10, 256 << 10, 8 << 20]),
        SilenceUs = random.Between(1_500_000, 4_000_000),
    };

    private static WorkloadOptions Workload(RandomStream random) => new()
    {
        Clients = (int)random.Between(1, 12),
        PauseUs = random.Between(1, 200) * 1000,
        Registers = (int)random.Between(1, 20),
        Counters = (int)random.Between(1, 4),
        MortalShare = random.Pick([0, 0.1, 0.5]),
        TtlMsMax = (int)random.Pick([500, 5000, 20_000]),
        ValueBytesMax = (int)random.Pick([1, 50, 500, 5000]),
        TimeoutUs = random.Between(300, 4000) * 1000,
        Lost = random.Fraction() * 0.1,
    };

    // Bad sectors are drawn from a stream of their own, so that what is drawn besides stays what it was.
    private static FaultOptions Faults(RandomStream random, RandomStream sectors)
    {
        var rarity = Math.Pow(4, (random.Fraction() * 2) - 1);
        var present = 0.3 + (random.Fraction() * 0.7);
        var means = new SortedDictionary<FaultKind, double>();
        foreach (var (kind, mean) in FaultOptions.Usual)
        {
            if (kind == FaultKind.ForeignFolder)
                continue;
            if ((kind == FaultKind.BadSector ? sectors : random).Chance(present))
                means.Add(kind, mean * rarity);
        }

        return new()
        {
            MeanSeconds = means,
            RoundMinSeconds = (int)random.Between(3, 10),
            RoundMaxSeconds = (int)random.Between(10, 40),
        };
    }
}
