using System.Globalization;
using Kvorum.Raft;

namespace Kvorum.Node.Clocks;

/// <summary>
/// The wall clocks of all members, as this node sees them. Each is asked once a second; the answer tells the
/// other's clock within half of the time that it took, and is carried on by this node's monotonic clock.
/// Judged by loop 0, heard and read on any thread.
/// </summary>
/// <param name="count">How many members there are now, this node included.</param>
/// <param name="boundMs">By how much clocks may differ and still agree.</param>
/// <param name="nameOf">A member's name, for people.</param>
internal sealed class PeerClocks(Func<int> count, long boundMs, Func<NodeId, string> nameOf)
{
    private const long NothingAgreed = long.MinValue;
    private readonly Lock _gate = new();
    private readonly SortedDictionary<NodeId, Sample> _samples = [];
    private long _agreedLessMonotonicMs = NothingAgreed;
    private volatile bool _isBeyond;
    private volatile string? _issue;

    // A clock less this node's monotonic one, and when that was.
    private readonly record struct Sample(long LessMonotonicMs, long HeardMs);

    /// <summary>True while this node's clock is further from the majority's than the bound.</summary>
    public bool IsBeyond => _isBeyond;

    /// <summary>What an operator should know; null if all is well.</summary>
    public string? HealthIssue => _issue;

    /// <summary>
    /// What a majority's clocks show, in Unix milliseconds, at a time of the monotonic clock; null if no
    /// majority agrees.
    /// </summary>
    public long? AgreedMs(long nowMs)
    {
        var agreed = Volatile.Read(ref _agreedLessMonotonicMs);
        return agreed == NothingAgreed ? null : Math.Max(0, agreed + nowMs);
    }

    /// <summary>
    /// A member answered what was asked at <paramref name="askedMs"/>. An answer that took longer than the
    /// bound says too little.
    /// </summary>
    public void Heard(NodeId member, long askedMs, long wallMs, long nowMs)
    {
        var tookMs = nowMs - askedMs;
        if (tookMs < 0 || tookMs > boundMs)
            return;
        lock (_gate)
            _samples[member] = new(wallMs + (tookMs / 2) - nowMs, nowMs);
    }

    /// <summary>True if the clocks of all these members have been told at some time.</summary>
    public bool HasHeard(ReadOnlySpan<NodeId> peers)
    {
        lock (_gate)
        {
            foreach (var peer in peers)
            {
                if (!_samples.ContainsKey(peer))
                    return false;
            }
        }

        return true;
    }

    /// <summary>
    /// Compares all clocks with the own one, which shows this. True if the issue came or went.
    /// </summary>
    public bool Judge(long nowMs, long wallMs)
    {
        var members = count();
        var offsets = new List<long>(members) { 0 };
        var furthest = default((NodeId Member, long OffsetMs)?);
        lock (_gate)
        {
            foreach (var (member, sample) in _samples)
            {
                if (nowMs - sample.HeardMs > Limits.ClockKeepMs)
                    continue;
                var offset = sample.LessMonotonicMs + nowMs - wallMs;
                offsets.Add(offset);
                if (furthest is null || Math.Abs(offset) > Math.Abs(furthest.Value.OffsetMs))
                    furthest = (member, offset);
            }
        }

        var values = offsets.ToArray();
        var verdict = ClockAgreement.Judge(values, members, boundMs);
        var agreed = verdict.AgreedMs is { } ahead ? wallMs + ahead - nowMs : NothingAgreed;
        Volatile.Write(ref _agreedLessMonotonicMs, agreed);
        // Back from beyond only well within, so that a clock at the bound does not move leaders to and fro.
        var limit = _isBeyond ? boundMs / 2 : boundMs;
        _isBeyond = Math.Abs(verdict.AgreedMs ?? 0) > limit;
        return Tell(verdict, furthest, members);
    }

    private bool Tell(in ClockVerdict verdict, (NodeId Member, long OffsetMs)? furthest, int members)
    {
        var before = _issue is null;
        if (_isBeyond)
        {
            _issue = $"this node's clock is {Difference(-verdict.AgreedMs!.Value)} those of the majority "
                + $"({verdict.Agreeing} of {members} agree): other nodes lead where they can, and lives of "
                + "keys go by the majority's clocks; set this node's clock right";
        }
        else if (verdict.AgreedMs is null && verdict.Heard > members / 2 && furthest is { } other)
        {
            _issue = $"no majority of the members' clocks agree within {boundMs} ms: this node's clock is "
                + $"{Difference(-other.OffsetMs)} that of {nameOf(other.Member)}; lives of keys go on by the "
                + "leaders' monotonic clocks; set the clocks right";
        }
        else
        {
            _issue = null;
        }

        return before != (_issue is null);
    }

    private static string Difference(long aheadMs)
    {
        var span = TimeSpan.FromMilliseconds(Math.Min(Math.Abs((double)aheadMs), 1e14));
        var (count, unit) = span.TotalDays >= 1 ? (span.TotalDays, "days")
            : span.TotalHours >= 1 ? (span.TotalHours, "hours")
            : (span.TotalSeconds, "s");
        var side = aheadMs > 0 ? "ahead of" : "behind";
        return string.Create(CultureInfo.InvariantCulture, $"{count:0.#} {unit} {side}");
    }
}
