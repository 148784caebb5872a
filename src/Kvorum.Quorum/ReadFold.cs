namespace Kvorum.Quorum;

/// <summary>What is known of a read.</summary>
public enum ReadOutcome : byte
{
    /// <summary>Wait for more answers.</summary>
    Undecided,

    /// <summary>Enough replicas answered, and the newest record is at hand: reply.</summary>
    Succeeded,

    /// <summary>
    /// Too few replicas can answer, or none can give the newest value: an error, to be retried.
    /// </summary>
    Unavailable,
}

/// <summary>What the host does next.</summary>
/// <param name="Outcome">What is known.</param>
/// <param name="AskFull">Replicas to ask for the whole record now.</param>
/// <param name="AskDigest">Replicas to ask for the digest now.</param>
public readonly record struct ReadStep(ReadOutcome Outcome, ReplicaMask AskFull, ReplicaMask AskDigest);

/// <summary>
/// One read of a quorum keyspace, as its coordinator sees it: a fold over the answers of the replicas. One is
/// asked for the record, R - 1 for digests; the newest version wins, and its value is fetched if only its
/// digest came. Gifford, 1979; Dynamo, 2007, section 4.5; digests and speculative requests as in Cassandra.
/// </summary>
/// <remarks>
/// <para>Only <see cref="QuorumSet.Members"/> count. While replicas change these are of the set that
/// <see cref="ReplicaChange"/> names; answers of others are welcome and do not count. A replica that is being
/// filled or is damaged does not count either, and says so (<see cref="CannotVote"/>).</para>
/// <para>The reply goes out before the repair: a read is a regular register's, not an atomic one's. To make
/// it atomic each read would have to wait for W disks (Attiya, Bar-Noy and Dolev, 1995).</para>
/// <para>Answers that come after the decision change <see cref="Stale"/> and <see cref="Newest"/>, so the
/// host may wait for some more before it repairs. <see cref="Found"/> stays what was replied. Owned by one
/// caller; answers may come twice.</para>
/// </remarks>
public sealed class ReadFold
{
    private readonly QuorumSet _voters;
    private readonly long _nowMs;
    private HybridTimestamp _horizon;
    private ReplicaMask _candidates;
    private ReplicaMask _asked;
    private ReplicaMask _askedFull;
    private ReplicaMask _fullPending;
    private ReplicaMask _slow;
    private ReplicaMask _failed;
    private ReplicaMask _answered;
    private ReplicaMask _absent;
    private ReplicaMask _holders;
    private ReplicaMask _withoutVote;

    /// <summary>A read that is about to be sent: do what <see cref="Start"/> says.</summary>
    /// <param name="voters">
    /// The replicas and R of them. In a sloppy keyspace fallbacks may be among them, behind the replicas.
    /// </param>
    /// <param name="up">The nodes that may be reached, in the order of their numbers.</param>
    /// <param name="nowMs">The coordinator's hybrid clock, by which records are expired or not.</param>
    /// <param name="horizon">
    /// The horizon that the coordinator knows; tombstones below it are not compared.
    /// </param>
    public ReadFold(QuorumSet voters, ReplicaMask up, long nowMs, HybridTimestamp horizon = default)
    {
        voters.Check();
        Invariant.Check(voters.Needed > 0, "a read has replicas");
        _voters = voters;
        _nowMs = nowMs;
        _horizon = horizon;
        _candidates = voters.Members & up;
        _failed = voters.Members.Except(up);
    }

    /// <summary>What is known; once it is not undecided it stays as it is.</summary>
    public ReadOutcome Outcome { get; private set; }

    /// <summary>
    /// What to reply once the read has succeeded: the newest record of all that had answered.
    /// </summary>
    public RecordDigest Found { get; private set; }

    /// <summary>The newest record of all answers until now, late ones included.</summary>
    public RecordDigest Newest { get; private set; }

    /// <summary>
    /// True if the host holds the value of <see cref="Newest"/>, or it has none. If a late answer is newer
    /// than its value, there is nothing to repair with: leave that to the next read or exchange.
    /// </summary>
    public bool ValueIsAtHand { get; private set; }

    /// <summary>Replicas that answered with the newest record.</summary>
    public ReplicaMask Holders => _holders;

    /// <summary>The replicas whose answers count.</summary>
    public ReplicaMask Counted => _answered & _voters.Members;

    /// <summary>
    /// Replicas that answered with an older record or none: send them the newest, after the reply. It never
    /// fails or delays the read. Replicas without a vote are not among them: they are being filled.
    /// </summary>
    public ReplicaMask Stale
    {
        get
        {
            if (Newest.IsAbsent) return ReplicaMask.None;
            var stale = _answered.Except(_holders);
            return Newest.MayBeCollected(_nowMs, _horizon) ? stale.Except(_absent) : stale;
        }
    }

    /// <summary>How many more replicas must answer.</summary>
    public int Lacking => _voters.Lacking(_answered);

    /// <summary>The first requests. Unavailable at once if too few replicas can be reached.</summary>
    public ReadStep Start() => Advance();

