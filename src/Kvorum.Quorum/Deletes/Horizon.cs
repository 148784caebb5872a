namespace Kvorum.Quorum.Deletes;

/// <summary>What keeps a node's low watermark where it is.</summary>
public enum WatermarkReason : byte
{
    /// <summary>Nothing but the last time that it was worked out.</summary>
    Clock,

    /// <summary>A write that this node coordinates is not answered by all.</summary>
    WriteUnderWay,

    /// <summary>A hint that this node keeps is not handed over.</summary>
    Hint,

    /// <summary>The node's replica has not been compared with all others since.</summary>
    Replica,

    /// <summary>The node has told nothing: it is down, or cut off.</summary>
    Silent,
}

/// <summary>
/// What one node tells about one partition: nothing older than this will come from it, and its replica, if it
/// has one, lacks nothing older.
/// </summary>
/// <param name="Node">The node.</param>
/// <param name="Below">The low watermark; this and later may still come or lack.</param>
/// <param name="Reason">What holds it there.</param>
public readonly record struct LowWatermark(PeerId Node, HybridTimestamp Below, WatermarkReason Reason)
{
    /// <summary>
    /// The watermark of a node from its parts: the least of them. Null means that the node has none of these.
    /// </summary>
    /// <param name="node">The node.</param>
    /// <param name="writes"><see cref="WritesUnderWay.Low"/> of the partition.</param>
    /// <param name="areWritesWaiting">
    /// True if a write holds it, and not only the time of the last turn.
    /// </param>
    /// <param name="oldestHint">The oldest hint for the partition.</param>
    /// <param name="replicaCompleteBelow">Below what the node's replica lacks nothing.</param>
    public static LowWatermark Of(
        PeerId node, HybridTimestamp writes, bool areWritesWaiting, HybridTimestamp? oldestHint,
        HybridTimestamp? replicaCompleteBelow)
    {
        var least = new LowWatermark(
            node, writes, areWritesWaiting ? WatermarkReason.WriteUnderWay : WatermarkReason.Clock);
        if (oldestHint < least.Below)
            least = least with { Below = oldestHint.Value, Reason = WatermarkReason.Hint };
        if (replicaCompleteBelow < least.Below)
            least = least with { Below = replicaCompleteBelow.Value, Reason = WatermarkReason.Replica };
        return least;
    }
}

/// <summary>What a replica has to do before it takes part.</summary>
public enum ReplicaFitness : byte
{
    /// <summary>It merges with the others.</summary>
    Fit,

    /// <summary>
    /// It may hold records whose tombstones the others have collected: it is emptied, then filled by them.
    /// Nothing of it is merged.
    /// </summary>
    RefillFromBlank,
}

/// <summary>
/// The horizon of a partition: below it no write will come any more and no replica lacks one, so tombstones
/// below it may be collected. It never goes back.
/// </summary>
/// <remarks>
/// <para>Why a time alone does not do (Cassandra's <c>gc_grace_seconds</c>): a replica that was away for
/// longer brings deleted records back. Here it cannot: a tombstone stays until every replica has it, or until
/// the metadata group has given a dead replica up; when that one returns, it is behind the horizon and is
/// refilled.
/// </para>
/// <para>A replica refuses writes that are older than its gate, late messages included, unless it has the
/// very version: <see cref="Admits"/>. The coordinator reports such a write as indeterminate.</para>
/// </remarks>
/// <param name="Value">Tombstones below it may be collected.</param>
/// <param name="HeldBy">What holds it back most: a node that may be the one to look at.</param>
public readonly record struct Horizon(HybridTimestamp Value, LowWatermark HeldBy)
{
    /// <summary>
    /// The horizon from the reports of all nodes that must be heard: all members that may coordinate a write
    /// or keep a hint, and all that have a replica. One that is missing holds it where it is.
    /// </summary>
    /// <param name="present">The horizon so far.</param>
    /// <param name="nodes">The nodes that must be heard.</param>
    /// <param name="reports">What they told, in any order; the newest of each node.</param>
    public static Horizon Decide(
        HybridTimestamp present, IReadOnlyList<PeerId> nodes, IReadOnlyList<LowWatermark> reports)
    {
        LowWatermark? least = null;
        foreach (var node in nodes)
        {
            var report = new LowWatermark(node, present, WatermarkReason.Silent);
            foreach (var told in reports)
            {
                if (told.Node == node) report = told;
            }

            if (least is null || report.Below < least.Value.Below) least = report;
        }

        if (least is not { } holder) return new Horizon(present, default);
        return new Horizon(holder.Below > present ? holder.Below : present, holder);
    }

    /// <summary>True if a replica may take a record of that version from elsewhere.</summary>
    /// <param name="bound">
    /// For writes and hints the replica's gate (<see cref="CompletenessRound"/>), for repairs its horizon. A
    /// replica that is being filled takes everything from those that fill it.
    /// </param>
    /// <param name="version">The version of the record.</param>
    public static bool Admits(HybridTimestamp bound, RecordVersion version) => version.Time >= bound;

    /// <summary>
    /// Judges a replica that returns or is opened: it is fit if it lacks nothing below the horizon. A new
    /// one, a wiped one, one restored from a copy and one that was given up are not.
    /// </summary>
    /// <param name="horizon">The partition's.</param>
    /// <param name="completeBelow">Below what the replica is known to lack nothing; zero if unknown.</param>
    public static ReplicaFitness FitnessOf(HybridTimestamp horizon, HybridTimestamp completeBelow) =>
        completeBelow >= horizon ? ReplicaFitness.Fit : ReplicaFitness.RefillFromBlank;

    /// <summary>
    /// How far the horizon is behind, in milliseconds, by the clock of the node that asks; at least zero.
    /// </summary>
    public long BehindMs(long nowMs) => Math.Max(0, nowMs - HeldBy.Below.UnixMs);

    /// <summary>Who holds the horizon back, by how much and why, for an operator.</summary>
    /// <param name="nowMs">Now, by the clock of the node that asks.</param>
    /// <param name="nameOf">What people call a node.</param>
    public string Sentence(long nowMs, Func<PeerId, string> nameOf)
    {
        var name = nameOf(HeldBy.Node);
        var behind = $"Tombstones of the last {BehindMs(nowMs) / 1000} s are kept";
        return HeldBy.Reason switch
        {
            WatermarkReason.WriteUnderWay =>
                $"{behind}: {name} waits for the answers to a write that it coordinates.",
            WatermarkReason.Hint =>
                $"{behind}: {name} keeps a hint for a node that is down; bring that "
                + "node back, or remove it from the cluster.",
            WatermarkReason.Replica =>
                $"{behind}: the replica of {name} has not been compared with all others since.",
            WatermarkReason.Silent =>
                $"{behind}: {name} does not answer; bring it back, or remove it "
                + "from the cluster.",
            _ => $"{behind}: that is how long a round takes.",
        };
    }
}
