namespace Kvorum.Server.Machine;

/// <summary>
/// What the file descriptors of the process suffice for: first for the node's own files and sockets, with a
/// reserve for those that come later; what is left is for connections of clients. Pure.
/// </summary>
internal readonly record struct DescriptorPlan
{
    // Files that come with more data, and those of flushes and compactions under way.
    private const long ReserveMin = 128;
    private const long ReserveMax = 4096;

    // Connections to the port for nodes before the peer's hello: IncomingPeers has the bound.
    private const long PeerStrangersMax = 64;

    // Listeners, polls, segments of the log, and what jobs have open for a moment.
    private const long OthersMax = 64;

    // With fewer a node is of no use.
    private const long ConnectionsMin = 64;

    /// <summary>The process's hard limit; the runtime raises the soft one to it.</summary>
    public required long Limit { get; init; }

    /// <summary>The least limit that works.</summary>
    public required long Least { get; init; }

    /// <summary>
    /// A connection whose descriptor is not below this is closed: the kernel gives the lowest free one, so
    /// all below are taken, and what is from here on is the node's.
    /// </summary>
    public required long ConnectionsBelow { get; init; }

    /// <summary>True if a node works with that.</summary>
    public bool Suffices => Limit >= Least;

    /// <summary>The plan.</summary>
    /// <param name="limit">The hard limit.</param>
    /// <param name="open">Descriptors that are open before the node is there.</param>
    /// <param name="tables">Tables in the data folder: each is open all the time.</param>
    /// <param name="partitions">Partitions: the manifest of each is open.</param>
    /// <param name="members">Nodes of the cluster: two connections with each other one.</param>
    public static DescriptorPlan Of(long limit, int open, int tables, int partitions, int members)
    {
        var own = open + tables + partitions + (2L * members) + PeerStrangersMax + OthersMax;
        return new()
        {
            Limit = limit,
            Least = own + ReserveMin + ConnectionsMin,
            ConnectionsBelow = Math.Max(
                limit - Math.Clamp(limit / 4, ReserveMin, ReserveMax),
                Math.Min(own + ConnectionsMin, limit - ReserveMin)),
        };
    }
}
