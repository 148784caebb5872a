using System.Security.Cryptography;
using Kvorum.Simulator;
using Kvorum.Simulator.Commands;
using Kvorum.Simulator.Nemesis;
using Kvorum.Simulator.World;

namespace Kvorum.Tests.Simulator;

/// <summary>Whole clusters under faults, by seed. A failure names the line that replays it.</summary>
public class SimulationTests
{
    private static readonly RunChoice Usual = new(IsSwarm: false, Seconds: 60);
    private static readonly RunChoice Swarms = new(IsSwarm: true, Seconds: 60);

    private static readonly RunChoice Quorums = new(IsSwarm: true, Seconds: 60) { HasQuorums = true };

    /// <summary>Seeds that have found something once, and some more.</summary>
    public static TheoryData<int> SwarmSeeds =>
        [8, 55, 56, 168, 184, 268, 327, 5017, .. Enumerable.Range(1, 8)];

    /// <summary>The same of quorum keyspaces.</summary>
    public static TheoryData<int> QuorumSeeds => [1, 6, 9, 15, 21, 22, 25, 27];

    [Fact]
    public void Three_nodes_keep_all_promises_and_every_fault_fires()
    {
        // As many as it takes: some faults are rare, and each change of the code moves them to other seeds.
        var runs = new List<SimulationResult>();
        for (ulong seed = 1; seed <= 40 && (seed <= 8 || !Usual.Claimed.All(Fired)); seed++)
            runs.Add(Keeps(Usual, seed));
        Assert.InRange(runs.Average(static run => run.Answered), 200, int.MaxValue);
        Assert.InRange(runs.Average(static run => run.Pages), 20, int.MaxValue);
        Assert.All(Usual.Claimed, kind => Assert.True(Fired(kind), $"{kind} has never fired"));

        bool Fired(FaultKind kind) => runs.Any(run => run.Faults[kind] > 0);
    }

    [Fact]
    public void Nodes_come_and_go_and_all_promises_are_kept()
    {
        var results = new List<SimulationResult>();
        for (ulong seed = 1; seed <= 4; seed++)
        {
            var options = Usual.Options(seed);
            results.Add(Simulation.Run(options with
            {
                Cluster = options.Cluster with { Spares = 3 },
                Faults = new()
                {
                    MeanSeconds = new SortedDictionary<FaultKind, double>
                    {
                        [FaultKind.NodeJoins] = 4,
                        [FaultKind.NodeLeaves] = 8,
                        [FaultKind.NodeLost] = 15,
                        [FaultKind.ProcessCrash] = 10,
                        [FaultKind.LeaderCut] = 15,
                    },
                },
            }));
        }

        Assert.All(results, result => Assert.Null(result.Failure));
        Assert.All(
            FaultOptions.OfMembers, kind => Assert.Contains(results, result => result.Faults[kind] > 0));
    }

    [Theory]
    [MemberData(nameof(SwarmSeeds))]
    public void Clusters_of_all_kinds_keep_all_promises(int seed) => Keeps(Swarms, (ulong)seed);

    [Theory]
    [MemberData(nameof(QuorumSeeds))]
    public void Quorum_keyspaces_keep_all_promises(int seed) => Keeps(Quorums, (ulong)seed);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Rights_are_enforced_and_revoked(int seed) =>
        Keeps(new(IsSwarm: true, Seconds: 60) { HasRights = true }, (ulong)seed);

    [Theory]
    [InlineData(1, false, false)]
    [InlineData(2, false, false)]
    [InlineData(3, true, false)]
    [InlineData(4, true, false)]
    [InlineData(5, false, true)]
    public void Encrypted_disks_keep_all_promises(int seed, bool hasQuorums, bool losesMajority) => Keeps(
        new(IsSwarm: true, Seconds: 60)
        {
            HasQuorums = hasQuorums,
            LosesMajority = losesMajority,
            IsEncrypted = true,
        },
        (ulong)seed);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_recovery_loses_no_more_than_it_says(bool hasQuorums)
    {
        var choice = new RunChoice(IsSwarm: true, Seconds: 60)
        {
            HasQuorums = hasQuorums,
            LosesMajority = true,
        };
        var recovered = 0L;
        for (ulong seed = 1; seed <= 6; seed++)
            recovered += Keeps(choice, seed).Faults[FaultKind.MajorityLost];
        Assert.InRange(recovered, 1, 6);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void Fresh_seeds_keep_all_promises(int number)
    {
        var seed = (ulong)RandomNumberGenerator.GetInt32(int.MaxValue);
        TestContext.Current.SendDiagnosticMessage($"fresh seed {number}: {Swarms.Replay(seed)}");
        Keeps(Swarms, seed);
    }

    [Fact]
    public void Damage_is_noticed()
    {
        var noticed = 0L;
        var flips = new Dictionary<FaultKind, double> { [FaultKind.BitFlip] = 5 };
        for (ulong seed = 1; seed <= 4; seed++)
        {
            var options = Usual.Options(seed) with
            {
                Seconds = 20,
                Faults = new() { MeanSeconds = flips },
            };
            var result = Simulation.Run(options);
            Assert.Null(result.Failure);
            noticed += result.Faults[FaultKind.BitFlip];
        }

        Assert.True(noticed >= 2, $"{noticed} bits flipped");
    }

    [Theory]
    [InlineData(FaultKind.OldFolder)]
    [InlineData(FaultKind.ZeroedLogEnd)]
    internal void Logs_that_lack_what_they_had_are_told_of(FaultKind kind)
    {
        var struck = 0L;
        var faults = new Dictionary<FaultKind, double> { [kind] = 5, [FaultKind.ProcessCrash] = 10 };
        for (ulong seed = 1; seed <= 6; seed++)
        {
            var options = Usual.Options(seed) with
            {
                Seconds = 20,
                Faults = new() { MeanSeconds = faults },
            };
            var result = Simulation.Run(options);
            Assert.Null(result.Failure);
            struck += result.Faults[kind];
        }

        Assert.True(struck >= 4, $"{struck} of {kind}");
    }

    [Fact]
    public void After_an_old_folder_came_back_replicas_that_serve_do_not_contradict_each_other()
    {
        var struck = 0L;
        for (ulong seed = 1; seed <= 6; seed++)
        {
            var result = Simulation.Run(Swarm.AimAtOldFolders(seed));
            // Where nothing contradicts, only the memory of peers could tell.
            if (result.Failure is not null)
                Assert.Contains("has lost what it acknowledged", result.Failure, StringComparison.Ordinal);
            struck += result.Faults[FaultKind.OldFolder];
        }

        Assert.True(struck >= 3, $"{struck} old folders");
    }

    [Fact]
    public void A_run_is_faster_than_its_time()
    {
        // The bound is far below what a free core reaches (see docs/simulator.md), for a busy machine.
        Keeps(Usual, 1);
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var result = Keeps(Usual, 2);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, result.Seconds / 5);
    }

    private static SimulationResult Keeps(RunChoice choice, ulong seed)
    {
        var result = Simulation.Run(choice.Options(seed));
        Assert.True(result.Failure is null, $"{result.Failure}\nreplay: {choice.Replay(seed)}");
        return result;
    }
}
