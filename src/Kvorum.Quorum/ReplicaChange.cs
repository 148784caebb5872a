namespace Kvorum.Quorum;

/// <summary>How far a change of a partition's replicas is. Each stage is an epoch of the placement.</summary>
public enum ChangeStage : byte
{
    /// <summary>One set of replicas reads and writes.</summary>
    Settled,

    /// <summary>
    /// Writes go to the old and the new set; reads ask the old one, and the new one is filled.
    /// </summary>
    WriteBoth,

    /// <summary>Writes go to both sets; reads ask the new one.</summary>
    ReadNew,
}

/// <summary>
/// Which replicas a write and a read need while a partition's replicas change, and when the next stage may
/// begin. A pure rule for the planner and for coordinators.
/// </summary>
/// <remarks>
/// <para>Each replica refuses requests of an older epoch than the newest it has confirmed durably, reads
/// included. Coordinators learn of a new stage at different times; no stage is skipped. Two stages
/// that follow each other work together: both write to a set that the other reads. Two that are further apart
/// do not, so before a stage begins, those of two stages ago must have become impossible:</para>
/// <para><em>before <see cref="ChangeStage.ReadNew"/></em> writes to the old set alone are, once N - W + 1 of
/// the old set have confirmed <see cref="ChangeStage.WriteBoth"/>; and only what is read after that fills the
/// new replicas;</para>
/// <para><em>before the new set is settled</em> reads of the old set are, once N - R + 1 of the old set have
/// confirmed <see cref="ChangeStage.ReadNew"/>.</para>
/// <para>The shape is that of Cassandra's transactional metadata (prepare, start, middle, finish), and of
/// Raft's joint configurations.</para>
/// </remarks>
/// <param name="Stage">How far it is.</param>
/// <param name="Present">The old set; the only one while it is settled.</param>
/// <param name="Next">The new set; empty while it is settled.</param>
public readonly record struct ReplicaChange(ChangeStage Stage, ReplicaMask Present, ReplicaMask Next)
{
    /// <summary>No change is under way.</summary>
    public static ReplicaChange Settled(ReplicaMask replicas) => new(ChangeStage.Settled, replicas, default);

    /// <summary>The replicas of the old set that a write needs.</summary>
    public QuorumSet PresentWriters(int writeQuorum) => SetOf(Present, writeQuorum);

    /// <summary>The replicas of the new set that a write needs, too; none while it is settled.</summary>
    public QuorumSet NextWriters(int writeQuorum) => SetOf(Next, writeQuorum);

    /// <summary>The replicas that a read needs.</summary>
    public QuorumSet Readers(int readQuorum) =>
        SetOf(Stage == ChangeStage.ReadNew ? Next : Present, readQuorum);

    /// <summary>The replicas that have yet to be filled before <see cref="ChangeStage.ReadNew"/>.</summary>
    public ReplicaMask ToFill => Stage == ChangeStage.WriteBoth ? Next.Except(Present) : default;

    /// <summary>
    /// True once new replicas may be filled from <paramref name="confirmed"/>: what those have by now, and
    /// what is written to both sets, is all there will ever be. Fill from
    /// <see cref="QuorumPromise.SourcesToFill"/> of them at least.
    /// </summary>
    /// <param name="settings">The keyspace's.</param>
    /// <param name="confirmed">Replicas that refuse requests of stages before this one.</param>
    public bool MayFill(QuorumSettings settings, ReplicaMask confirmed) =>
        Stage == ChangeStage.WriteBoth && HaveConfirmed(confirmed, settings.WriteQuorum);

    /// <summary>
    /// The stage that may begin now; this one, if there is nothing to wait for or the wait is not over.
    /// </summary>
    /// <param name="settings">The keyspace's.</param>
    /// <param name="confirmed">Replicas that refuse requests of stages before this one.</param>
    /// <param name="filled">New replicas that are filled.</param>
    public ReplicaChange Advance(QuorumSettings settings, ReplicaMask confirmed, ReplicaMask filled) =>
        Stage switch
        {
            ChangeStage.WriteBoth when MayFill(settings, confirmed) && ToFill.Except(filled).IsEmpty =>
                this with { Stage = ChangeStage.ReadNew },
            ChangeStage.ReadNew when HaveConfirmed(confirmed, settings.ReadQuorum) => Settled(Next),
            _ => this,
        };

    /// <summary>
    /// True if the change can come to its end though no other old replicas answer than these.
    /// </summary>
    /// <param name="settings">The keyspace's.</param>
    /// <param name="answering">Old replicas that answer: they confirm, and fill new ones.</param>
    /// <param name="lost">Old replicas that are lost for good: they count as ones that confirm.</param>
    /// <param name="filled">New replicas that are filled.</param>
    public bool CanEnd(
        QuorumSettings settings, ReplicaMask answering, ReplicaMask lost, ReplicaMask filled)
    {
        var refusing = answering | lost;
        if (!HaveConfirmed(refusing, settings.ReadQuorum))
            return false;
        if (Stage != ChangeStage.WriteBoth)
            return true;
        var left = Present.Except(lost);
        var canFill = (left & answering).Count >= new QuorumPromise(settings).SourcesOf(left.Count);
        return HaveConfirmed(refusing, settings.WriteQuorum) && (canFill || ToFill.Except(filled).IsEmpty);
    }

    // So many of the old set have confirmed that the others are fewer than the quorum.
    private bool HaveConfirmed(ReplicaMask confirmed, int quorum) =>
        Present.Except(confirmed).Count < Math.Min(quorum, Present.Count);

    private static QuorumSet SetOf(ReplicaMask members, int quorum) =>
        new(members, Math.Min(quorum, members.Count));
}
