namespace Kvorum.Server.Machine;

/// <summary>
/// What each part of a node may take of the memory that its process may have: a pure function of the limit.
/// With 2 GiB and more the parts have what serves best; below that each has a share, so that all of them
/// together, at their bounds, fit.
/// </summary>
public sealed record MemoryPlan
{
    private const long MiB = 1 << 20;

    /// <summary>
    /// What a node takes before it stores anything: the runtime, the program's code, stacks, sockets.
    /// </summary>
    public const long BaseBytes = 96 * MiB;

    /// <summary>The least memory that a node can work with.</summary>
    public const long LeastBytes = 224 * MiB;

    // From here on nothing is scarce.
    private const long AmpleBytes = 2048 * MiB;

    /// <summary>What the process may have.</summary>
    public required long LimitBytes { get; init; }

    /// <summary>
    /// Bound of the managed heap; 0 to leave it to the runtime. Entries of the log since the last checkpoints
    /// are in it, about as many bytes as memtables hold, and what is on its way.
    /// </summary>
    public required long HeapBytes { get; init; }

    /// <summary>Native memory of all memtables; a follower may go to twice of it.</summary>
    public required long MemTableBytes { get; init; }

    /// <summary>Native memory of blocks of tables.</summary>
    public required long BlockCacheBytes { get; init; }

    /// <summary>Bytes of the log that are appended and not yet durable.</summary>
    public required long LogQueueBytes { get; init; }

    /// <summary>Bytes of one write to the log.</summary>
    public required int LogWriteBytes { get; init; }

    /// <summary>
    /// Bytes of entries that a partition keeps below its checkpoint, for followers that lag.
    /// </summary>
    public required long TrailingLogBytes { get; init; }

    /// <summary>
    /// Bytes of entries that a partition keeps for followers that are being sent a checkpoint.
    /// </summary>
    public required long WantedLogBytes { get; init; }

    /// <summary>Bytes that wait for one peer.</summary>
    public required int PeerQueueBytes { get; init; }

    /// <summary>Bytes of clients' requests and replies under way.</summary>
    public required long ClientBytes { get; init; }

    /// <summary>The greatest --memtable-bytes that fit.</summary>
    public long MemTableBytesMax => Math.Max(MemTableBytes, (LimitBytes - BaseBytes) / 4);

    /// <summary>The plan for a limit; below <see cref="LeastBytes"/> it does not work.</summary>
    /// <param name="limit">Bytes that the process may have.</param>
    /// <param name="partitions">Partitions of the node, at most.</param>
    public static MemoryPlan Of(long limit, int partitions)
    {
        var spare = Math.Max(limit - BaseBytes, 16 * MiB);
        var isAmple = limit >= AmpleBytes;
        return new()
        {
            LimitBytes = limit,
            HeapBytes = isAmple ? 0 : spare * 55 / 100,
            MemTableBytes = isAmple
                ? Math.Clamp(limit / 16, 64 * MiB, 1024 * MiB) : Math.Clamp(spare / 12, 8 * MiB, 64 * MiB),
            BlockCacheBytes = isAmple ? 64 * MiB : Math.Clamp(spare / 12, 8 * MiB, 64 * MiB),
            LogQueueBytes = isAmple ? 256 * MiB : Math.Clamp(spare / 12, 8 * MiB, 256 * MiB),
            LogWriteBytes = (int)(isAmple ? 8 * MiB : Math.Clamp(spare / 96, MiB, 8 * MiB)),
            TrailingLogBytes = isAmple ? MiB : Math.Clamp(spare / 32 / (partitions + 1), 0, MiB),
            WantedLogBytes = isAmple ? 32 * MiB : Math.Clamp(spare / 64, MiB, 32 * MiB),
            PeerQueueBytes = (int)(isAmple ? 64 * MiB : Math.Clamp(spare / 16, 8 * MiB, 64 * MiB)),
            ClientBytes = isAmple
                ? Math.Clamp(limit / 16, 64 * MiB, 192 * MiB) : Math.Clamp(spare / 8, 12 * MiB, 128 * MiB),
        };
    }
}
