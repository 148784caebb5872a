namespace Kvorum.Simulator.Processes;

/// <summary>How long a disk takes for one job: mostly short, sometimes long.</summary>
internal sealed record DiskSpeed
{
    /// <summary>Least time of a job, in microseconds.</summary>
    public long JobUs { get; init; } = 200;

    /// <summary>Mean of what comes on top, in microseconds.</summary>
    public long ExtraUs { get; init; } = 800;
}
