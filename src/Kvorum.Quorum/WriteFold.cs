namespace Kvorum.Quorum;

/// <summary>What is known of a write.</summary>
public enum WriteOutcome : byte
{
    /// <summary>Wait for more answers.</summary>
    Undecided,

    /// <summary>Enough disks have it: acknowledge.</summary>
    Succeeded,

    /// <summary>
    /// Too few disks have it, and some may: it may be read, and repair may spread it. The client is told so,
    /// with the version that was tried; a retry with the same version is the same write.
    /// </summary>
    Indeterminate,

    /// <summary>
    /// No node has it or will have it by this attempt: the write did not happen, unless an earlier attempt
    /// with the same version was indeterminate.
    /// </summary>
    Refused,
}

/// <summary>Why a node refused a write; it has not stored it by this message.</summary>
public enum RefusalReason : byte
{
    /// <summary>The coordinator's placement is out of date: learn the newer one and write again.</summary>
    StaleEpoch,

    /// <summary>
    /// The version is below the partition's horizon. A message sent earlier may have been stored, and may
    /// have been superseded and collected since: never a proof that nothing was written.
    /// </summary>
    BehindHorizon,

    /// <summary>The version is too far ahead of the node's clock.</summary>
    ClockTooFarAhead,

    /// <summary>The node's copy is damaged or is being refilled, and takes no writes.</summary>
    Damaged,

    /// <summary>The node has no room: on its disk, or in its queues.</summary>
    Full,

    /// <summary>The node has no replica of the partition.</summary>
    NoReplica,
}

/// <summary>
/// One write of a quorum keyspace, as its coordinator sees it: a fold over the answers of the nodes. The host
/// sends the write to <see cref="Targets"/> at once, tells what came back, and looks at <see cref="Outcome"/>
/// after each. Gifford, 1979; Dynamo, 2007, sections 4.5 and 4.6; Riak's put core has the same shape.
/// </summary>
/// <remarks>
/// <para>While the replicas of a partition change there are two sets, and the write needs W of the old and W
/// of the new one; a node may be in both.</para>
/// <para>Strict: replicas alone count. Sloppy: a hint that another node keeps for a replica counts as that
/// replica, and each node counts once in a set.</para>
/// <para>Answers that come after the decision are taken, too: they change <see cref="Acknowledged"/> and
/// <see cref="HintsWanted"/>, and never the outcome. Owned by one caller; answers may come twice.</para>
/// </remarks>
public sealed class WriteFold
{
    private readonly QuorumSet _present;
    private readonly QuorumSet _next;
    private readonly ReplicaMask _fallbacks;
    private readonly bool _isSloppy;
    private ReplicaMask _away;
    private ReplicaMask _stored;
    private ReplicaMask _durable;
    private ReplicaMask _standIns;
    private ReplicaMask _spent;
    private ReplicaMask _hintsSent;
    private ReplicaMask _answered;
    private ReplicaMask _maybe;
    private byte _reasons;

    /// <summary>A write that is about to be sent; it may be decided at once.</summary>
    /// <param name="present">The partition's replicas and W of them.</param>
    /// <param name="next">The new set while replicas change; else <see cref="QuorumSet.None"/>.</param>
    /// <param name="up">
    /// The nodes that may be reached. A suspect is: a wrong suspicion must not lose a write.
    /// </param>
    /// <param name="fallbacks">In a sloppy keyspace: nodes in no set that can keep hints; else empty.</param>
    /// <param name="isSloppy">True if hints count.</param>
    public WriteFold(
        QuorumSet present, QuorumSet next, ReplicaMask up, ReplicaMask fallbacks = default,
        bool isSloppy = false)
    {
        present.Check();
        next.Check();
        Invariant.Check(present.Needed > 0, "a write has replicas");
        _present = present;
        _next = next;
        _isSloppy = isSloppy;
        _fallbacks = (fallbacks & up).Except(Members);
        _away = Members.Except(up);
        Targets = Members & up;
        if (CanSucceed(_present) && CanSucceed(_next)) return;
        Outcome = WriteOutcome.Refused;
        Targets = ReplicaMask.None;
    }

    /// <summary>All replicas of the write, of both sets.</summary>
    public ReplicaMask Members => _present.Members | _next.Members;

    /// <summary>
    /// The replicas to send the write to; empty if it is refused before anything is sent, because too few can
    /// be reached.
    /// </summary>
    public ReplicaMask Targets { get; }

    /// <summary>What is known; once it is not undecided it stays as it is.</summary>
    public WriteOutcome Outcome { get; private set; }

    /// <summary>Replicas on whose disks the write is.</summary>
    public ReplicaMask Acknowledged => _durable & Members;

    /// <summary>Replicas for which another node's disk has a hint.</summary>
    public ReplicaMask Hinted { get; private set; }

    /// <summary>
    /// True if the write succeeded because hints were counted: a read need not see it, whatever R is.
    /// </summary>
    public bool IsByHints { get; private set; }

    /// <summary>
    /// Replicas for which a hint should be kept: down, not slow, without one yet. In a sloppy keyspace at
    /// once, for hints count there; in a strict one when the write is decided, for a hint leaves a doubt.
    /// None after a refusal, which means that nothing may be written. Look again after each input.
    /// </summary>
    public ReplicaMask HintsWanted => Outcome switch
    {
        WriteOutcome.Refused => ReplicaMask.None,
        WriteOutcome.Undecided when !_isSloppy => ReplicaMask.None,
        _ => _away.Except(_durable | Hinted),
    };

