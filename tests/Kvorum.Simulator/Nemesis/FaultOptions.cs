using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Nemesis;

/// <summary>What goes wrong in a run, and how often.</summary>
internal sealed record FaultOptions
{
    /// <summary>
    /// Mean seconds between two faults of a kind, while there are faults; what is not named never fires.
    /// </summary>
    public IReadOnlyDictionary<FaultKind, double> MeanSeconds { get; init; } = Usual;

    /// <summary>Least length of a time of faults, in seconds.</summary>
    public int RoundMinSeconds { get; init; } = 8;

    /// <summary>Greatest length of a time of faults, in seconds.</summary>
    public int RoundMaxSeconds { get; init; } = 25;

    /// <summary>Bits flip in manifests alone, also where only the first founder has a vote.</summary>
    public bool AimsAtManifests { get; init; }

    /// <summary>
    /// Every kind that runs of whole clusters make: those of single frames included, <see cref="OfMembers"/>
    /// not.
    /// </summary>
    public static IReadOnlyList<FaultKind> Claimed { get; } =
        [.. Enum.GetValues<FaultKind>().Where(static kind => kind < FaultKind.MembershipChange)];

    /// <summary>Those that need spare machines.</summary>
    public static IReadOnlyList<FaultKind> OfMembers { get; } =
        [FaultKind.NodeJoins, FaultKind.NodeLeaves, FaultKind.NodeLost];

    /// <summary>Those that only some runs of a swarm make.</summary>
    public static IReadOnlyList<FaultKind> OfSwarms { get; } = [.. OfMembers, FaultKind.NodeUpgraded];

    /// <summary>Those that only runs with quorum keyspaces make.</summary>
    public static IReadOnlyList<FaultKind> OfQuorums { get; } =
        [FaultKind.SplitInChange, FaultKind.CoordinatorLags, FaultKind.YoungNodeKilled];

    /// <summary>Those that may cost a node for good: they spoil the rest of a run, and come late.</summary>
    public static bool IsDamage(FaultKind kind) => kind
        is FaultKind.BitFlip or FaultKind.WipedDisk or FaultKind.BadSector
        or FaultKind.OldFolder or FaultKind.ZeroedLogEnd or FaultKind.NodeLost or FaultKind.MajorityLost;

    /// <summary>Everything, each now and then.</summary>
    public static SortedDictionary<FaultKind, double> Usual { get; } = new()
    {
        [FaultKind.ProcessCrash] = 20,
        [FaultKind.PowerLoss] = 25,
        [FaultKind.CrashInDiskWork] = 20,
        [FaultKind.PowerLossOfAll] = 62,
        [FaultKind.YoungLeaderKilled] = 30,
        [FaultKind.Pause] = 25,
        [FaultKind.ClockDrift] = 25,
        [FaultKind.ClockJump] = 30,
        [FaultKind.ReadError] = 50,
        [FaultKind.WriteError] = 50,
        [FaultKind.SyncError] = 38,
        [FaultKind.DiskFull] = 62,
        [FaultKind.SlowDisk] = 38,
        [FaultKind.BitFlip] = 80,
        [FaultKind.WipedDisk] = 100,
        [FaultKind.FrameLost] = 30,
        [FaultKind.FrameDuplicated] = 30,
        [FaultKind.FrameReordered] = 30,
        [FaultKind.OneWayCut] = 20,
        [FaultKind.LeaderCut] = 25,
        [FaultKind.Split] = 20,
        [FaultKind.ConnectionReset] = 12,
        [FaultKind.SlowLink] = 25,
        [FaultKind.YoungInstallKilled] = 20,
        [FaultKind.BadSector] = 60,
        [FaultKind.NoDescriptors] = 45,
        [FaultKind.OldFolder] = 60,
        [FaultKind.ZeroedLogEnd] = 60,
        [FaultKind.ForeignFolder] = 60,
    };
}
