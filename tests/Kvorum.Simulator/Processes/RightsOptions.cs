namespace Kvorum.Simulator.Processes;

/// <summary>Rights are enforced while the run lasts.</summary>
internal sealed record RightsOptions
{
    /// <summary>The user who changes others.</summary>
    public const string Operator = "operator";

    /// <summary>The user that the clients of all workloads are: may read and write everything.</summary>
    public const string Worker = "worker";

    /// <summary>Users whose rights change all the time.</summary>
    public int Users { get; init; } = 3;

    /// <summary>
    /// For how long a node believes what it knows while it does not hear the metadata group.
    /// </summary>
    public int GraceMs { get; init; } = 1000;

    /// <summary>
    /// From so long after its acknowledgement on a change must be followed by every node, in microseconds.
    /// </summary>
    public required long BoundUs { get; init; }
}
