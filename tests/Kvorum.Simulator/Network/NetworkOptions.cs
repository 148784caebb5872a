namespace Kvorum.Simulator.Network;

/// <summary>How the network behaves when nothing is wrong with it, and the times of the transport.</summary>
internal sealed record NetworkOptions
{
    /// <summary>Least time a frame is on its way, in microseconds.</summary>
    public long LatencyUs { get; init; } = 200;

    /// <summary>Up to so much more, drawn for each frame, in microseconds.</summary>
    public long JitterUs { get; init; } = 300;

    /// <summary>Bytes of one link in a second.</summary>
    public long BytesPerSecond { get; init; } = 100_000_000;

    /// <summary>
    /// Bytes that may wait for one peer; beyond it frames are refused, though never the only one.
    /// </summary>
    public int QueueBytesMax { get; init; } = 8 << 20;

    /// <summary>How often a connection is looked at, in microseconds.</summary>
    public long PingUs { get; init; } = 500_000;

    /// <summary>A peer from which nothing can come for so long is lost, in microseconds.</summary>
    public long SilenceUs { get; init; } = 3_000_000;

    /// <summary>How long an attempt to connect waits for an answer, in microseconds.</summary>
    public long ConnectUs { get; init; } = 2_000_000;

    /// <summary>
    /// The longest time from the end of a killed process to the reset of a connection of it, in microseconds,
    /// drawn for each connection: the machine frees the memory of the process first. 0: at once.
    /// </summary>
    public long ClosingUs { get; init; }

    /// <summary>First pause between two attempts, doubled each time, in microseconds.</summary>
    public long BackoffUs { get; init; } = 50_000;

    /// <summary>Longest pause between two attempts, in microseconds.</summary>
    public long BackoffMaxUs { get; init; } = 2_000_000;
}
