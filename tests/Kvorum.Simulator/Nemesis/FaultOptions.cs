using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Nemesis;

/// <summary>What goes wrong in a run, and how often.</summary>
internal sealed record FaultOptions
{
    /// <summary>Mean seconds between two faults of a kind, while there are faults; what is not named never fires.</summary>
    public IReadOnlyDictionary<FaultKind, double> MeanSeconds { get; init; } = Usual;

    /// <summary>Least length of a time of faults, in seconds.</summary>
    public int RoundMinSeconds { get; init; } = 8;

    /// <summary>Greatest length of a time of faults, in seconds.</summary>
    public int RoundMaxSeconds { get; init; } = 25;

    /// <summary>Everything, each now and then.</summary>
    public static IReadOnlyDictionary<FaultKind, double> Usual { get; } = new SortedDictionary<FaultKind, double>
    {
        [FaultKind.ProcessCrash] = 8,
        [FaultKind.PowerLoss] = 10,
        [FaultKind.CrashInDiskWork] = 8,
        [FaultKind.PowerLossOfAll] = 25,
        [FaultKind.Pause] = 10,
        [FaultKind.ClockDrift] = 10,
        [FaultKind.ClockJump] = 12,
        [FaultKind.ReadError] = 20,
        [FaultKind.WriteError] = 20,
        [FaultKind.SyncError] = 15,
        [FaultKind.DiskFull] = 25,
        [FaultKind.SlowDisk] = 15,
        [FaultKind.BitFlip] = 120,
        [FaultKind.FrameLost] = 12,
        [FaultKind.FrameDuplicated] = 12,
        [FaultKind.FrameReordered] = 12,
        [FaultKind.OneWayCut] = 8,
        [FaultKind.Split] = 8,
        [FaultKind.ConnectionReset] = 5,
        [FaultKind.SlowLink] = 10,
    };
}
