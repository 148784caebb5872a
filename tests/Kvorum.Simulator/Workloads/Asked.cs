using System.Globalization;
using System.Text;
using Kvorum.Protocol;
using Kvorum.Verification;

namespace Kvorum.Simulator.Workloads;

/// <summary>One thing that a client wants.</summary>
/// <param name="Request">As the node gets it.</param>
/// <param name="Invocation">As the history has it.</param>
internal sealed record Asked(Request Request, Invocation Invocation)
{
    /// <summary>
    /// From one number of a request that may be asked anew to the next one of its client: a number that is
    /// too far below those that were seen is not known any more.
    /// </summary>
    public const ulong NumbersOfOne = 100;

    /// <summary>
    /// What goes into the history: the invocation; of a page of a scan, a read of each key that it may cover;
    /// nothing of a read that may be out of date, or tells no values.
    /// </summary>
    public IReadOnlyList<Invocation> Recorded { get; init; } = Request switch
    {
        GetRequest { Consistency: ReadConsistency.Stale } or ScanRequest => [],
        _ => [Invocation],
    };

    /// <summary>Of a page: which scan it belongs to.</summary>
    public int Scan { get; init; }

    /// <summary>The same write as a new request: the former was tried for too long to be repeated.</summary>
    public Asked Anew() => new(
        ((WriteRequest)Request) with { RequestId = Invocation.Request + 1 },
        Invocation with { Request = Invocation.Request + 1 });

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = $"{Invocation.Kind} {Invocation.Key}";
        if (Invocation.Value is { } value)
            text += $" = {value}";
        if (Invocation.IfVersion is { } version)
            text += string.Create(CultureInfo.InvariantCulture, $" if version {version}");
        return Request switch
        {
            ScanRequest scan => ScanText(scan),
            PutRequest { TtlMs: > 0 } put => string.Create(
                CultureInfo.InvariantCulture, $"{text} for {put.TtlMs} ms, request {put.RequestId}"),
            WriteRequest { ClientId.Length: > 0 } write =>
                string.Create(CultureInfo.InvariantCulture, $"{text}, request {write.RequestId}"),
            GetRequest { Consistency: ReadConsistency.Lease } => $"{text}, by lease",
            GetRequest { Consistency: ReadConsistency.Stale } => $"{text}, stale",
            _ => text,
        };
    }

    /// <summary>True if it may be asked again without a second effect.</summary>
    public bool IsRepeatable => Request.IsSafeToRepeat;

    private string ScanText(ScanRequest scan) => string.Create(
        CultureInfo.InvariantCulture,
        $"scan {Scan} {Encoding.UTF8.GetString(scan.Key.Span)}..{Encoding.UTF8.GetString(scan.End.Span)}, "
            + $"{(scan.Reverse ? "reverse, " : "")}{(scan.KeysOnly ? "keys only, " : "")}"
            + $"{(scan.Token.IsEmpty ? "first page" : "next page")}, {scan.Consistency}");
}