    /// <summary>
    /// Replicas that were reached, did not refuse and have not answered: slow. Repair will find what they
    /// lack.
    /// </summary>
    public ReplicaMask Slow => Targets.Except(_answered | _away);

    /// <summary>True if no more answers can come.</summary>
    public bool IsComplete => Slow.IsEmpty;

    /// <summary>How many more disks were needed, in the set that lacks most; zero after success.</summary>
    public int Lacking => Math.Max(_present.Lacking(Counted(_present)), _next.Lacking(Counted(_next)));

    /// <summary>True if some node refused for that reason.</summary>
    public bool WasRefusedFor(RefusalReason reason) => (_reasons & (1 << (int)reason)) != 0;

    /// <summary>A replica has stored the write.</summary>
    /// <param name="node">The replica; others are ignored.</param>
    /// <param name="isDurable">True if it is on its disk: only then it counts.</param>
    public WriteOutcome Acked(int node, bool isDurable)
    {
        var it = ReplicaMask.Of(node) & Members;
        _stored |= it;
        if (isDurable)
        {
            _durable |= it;
            _answered |= it;
        }

        return Decide();
    }

    /// <summary>A node was asked to keep a hint.</summary>
    public void HintSent(int fallback) => _hintsSent |= ReplicaMask.Of(fallback);

    /// <summary>Another node keeps a hint for a replica.</summary>
    /// <param name="fallback">The node; it counts once, for the first replica it stands for.</param>
    /// <param name="standsFor">The replica.</param>
    /// <param name="isDurable">
    /// True if the hint is on its disk; else it changes nothing but the doubt.
    /// </param>
    public WriteOutcome HintAcked(int fallback, int standsFor, bool isDurable)
    {
        var it = ReplicaMask.Of(fallback);
        var away = ReplicaMask.Of(standsFor) & Members;
        _stored |= it;
        if (isDurable && !away.IsEmpty)
        {
            _hintsSent = _hintsSent.Except(it);
            Hinted |= away;
            if (_fallbacks.Overlaps(it) && !_spent.Overlaps(it)) _standIns |= away;
            _spent |= it;
        }

        return Decide();
    }

    /// <summary>
    /// The fallback keeps no hint: it refused, or is not reached any more. The host may ask another one.
    /// </summary>
    /// <param name="fallback">The node.</param>
    /// <param name="mayBeStored">True if the request was sent and no refusal came.</param>
    public WriteOutcome HintFailed(int fallback, bool mayBeStored)
    {
        var it = ReplicaMask.Of(fallback);
        if (mayBeStored) _maybe |= it;
        _hintsSent = _hintsSent.Except(it);
        _spent |= it;
        return Decide();
    }

    /// <summary>A node refused: it did not store the write.</summary>
    public WriteOutcome Refused(int node, RefusalReason reason)
    {
        var it = ReplicaMask.Of(node) & Members;
        _answered |= it;
        _reasons |= (byte)(1 << (int)reason);
        // It says nothing of what an earlier message has done.
        if (reason == RefusalReason.BehindHorizon) _maybe |= it;
        return Decide();
    }

    /// <summary>A replica turned out to be down: it gets a hint.</summary>
    /// <param name="node">The replica.</param>
    /// <param name="mayBeStored">False if the message certainly never left.</param>
    public WriteOutcome Unreachable(int node, bool mayBeStored)
    {
        var it = ReplicaMask.Of(node) & Members;
        _away |= it;
        if (mayBeStored) _maybe |= it;
        return Decide();
    }

    /// <summary>
    /// The time is up: decides, if nothing has yet. A replica that has not answered is slow, not down.
    /// </summary>
    public WriteOutcome TimedOut()
    {
        _maybe |= Slow | _hintsSent;
        if (Outcome == WriteOutcome.Undecided)
        {
            Outcome = (_stored | _maybe).IsEmpty ? WriteOutcome.Refused : WriteOutcome.Indeterminate;
        }

        return Outcome;
    }

    private WriteOutcome Decide()
    {
        if (Outcome != WriteOutcome.Undecided) return Outcome;
        if (IsMet(_durable))
        {
            Outcome = WriteOutcome.Succeeded;
        }
        else if (_isSloppy && IsMet(_durable | _standIns))
        {
            Outcome = WriteOutcome.Succeeded;
            IsByHints = true;
        }
        else if (!CanSucceed(_present) || !CanSucceed(_next))
        {
            // What is not answered yet decides between "may be" and "did not happen": the latter is worth the
            // wait, and the former is certain as soon as one node has it.
            if (!(_stored | _maybe).IsEmpty)
                Outcome = WriteOutcome.Indeterminate;
            else if ((Slow | _hintsSent).IsEmpty)
                Outcome = WriteOutcome.Refused;
        }

        return Outcome;
    }

    private bool IsMet(ReplicaMask counted) => _present.IsMetBy(counted) && _next.IsMetBy(counted);

    private ReplicaMask Counted(QuorumSet set) =>
        set.Members & (_isSloppy ? _durable | _standIns : _durable);

    private bool CanSucceed(QuorumSet set)
    {
        var counted = Counted(set);
        var possible = counted.Count + set.Members.Except(counted | _away | _answered).Count;
        if (_isSloppy)
        {
            var uncovered = (set.Members & _away).Except(counted).Count;
            possible += Math.Min(uncovered, _fallbacks.Except(_spent).Count);
        }

        return possible >= set.Needed;
    }
}
