namespace Kvorum.Raft.Reads;

/// <summary>
/// A follower's reads. One request to the leader is under way at a time and serves all reads asked before it
/// was sent; later ones wait for the next. Request ids start at a random number, so that an answer to a
/// request of an earlier process of this node never matches.
/// </summary>
internal sealed class ForwardedReads(ulong firstId)
{
    private ulong _requestId = firstId;
    private List<ulong> _underWay = [];
    private List<ulong> _waiting = [];

    /// <summary>The tick at which the request under way was sent.</summary>
    public long SentTick { get; private set; }

    /// <summary>True if a request is under way.</summary>
    public bool IsUnderWay => _underWay.Count > 0;

    /// <summary>True if reads wait for a request.</summary>
    public bool HasWaiting => _waiting.Count > 0;

    /// <summary>A read was asked.</summary>
    public void Add(ulong readId) => _waiting.Add(readId);

    /// <summary>A request is sent for everything that waits; returns its id.</summary>
    public ulong Send(long tick)
    {
        Invariant.Check(!IsUnderWay && HasWaiting);
        (_underWay, _waiting) = (_waiting, _underWay);
        SentTick = tick;
        return ++_requestId;
    }

    /// <summary>
    /// The request under way is sent again with the same id: a late answer to the first sending serves its
    /// reads too.
    /// </summary>
    public ulong SendAgain(long tick)
    {
        Invariant.Check(IsUnderWay);
        SentTick = tick;
        return _requestId;
    }

    /// <summary>The answer to a request came: its reads, or null if it is not the one under way.</summary>
    public List<ulong>? Answered(ulong id)
    {
        if (!IsUnderWay || id != _requestId) return null;
        var done = _underWay;
        _underWay = [];
        return done;
    }

    /// <summary>Takes all reads out, unanswered.</summary>
    public List<ulong> Abandon()
    {
        List<ulong> all = [.. _underWay, .. _waiting];
        _underWay.Clear();
        _waiting.Clear();
        return all;
    }
}
