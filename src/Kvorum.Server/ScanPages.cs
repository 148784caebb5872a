using Kvorum.Protocol;

namespace Kvorum.Server;

/// <summary>
/// The pages of one scan, one request after the other, until the range or the limit is at its end: what the
/// streaming front ends share. Holds no page.
/// </summary>
/// <param name="scan">The first request; its own limit is not used.</param>
/// <param name="limit">Entries of all pages at most; 0 for no bound.</param>
internal sealed class ScanPages(ScanRequest scan, ulong limit)
{
    private ulong _left = limit == 0 ? ulong.MaxValue : limit;

    /// <summary>True when nothing is left to ask for.</summary>
    public bool IsEnd { get; private set; }

    /// <summary>The request for the next page.</summary>
    public ScanRequest Next { get; private set; } =
        scan with { Limit = Capped(limit == 0 ? ulong.MaxValue : limit) };

    /// <summary>Takes the answer to <see cref="Next"/>.</summary>
    public ScanPage Take(Reply reply)
    {
        var page = ScanPageCodec.Decode(reply.Value);
        _left -= (ulong)page.Entries.Count;
        IsEnd = page.Token.IsEmpty || _left == 0;
        Next = Next with { Token = page.Token, Limit = Capped(_left) };
        return page;
    }

    private static uint Capped(ulong left) => (uint)Math.Min(left, uint.MaxValue);
}