    /// <summary>A replica answered.</summary>
    /// <param name="node">The replica.</param>
    /// <param name="digest">What it has under the key.</param>
    /// <param name="isWhole">
    /// True if the value came, too (or there is none): the host keeps it while <see cref="Newest"/> is this
    /// digest, and may drop what it kept before.
    /// </param>
    /// <param name="horizon">The replica's horizon.</param>
    public ReadStep Answer(int node, RecordDigest digest, bool isWhole, HybridTimestamp horizon = default)
    {
        var it = ReplicaMask.Of(node);
        if (_withoutVote.Overlaps(it)) return Advance();
        if (horizon > _horizon) _horizon = horizon;
        var compared = digest.ComparedAt(_nowMs);
        _answered |= it;
        _asked |= it;
        _slow = _slow.Except(it);
        _failed = _failed.Except(it);
        if (isWhole) _fullPending = _fullPending.Except(it);
        _absent = compared.IsAbsent ? _absent | it : _absent.Except(it);
        switch (Compare(compared, Newest))
        {
            case > 0:
                Newest = compared;
                _holders = it;
                ValueIsAtHand = isWhole || !compared.HasValueAt(_nowMs);
                break;
            case 0:
                _holders |= it;
                ValueIsAtHand |= isWhole || !compared.HasValueAt(_nowMs);
                break;
            default:
                _holders = _holders.Except(it);
                break;
        }

        return Advance();
    }

    /// <summary>
    /// The replica has no vote: it is damaged, or not filled yet. Another is asked in its place, and if
    /// answers differ all that live are asked, so that repair reaches each of them: one copy is missing.
    /// </summary>
    public ReadStep CannotVote(int node)
    {
        _withoutVote |= ReplicaMask.Of(node);
        _answered = _answered.Except(_withoutVote);
        return Failed(node);
    }

    /// <summary>The replica refused or cannot be reached: another is asked in its place.</summary>
    public ReadStep Failed(int node)
    {
        var it = ReplicaMask.Of(node);
        // What it has told remains true; only its value cannot be fetched any more.
        _failed |= it;
        _fullPending = _fullPending.Except(it);
        _candidates = _candidates.Except(it);
        return Advance();
    }

    /// <summary>
    /// The replica takes longer than usual: another one is asked, too; the first answer counts.
    /// </summary>
    public ReadStep Slow(int node)
    {
        _slow |= ReplicaMask.Of(node) & _asked;
        return Advance();
    }

    /// <summary>The time is up: unavailable, if nothing has been decided.</summary>
    public ReadStep TimedOut()
    {
        if (Outcome == ReadOutcome.Undecided) Outcome = ReadOutcome.Unavailable;
        return Advance();
    }

    private ReadStep Advance()
    {
        if (Outcome == ReadOutcome.Undecided) Outcome = Decide();
        if (Outcome != ReadOutcome.Undecided) return new ReadStep(Outcome, default, AskAll());
        var full = ReplicaMask.None;
        var digest = ReplicaMask.None;
        var pending = (_asked & _voters.Members).Except(_answered | _failed | _slow);
        for (var lacking = Lacking - pending.Count; lacking > 0 && !Fresh.IsEmpty; lacking--)
        {
            if (NeedsValue) full |= AskFull(Fresh);
            else digest |= Ask(Fresh);
        }

        if (NeedsValue) full |= AskFull(Source());
        return new ReadStep(Outcome, full, digest | AskAll());
    }

    private ReadOutcome Decide()
    {
        if (Lacking == 0 && (ValueIsAtHand || Newest.IsAbsent))
        {
            Found = Newest;
            return ReadOutcome.Succeeded;
        }

        if (_voters.Lacking(_answered | _candidates) > 0) return ReadOutcome.Unavailable;
        // The newest version is known, and no node that has it can be asked for it any more.
        var isLost = Lacking == 0 && (_holders.Except(_failed) | _candidates.Except(_answered)).IsEmpty;
        return isLost ? ReadOutcome.Unavailable : ReadOutcome.Undecided;
    }

    private ReplicaMask Fresh => _candidates.Except(_asked);

    // True if a request for a value has to be made: none is under way to a replica that may have the newest,
    // which is one that has said so, or has said nothing yet.
    private bool NeedsValue => !ValueIsAtHand
        && (Lacking > 0 || !Newest.IsAbsent)
        && _fullPending.Except(_slow | _answered.Except(_holders)).IsEmpty;

    // Where to fetch the newest value: from a replica that has it, rather a quick one; if there is none left,
    // from one that was not asked yet.
    private ReplicaMask Source()
    {
        var open = _holders.Except(_failed | _askedFull);
        if (!open.Except(_slow).IsEmpty) return open.Except(_slow);
        return open.IsEmpty && _holders.Except(_failed).IsEmpty && !Newest.IsAbsent ? Fresh : open;
    }

    private ReplicaMask Ask(ReplicaMask among)
    {
        if (among.IsEmpty) return among;
        var it = ReplicaMask.Of(among.First);
        _asked |= it;
        return it;
    }

    private ReplicaMask AskFull(ReplicaMask among)
    {
        var it = Ask(among);
        _askedFull |= it;
        _fullPending |= it;
        return it;
    }

    // A copy is missing and the others differ: all that are up are asked, for repair. No reply waits for it.
    private ReplicaMask AskAll()
    {
        if (_withoutVote.IsEmpty || Stale.IsEmpty) return ReplicaMask.None;
        var rest = _candidates.Except(_asked);
        _asked |= rest;
        return rest;
    }

    // Equal versions are equal records. Should one differ all the same, all coordinators choose alike.
    private static int Compare(RecordDigest left, RecordDigest right)
    {
        var byVersion = left.Version.CompareTo(right.Version);
        if (byVersion != 0) return byVersion;
        return left.IsDeleted != right.IsDeleted
            ? left.IsDeleted.CompareTo(right.IsDeleted)
            : left.ExpiresAtMs.CompareTo(right.ExpiresAtMs);
    }
}
