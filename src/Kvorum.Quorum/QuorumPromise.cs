namespace Kvorum.Quorum;

/// <summary>
/// What settings promise, worked out from the numbers that the folds enforce. The sentences that users read
/// are made here and nowhere else.
/// </summary>
/// <remarks>
/// The promise is that of a <em>regular register</em> (Lamport, "On Interprocess Communication", 1986): a
/// read returns the newest write acknowledged before it began, or one that was under way. Two reads during
/// one write may see it and then not see it.
/// </remarks>
/// <param name="settings">Valid settings.</param>
public sealed class QuorumPromise(QuorumSettings settings)
{
    private readonly int _n = settings.Replicas;
    private readonly int _w = settings.WriteQuorum;
    private readonly int _r = settings.ReadQuorum;

    /// <summary>
    /// Each read sees every write that was acknowledged before it began: R + W > N, and only the partition's
    /// replicas count.
    /// </summary>
    public bool ReadsSeeAcknowledgedWrites => !settings.IsSloppy && _r + _w > _n;

    /// <summary>Of any two writes at least one replica sees both: 2 W > N, and only replicas count.</summary>
    public bool WritesMeet => !settings.IsSloppy && 2 * _w > _n;

    /// <summary>Disks that may be lost at once with no acknowledged write lost.</summary>
    public int DisksLostWithoutLoss => _w - 1;

    /// <summary>
    /// Replicas that may be away while writes go on. In a sloppy keyspace others take their place: then it is
    /// what the partition's replicas alone can bear.
    /// </summary>
    public int AwayForWrites => _n - _w;

    /// <summary>Replicas that may be away while reads go on.</summary>
    public int AwayForReads => _n - _r;

    /// <summary>
    /// Both sides of a network split can take writes for one key: in sloppy keyspaces, and where W is at most
    /// half of N. The later write wins when the split heals.
    /// </summary>
    public bool BothSidesWritable => settings.IsSloppy || 2 * _w <= _n;

    /// <summary>
    /// From how many of the other replicas a blank replica is filled before its answers count: N - W + 1, so
    /// that each acknowledged write is on one of them, though the disk that was replaced had it; at most all
    /// others. One source would not do: N = 3, W = R = 2, a write on A and B, the disk of B replaced and
    /// filled from C alone: then B and C would answer a read without it.
    /// </summary>
    public int SourcesToFill => SourcesOf(_n - 1);

    /// <summary>
    /// The same where so many others are left: where they are fewer, all of them, as more disks are gone than
    /// the promise covers.
    /// </summary>
    public int SourcesOf(int others) => Math.Clamp(_n - _w + 1, 1, Math.Max(1, others));

    /// <summary>What goes on when none, one, two, to all of a record's replicas are lost at once.</summary>
    /// <param name="members">
    /// Of the cluster: in a sloppy keyspace any of them may stand for a replica that is away.
    /// </param>
    public IReadOnlyList<ReplicaLoss> Losses(int members) =>
    [
        .. Enumerable.Range(0, _n + 1).Select(lost => new ReplicaLoss(
            lost,
            settings.IsSloppy ? Math.Max(members, _n) - lost >= _w : lost <= AwayForWrites,
            lost <= AwayForReads, lost <= DisksLostWithoutLoss, lost < _n)),
    ];

    /// <summary>The promise, a sentence each, for <c>explain</c>, documents and errors.</summary>
    public IReadOnlyList<string> Sentences() =>
    [
        $"Each record is kept by {Nodes(_n)}. A write is acknowledged when it is on the disks "
            + $"of {_w}, a read when {_r} answered.",
        settings.IsSloppy
            ? "Sloppy: a hint on another node counts as a write, so a read may miss acknowledged writes "
                + "until hints are handed over."
            : ReadsSeeAcknowledgedWrites
                ? $"A read sees every write acknowledged before it began, because {_r} + {_w} > {_n}."
                : $"A read may miss acknowledged writes, because {_r} + {_w} is not more than {_n}.",
        Kept,
        .. _w < _n
            ?
            [
                $"Once repair has brought a write to all {_n} replicas, it survives the loss of "
                    + $"{Disks(_n - 1)}.",
            ]
            : Array.Empty<string>(),
        settings.IsSloppy
            ? $"Writes go on while any {Nodes(_w)} can be reached; reads while {Away(AwayForReads)}."
            : $"Writes go on while {Away(AwayForWrites)}, reads while {Away(AwayForReads)}.",
        BothSidesWritable
            ? "Both sides of a network split can take writes for the same key; the later one wins when the "
                + "split heals, and the other is lost."
            : "At most one side of a network split can take writes for a key.",
        "Of two concurrent writes of a key the one with the higher version wins; the other is superseded.",
    ];

    /// <summary>What is promised of one acknowledged write, a sentence each.</summary>
    public IReadOnlyList<string> OfWrite() =>
    [
        Kept,
        settings.IsSloppy
            ? "A hint on another node may stand for a replica: no read need see the write before hints are "
                + "handed over."
            : $"Each later read sees it, or a newer one, if it asks {Nodes(_n - _w + 1)} or more of the "
                + $"{_n} replicas.",
    ];

    /// <summary>What is promised of one read, a sentence each.</summary>
    public IReadOnlyList<string> OfRead() =>
    [
        settings.IsSloppy
            ? "A hint may have stood for a replica: acknowledged writes may be missing until hints are "
                + "handed over."
            : $"It saw every write that {Nodes(_n - _r + 1)} or more of the {_n} replicas had acknowledged "
                + "before it began.",
    ];

    private string Kept => $"Acknowledged writes survive the loss of {Disks(DisksLostWithoutLoss)} at once.";

    private static string Nodes(int count) => count == 1 ? "1 node" : $"{count} nodes";

    private static string Disks(int count) => count switch
    {
        0 => "no disk",
        1 => "1 disk",
        _ => $"{count} disks",
    };

    private static string Away(int count) => count switch
    {
        0 => "none of a record's replicas is away",
        1 => "1 of a record's replicas is away",
        _ => $"{count} of a record's replicas are away",
    };
}
