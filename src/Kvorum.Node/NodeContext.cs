using Kvorum.Node.Budgets;
using Kvorum.Node.Clocks;
using Kvorum.Node.Events;
using Kvorum.Node.Groups;
using Kvorum.Node.Leaderless;
using Kvorum.Node.Leaderless.Deletes;
using Kvorum.Node.Membership;
using Kvorum.Storage.Encryption;
using Kvorum.Storage.Log;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node;

/// <summary>What all loops of a node share. Safe on any thread.</summary>
internal sealed class NodeContext(NodeOptions options, NodeWorld world, ClusterView cluster)
{
    private int _isFaulted;
    private long _hintsKept;
    private ulong _lastTransfer = FirstNumberOf(world);

    public NodeOptions Options => options;

    public NodeWorld World => world;

    public ClusterView Cluster => cluster;

    /// <summary>What the trees of all groups share.</summary>
    public TreeShare Trees { get; } = new(world.Files, options.BlockCacheBytes);

    /// <summary>The trees that are open.</summary>
    public OpenTrees Open { get; } = new();

    /// <summary>What is left of replicas that were deleted.</summary>
    public FormerReplicas Former { get; } = new();

    /// <summary>What the memtables of all groups may hold.</summary>
    public MemoryBudget Memory { get; } = new(options.MemTableBytes);

    /// <summary>How fast checkpoints leave for other nodes.</summary>
    public RateLimiter SnapshotPace { get; } =
        new(options.SnapshotBytesPerSecond, Math.Max(Limits.PaceBurstMs, 2 * options.TickMs));

    /// <summary>How much of that is used. Judged by loop 0.</summary>
    public MovePace MovePace { get; } = new(options.SnapshotBytesPerSecond);

    /// <summary>How long writes took, from the request to the answer. Any thread.</summary>
    public WaitGauge WriteWaits { get; } = new();

    /// <summary>How fast tables of another key are written anew: whole tables, so without a burst.</summary>
    public RateLimiter RewritePace { get; } = new(options.RewriteBytesPerSecond, burstMs: 0);

    /// <summary>How fast tables are checked.</summary>
    public RateLimiter ScrubPace { get; } = new(options.ScrubBytesPerSecond, burstMs: 0);

    /// <summary>How much room is left. Judged by loop 0.</summary>
    public DiskGauge Disk { get; } = new(options.SegmentBytes);

    /// <summary>The members' wall clocks. Judged by loop 0.</summary>
    public PeerClocks Clocks { get; } =
        new(() => cluster.Ids.Count, options.ClockOffsetMaxMs, cluster.Members.NameOf);

    /// <summary>Which connected peers are silent. Judged by loop 0.</summary>
    public FailureDetector Detector { get; } = new(
        options.SuspectMinMs, options.SuspectMaxMs, Math.Max(Limits.OwnStepMs, 2 * options.TickMs));

    /// <summary>Set once, when recovery is done and before any loop runs.</summary>
    public SharedLog Log { get; set; } = null!;

    /// <summary>
    /// Gives writes of quorum keyspaces their versions. Set once, when recovery is done and before any loop
    /// runs.
    /// </summary>
    public VersionClock Versions { get; set; } = null!;

    /// <summary>
    /// The time by which quorum keyspaces go. Set once, when recovery is done and before any loop runs.
    /// Judged by loop 0.
    /// </summary>
    public RecordClock RecordClock { get; set; } = null!;

    /// <summary>Hints that this node keeps for others. Written by the loop of the hints.</summary>
    public long HintsKept
    {
        get => Volatile.Read(ref _hintsKept);
        set => Volatile.Write(ref _hintsKept, value);
    }

    /// <summary>Below what nothing comes any more from coordinators and hints, by member.</summary>
    public WatermarkTable Watermarks { get; } = new(options.Loops);

    /// <summary>
    /// How far the logs of the others are. Set once, when recovery is done and before any loop runs.
    /// </summary>
    public PeerLogs PeerLogs { get; set; } = null!;

    /// <summary>Set once, before any loop runs. Owned by loop 0.</summary>
    public PeerAdmission PeerAdmission { get; set; } = null!;

    public bool IsFaulted => Volatile.Read(ref _isFaulted) != 0;

    public long MonotonicMs => (long)world.Time.GetElapsedTime(0).TotalMilliseconds;

    /// <summary>This node's wall clock, in Unix milliseconds.</summary>
    public long WallMs => Math.Max(0, world.Time.GetUtcNow().ToUnixTimeMilliseconds());

    /// <summary>
    /// The wall clock by which quorum keyspaces go, in Unix milliseconds: that of the majority of the
    /// members, so that a wrong clock of this node gives no version and ends no life. Null until a majority
    /// has agreed since the start.
    /// </summary>
    public long? RecordWallMs => RecordClock.At(MonotonicMs);

    /// <summary>
    /// The time by which records of quorum keyspaces have ended, in Unix milliseconds. Before the majority's
    /// clocks are known the versions tell what it is at least: an own clock that is wrong ends nothing.
    /// </summary>
    public long RecordTimeMs => Versions.NowMs(RecordWallMs ?? 0);

    /// <summary>
    /// Where this life of the node begins to number what it asks of peers: somewhere else than its last one,
    /// whose answers may still come.
    /// </summary>
    public ulong FirstNumber { get; } = FirstNumberOf(world);

    /// <summary>
    /// How old what this node knows of the metadata group may be, in milliseconds; before it has heard of
    /// that group since its start the greatest number.
    /// </summary>
    public long MetadataSilenceMs => cluster.MetadataAge.At(MonotonicMs);

    public ulong NextTransfer() => Interlocked.Increment(ref _lastTransfer);

    /// <summary>Adds how far tables are encrypted as they should be; null without keys.</summary>
    /// <param name="before">The same of other tables; null: the log's segments alone.</param>
    /// <param name="trees">Their trees.</param>
    public EncryptionStatus? AddEncryption(EncryptionStatus? before, IEnumerable<Tree> trees)
    {
        if (world.Files.Keys is not { } keys)
            return null;
        var counts = trees.Select(static tree => tree.TableCounts).ToArray();
        var (segments, stale) = Log.SegmentCounts;
        return new()
        {
            State = keys.Current == 0 ? "off" : "on",
            DataKey = keys.Current == 0 ? "" : KeyException.NameOf(keys.Current),
            Tables = (before?.Tables ?? 0) + counts.Sum(static one => one.All),
            TablesWaiting = (before?.TablesWaiting ?? 0) + counts.Sum(static one => one.Stale),
            BytesWaiting = (before?.BytesWaiting ?? 0) + counts.Sum(static one => one.StaleBytes),
            Segments = segments,
            SegmentsWaiting = stale,
        };
    }

    /// <summary>Nothing is acknowledged any more; the host is told to end the process.</summary>
    public void Fault(Exception cause)
    {
        if (Interlocked.Exchange(ref _isFaulted, 1) == 0)
            world.Events.Tell(new NodeFailed(cause.Message, cause));
    }

    // 48 bits: far from any other life, and with room to count.
    private static ulong FirstNumberOf(NodeWorld world) =>
        (ulong)new Random(world.RandomSeed).NextInt64(1L << 48);
}
