using Kvorum.Raft;
using Kvorum.Simulator.Nemesis;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Groups;

/// <summary>
/// Draws the configuration of a group's run from its seed, and leaves some kinds of faults out of each, as
/// <see cref="Swarm"/> does for clusters.
/// </summary>
internal static class GroupSwarm
{
    /// <summary>The options of a run.</summary>
    public static GroupOptions Draw(ulong seed)
    {
        var random = new RandomStream(seed, "group");
        var drawn = new GroupOptions
        {
            Seed = seed,
            Voters = (int)random.Between(1, 5),
            Raft = Raft(random),
            Drift = random.Chance(0.7) ? random.Fraction() * 0.08 : 0,
            DelayMaxUs = random.Chance(0.5) ? 5000 : random.Between(10_000, 120_000),
            Lost = random.Chance(0.25) ? 0 : random.Fraction() * 0.25,
            Duplicated = random.Fraction() * 0.15,
            SyncUs = random.Between(0, 5000),
            AskUs = random.Between(1000, 5000),
            LeaseReads = random.Chance(0.67) ? 0.7 : 0,
            Registers = (int)random.Between(1, 3),
            Faults = Faults(random),
        };
        if (new RandomStream(seed, "aim").Chance(0.1))
            return AimAtSoleVoters(drawn, random);
        return random.Chance(0.2) ? AimAtLeases(drawn, random) : drawn;
    }

    // Two nodes of which one or both vote, and that changes all the time: an election may need one vote only,
    // or two. Leaders that are read by lease are deaf for a while, and both nodes are told to campaign
    // without end.
    private static GroupOptions AimAtSoleVoters(GroupOptions drawn, RandomStream random)
    {
        var heartbeat = (int)random.Between(1, 3);
        var least = heartbeat * (int)random.Between(5, 9);
        return drawn with
        {
            Voters = 2,
            Changed = 2,
            Raft = drawn.Raft with
            {
                HeartbeatTicks = heartbeat,
                ElectionTimeoutMinTicks = least,
                ElectionTimeoutMaxTicks = least * 2,
                CheckQuorum = true,
                UncommittedBytesMax = 1 << 20,
            },
            DelayMaxUs = 20_000,
            Lost = 0.02,
            SyncUs = random.Between(0, 2000),
            AskUs = 1000,
            AskLeaders = 0.9,
            Reads = 0.7,
            LeaseReads = 1,
            Faults = drawn.Faults with
            {
                MeanSeconds = new SortedDictionary<FaultKind, double>
                {
                    [FaultKind.LeaderCut] = 0.15,
                    [FaultKind.MembershipChange] = 0.05,
                    [FaultKind.ForcedCampaign] = 0.005,
                },
            },
        };
    }

    // A lease is wrong only for moments: between another's first commitment and the next word to the old
    // leader. So: quick links and rare heartbeats, leaders that hear or reach not all, and leaders that are
    // asked by lease without end. Either leadership is handed over all the time; or it is not, and hardly
    // anything is written, since every write is a word to the others.
    private static GroupOptions AimAtLeases(GroupOptions drawn, RandomStream random)
    {
        var heartbeat = (int)random.Between(2, 4);
        var least = heartbeat * (int)random.Between(3, 5);
        var isQuiet = random.Chance(0.5);
        var means = new SortedDictionary<FaultKind, double>
        {
            [FaultKind.LeaderCut] = 0.15,
            [FaultKind.Pause] = 2,
        };
        if (!isQuiet)
            means.Add(FaultKind.LeadershipTransfer, 0.1);
        return drawn with
        {
            Voters = random.Pick([3, 3, 5]),
            Raft = drawn.Raft with
            {
                HeartbeatTicks = heartbeat,
                ElectionTimeoutMinTicks = least,
                ElectionTimeoutMaxTicks = least * 3 / 2,
                CheckQuorum = true,
                UncommittedBytesMax = 1 << 20,
            },
            DelayMaxUs = 3000,
            Lost = 0,
            SyncUs = random.Between(0, 1000),
            AskUs = 1000,
            AskLeaders = isQuiet ? 1 : 0.9,
            Reads = isQuiet ? 0.97 : 0.7,
            LeaseReads = 1,
            Faults = drawn.Faults with { MeanSeconds = means },
        };
    }

    private static RaftOptions Raft(RandomStream random)
    {
        var heartbeat = (int)random.Between(1, 3);
        var least = heartbeat * (int)random.Between(4, 9);
        return new()
        {
            Id = default,
            HeartbeatTicks = heartbeat,
            ElectionTimeoutMinTicks = least,
            ElectionTimeoutMaxTicks = least * 2,
            PreVote = random.Chance(0.75),
            CheckQuorum = random.Chance(0.75),
            Quiescence = random.Chance(0.5),
            AppendBytesMax = random.Pick([8, 1 << 20]),
            InflightMessagesMax = random.Chance(0.5) ? (int)random.Between(1, 3) : 256,
            CommittedBytesMax = random.Pick([8, 1 << 20]),
            UncommittedBytesMax = random.Pick([40, 1 << 20]),
        };
    }

    private static FaultOptions Faults(RandomStream random)
    {
        var rarity = Math.Pow(3, (random.Fraction() * 2) - 1);
        var present = 0.4 + (random.Fraction() * 0.6);
        var means = new SortedDictionary<FaultKind, double>();
        foreach (var (kind, mean) in GroupOptions.Usual)
        {
            if (random.Chance(present))
                means.Add(kind, mean * rarity);
        }

        return new() { MeanSeconds = means, RoundMinSeconds = 2, RoundMaxSeconds = 4 };
    }
}
