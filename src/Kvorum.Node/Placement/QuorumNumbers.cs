using Kvorum.Protocol;
using Kvorum.Quorum;

namespace Kvorum.Node.Placement;

/// <summary>How many replicas of a quorum keyspace answer for all.</summary>
/// <param name="Write">Those that must have a write on disk; 0: a majority.</param>
/// <param name="Read">Those that must have answered a read; 0: a majority.</param>
/// <param name="IsSloppy">True if hints of other nodes count, too.</param>
internal sealed record QuorumNumbers(int Write, int Read, bool IsSloppy)
{
    /// <summary>True if clients may give a write its time.</summary>
    public bool AllowsClientTime { get; init; }

    /// <summary>Replicas of so many that must have a write on disk.</summary>
    public int WriteOf(int replicas) => Write > 0 ? Write : (replicas / 2) + 1;

    /// <summary>Replicas of so many that must have answered a read.</summary>
    public int ReadOf(int replicas) => Read > 0 ? Read : (replicas / 2) + 1;

    /// <summary>
    /// Replicas of so many that must be up for reads and writes. In a sloppy keyspace others take writes.
    /// </summary>
    public int NeededOf(int replicas) =>
        IsSloppy ? ReadOf(replicas) : Math.Max(WriteOf(replicas), ReadOf(replicas));

    /// <summary>The settings of so many replicas. They are valid only if there are as many as are asked for.
    /// </summary>
    public QuorumSettings Of(int replicas) => new()
    {
        Replicas = replicas,
        WriteQuorum = WriteOf(replicas),
        ReadQuorum = ReadOf(replicas),
        IsSloppy = IsSloppy,
        AllowsClientTime = AllowsClientTime,
    };

    /// <summary>
    /// The settings that a request is served by: the keyspace's, or what it asks for itself. They are valid
    /// only if there are so many replicas.
    /// </summary>
    public QuorumSettings For(Request request, int replicas)
    {
        var own = Of(replicas);
        return request switch
        {
            ReadRequest { Consistency: ReadConsistency.Stale } => own with { ReadQuorum = 1 },
            { Quorum: null } => own,
            { IsWrite: true, Quorum: { } write } => own with { WriteQuorum = write.Of(replicas) },
            { Quorum: { } read } => own with { ReadQuorum = read.Of(replicas) },
        };
    }
}
