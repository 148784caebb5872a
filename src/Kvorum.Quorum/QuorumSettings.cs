namespace Kvorum.Quorum;

/// <summary>
/// How a keyspace is replicated without leaders (Gifford, "Weighted Voting for Replicated Data", 1979;
/// DeCandia et al., "Dynamo", 2007, section 4.5). What these numbers promise is <see cref="QuorumPromise"/>.
/// </summary>
public sealed record QuorumSettings
{
    /// <summary>
    /// N: the nodes that keep each record. 1 to <see cref="ReplicaMask.NodesMax"/>, usually 3.
    /// </summary>
    public required int Replicas { get; init; }

    /// <summary>W: the replicas on whose disks a write is before it is acknowledged. 1 to N.</summary>
    public required int WriteQuorum { get; init; }

    /// <summary>R: the replicas that must have answered a read. 1 to N.</summary>
    public required int ReadQuorum { get; init; }

    /// <summary>
    /// True if other nodes count toward W with a hint for a replica that is down (Dynamo's sloppy quorum,
    /// section 4.6). Both sides of a network split stay writable, and reads may miss acknowledged writes.
    /// </summary>
    public bool IsSloppy { get; init; }

    /// <summary>True if clients may give the time of a write themselves.</summary>
    public bool AllowsClientTime { get; init; }

    /// <summary>The usual settings for a number of replicas: a majority writes, a majority answers.</summary>
    public static QuorumSettings Majority(int replicas) => new()
    {
        Replicas = replicas,
        WriteQuorum = (replicas / 2) + 1,
        ReadQuorum = (replicas / 2) + 1,
    };

    /// <summary>
    /// What is wrong with the settings, as a sentence that names the remedy; null if nothing is.
    /// </summary>
    public string? Fault()
    {
        if (Replicas is < 1 or > ReplicaMask.NodesMax)
            return $"The number of replicas is {Replicas}: use 1 to {ReplicaMask.NodesMax}, usually 3.";
        return FaultOf("write", WriteQuorum, Replicas) ?? FaultOf("read", ReadQuorum, Replicas);
    }

    /// <summary>Throws if there is a <see cref="Fault"/>.</summary>
    /// <exception cref="ArgumentException">The settings cannot work together; the text says why.</exception>
    public void Validate()
    {
        if (Fault() is { } fault) throw new ArgumentException(fault);
    }

    /// <summary>
    /// The settings for one request that asks for quorums of its own; null leaves the keyspace's. False with
    /// a sentence for the client if a quorum is not 1 to N: nothing may be done for the request then.
    /// </summary>
    public bool TryOverride(int? write, int? read, out QuorumSettings settings, out string fault)
    {
        settings = this;
        if (write is not null || read is not null)
        {
            settings = this with
            {
                WriteQuorum = write ?? WriteQuorum,
                ReadQuorum = read ?? ReadQuorum,
            };
        }

        fault = settings.Fault() ?? "";
        return fault.Length == 0;
    }

    private static string? FaultOf(string kind, int quorum, int replicas) =>
        quorum >= 1 && quorum <= replicas
            ? null
            : $"The {kind} quorum is {quorum}, and there are {replicas} replicas: use 1 to {replicas}.";
}
