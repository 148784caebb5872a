using Kvorum.Protocol;
using Kvorum.Simulator.World;
using Kvorum.Verification;

namespace Kvorum.Simulator.Workloads;

/// <summary>
/// One client that scans: ranges of keys, forward and back, in pages of all sizes, each asked for with the
/// token of the one before; after an error it goes on with the last token.
/// </summary>
internal sealed class ScanWorkload(WorkloadOptions options, bool leaseReads, bool wantsReceipts = false)
    : IWorkload
{
    private readonly string[] _keys =
    [
        .. Enumerable.Range(0, options.Registers).Select(RegisterWorkload.KeyOf)
            .Concat(Enumerable.Range(0, options.Counters).Select(CounterWorkload.KeyOf))
            .Order(StringComparer.Ordinal),
    ];

    private ScanRequest? _next;
    private int _scans;

    /// <inheritdoc/>
    public Asked Next(int client, ulong request, RandomStream random)
    {
        var scan = _next ?? Draw(random);
        _next = scan;
        var recorded = scan.KeysOnly || scan.Consistency == ReadConsistency.Stale
            ? []
            : _keys.Where(key => Has(ScanToken.RangeOf(scan), key))
                .Select(key => new Invocation(client, OperationKind.Get, key) { Request = request });
        return new(scan, new(client, OperationKind.Get, "a page") { Request = request })
        {
            Recorded = [.. recorded],
            Scan = _scans,
        };
    }

    /// <inheritdoc/>
    public void Ended(Asked asked, Reply? reply)
    {
        if (reply is null)
            return;
        var page = new ScannedPage(asked, reply);
        _next = page.Token.IsEmpty ? null : page.Scan with { Token = page.Token };
    }

    private ScanRequest Draw(RandomStream random)
    {
        _scans++;
        var (from, end) = (random.Pick(_keys), random.Pick(_keys));
        if (string.CompareOrdinal(from, end) > 0)
            (from, end) = (end, from);
        var isWhole = random.Chance(0.4);
        return new()
        {
            Key = isWhole ? default : RegisterWorkload.Bytes(from),
            End = isWhole || random.Chance(0.2) ? default : RegisterWorkload.Bytes(end),
            Reverse = random.Chance(0.5),
            KeysOnly = random.Chance(0.1),
            Limit = random.Chance(0.5) ? 0 : (uint)random.Between(1, 6),
            PageBytes = random.Chance(0.5) ? 0 : (uint)random.Between(1, 2000),
            WantsReceipt = wantsReceipts,
            Consistency = random.Chance(0.1) ? ReadConsistency.Stale
                : leaseReads && random.Chance(0.6) ? ReadConsistency.Lease : ReadConsistency.Linearizable,
        };
    }

    private static bool Has(KeyRange range, string key)
    {
        var bytes = RegisterWorkload.Bytes(key).AsSpan();
        return bytes.SequenceCompareTo(range.From.Span) >= 0
            && (range.End.IsEmpty || bytes.SequenceCompareTo(range.End.Span) < 0);
    }
}
