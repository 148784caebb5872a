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
    public bool TryOverride(
        QuorumLevel? write, QuorumLevel? read, out QuorumSettings settings, out string fault)
    {
        settings = this;
        if (write is not null || read is not null)
        {
            settings = this with
            {
                WriteQuorum = write?.Of(Replicas) ?? WriteQuorum,
                ReadQuorum = read?.Of(Replicas) ?? ReadQuorum,
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

/// <summary>
/// A quorum that a request asks for: a number, or ONE, QUORUM or ALL, which depend on the number of replicas.
/// </summary>
public readonly record struct QuorumLevel
{
    private readonly int _count;

    private QuorumLevel(int count) => _count = count;

    /// <summary>One replica.</summary>
    public static QuorumLevel One => new(1);

    /// <summary>More than half of the replicas.</summary>
    public static QuorumLevel Quorum => new(-1);

    /// <summary>All replicas.</summary>
    public static QuorumLevel All => new(-2);

    /// <summary>A number of replicas; <see cref="QuorumSettings.TryOverride"/> checks it.</summary>
    public static QuorumLevel Count(int replicas) => new(Math.Max(0, replicas));

    /// <summary>How many replicas that is of <paramref name="replicas"/>.</summary>
    public int Of(int replicas) => _count switch
    {
        -1 => (replicas / 2) + 1,
        -2 => replicas,
        _ => _count,
    };

    /// <summary>Reads <c>one</c>, <c>quorum</c>, <c>all</c> in any case, or a number; else null.</summary>
    public static QuorumLevel? ParseOrNull(ReadOnlySpan<char> text)
    {
        if (text.Equals("one", StringComparison.OrdinalIgnoreCase)) return One;
        if (text.Equals("quorum", StringComparison.OrdinalIgnoreCase)) return Quorum;
        if (text.Equals("all", StringComparison.OrdinalIgnoreCase)) return All;
        return int.TryParse(text, System.Globalization.NumberStyles.None,
            System.Globalization.CultureInfo.InvariantCulture, out var count)
            ? Count(count)
            : null;
    }
}
