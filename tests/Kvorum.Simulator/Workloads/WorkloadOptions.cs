namespace Kvorum.Simulator.Workloads;

/// <summary>What clients do in a run.</summary>
internal sealed record WorkloadOptions
{
    /// <summary>Clients; each has one request under way.</summary>
    public int Clients { get; init; } = 6;

    /// <summary>Clients beyond them of each quorum keyspace.</summary>
    public int QuorumClients { get; init; } = 3;

    /// <summary>Mean pause of a client between two requests, in microseconds.</summary>
    public long PauseUs { get; init; } = 50_000;

    /// <summary>Keys that are read, written, compared and deleted.</summary>
    public int Registers { get; init; } = 6;

    /// <summary>Keys that are counted up.</summary>
    public int Counters { get; init; } = 2;

    /// <summary>True if every second client only reads, by lease where there are leases.</summary>
    public bool HasReaders { get; init; }

    /// <summary>Share of the puts of registers that give a time to live.</summary>
    public double MortalShare { get; init; } = 0.1;

    /// <summary>Longest time to live, in milliseconds.</summary>
    public int TtlMsMax { get; init; } = 5000;

    /// <summary>Longest value, in bytes.</summary>
    public int ValueBytesMax { get; init; } = 200;

    /// <summary>How long a client waits for one answer, in microseconds.</summary>
    public long TimeoutUs { get; init; } = 2_000_000;

    /// <summary>How long it tries one request again and again, in microseconds.</summary>
    public long PatienceUs { get; init; } = 20_000_000;

    /// <summary>How often a request or an answer is lost, as a probability, while there are faults.</summary>
    public double Lost { get; init; } = 0.02;
}
