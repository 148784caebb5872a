using Kvorum.Raft;
using Kvorum.Simulator.Nemesis;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Groups;

/// <summary>Everything that decides a run of one group, together with the code.</summary>
internal sealed record GroupOptions
{
    /// <summary>Nodes that may be members: those that are not at first come and go.</summary>
    public const int Nodes = 7;

    /// <summary>The length of a tick of a clock that is right.</summary>
    public const int TickUs = 10_000;

    /// <summary>The seed of all randomness.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Simulated time after which no new round of faults begins, in seconds.</summary>
    public int Seconds { get; init; } = 10;

    /// <summary>Voters at first.</summary>
    public int Voters { get; init; } = 3;

    /// <summary>Nodes that changes of members name: the first so many.</summary>
    public int Changed { get; init; } = Nodes;

    /// <summary>The settings of every replica, its id apart.</summary>
    public RaftOptions Raft { get; init; } = new() { Id = default };

    /// <summary>
    /// How much slower than right a clock may be, as a share. Less than what leases stand
    /// (<see cref="RaftOptions.LeaseDriftPercent"/>).
    /// </summary>
    public double Drift { get; init; }

    /// <summary>The longest way of a message, in microseconds; the shortest takes 1 ms.</summary>
    public long DelayMaxUs { get; init; } = 5000;

    /// <summary>The share of messages that are lost.</summary>
    public double Lost { get; init; }

    /// <summary>The share of messages that come twice.</summary>
    public double Duplicated { get; init; }

    /// <summary>The mean time to make a Ready durable, in microseconds.</summary>
    public long SyncUs { get; init; } = 1000;

    /// <summary>The mean time between two requests, in microseconds.</summary>
    public long AskUs { get; init; } = 2500;

    /// <summary>
    /// The share of requests to members that believe they lead; the others go to any. Leaders, former ones
    /// that do not know it yet among them, have the most to get wrong.
    /// </summary>
    public double AskLeaders { get; init; } = 0.5;

    /// <summary>The share of reads among the requests.</summary>
    public double Reads { get; init; } = 0.25;

    /// <summary>The share of lease reads among the reads of leaders.</summary>
    public double LeaseReads { get; init; } = 0.5;

    /// <summary>Registers that are written and read.</summary>
    public int Registers { get; init; } = 2;

    /// <summary>What goes wrong or gets in the way, and how often.</summary>
    public FaultOptions Faults { get; init; } = new() { MeanSeconds = Usual };

    /// <summary>How much of the run is shown.</summary>
    public Verbosity Shown { get; init; }

    /// <summary>Where it is shown; null: nowhere.</summary>
    public TextWriter? Output { get; init; }

    /// <summary>Everything, each now and then.</summary>
    public static SortedDictionary<FaultKind, double> Usual { get; } = new()
    {
        [FaultKind.PowerLoss] = 0.5,
        [FaultKind.Pause] = 0.6,
        [FaultKind.OneWayCut] = 0.4,
        [FaultKind.LeaderCut] = 0.6,
        [FaultKind.Split] = 0.6,
        [FaultKind.MembershipChange] = 0.06,
        [FaultKind.LeadershipTransfer] = 0.3,
        [FaultKind.ForcedCampaign] = 0.4,
        [FaultKind.Compaction] = 0.1,
        [FaultKind.LinkBlip] = 0.3,
    };

    /// <summary>Every kind that runs of one group make: those of single messages included.</summary>
    public static IReadOnlyList<FaultKind> Claimed { get; } =
    [
        .. Usual.Keys, FaultKind.ClockDrift, FaultKind.FrameLost, FaultKind.FrameDuplicated,
        FaultKind.FrameReordered, FaultKind.SnapshotInstalled,
    ];
}
