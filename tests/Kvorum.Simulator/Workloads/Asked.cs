using System.Globalization;
using Kvorum.Protocol;
using Kvorum.Verification;

namespace Kvorum.Simulator.Workloads;

/// <summary>One thing that a client wants.</summary>
/// <param name="Request">As the node gets it.</param>
/// <param name="Invocation">As the history has it.</param>
internal sealed record Asked(Request Request, Invocation Invocation)
{
    /// <summary>True for a read that may be out of date: it is not part of the history.</summary>
    public bool IsStale => Request is GetRequest { Consistency: ReadConsistency.Stale };

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
            WriteRequest { ClientId.Length: > 0 } write =>
                string.Create(CultureInfo.InvariantCulture, $"{text}, request {write.RequestId}"),
            GetRequest { Consistency: ReadConsistency.Lease } => $"{text}, by lease",
            GetRequest { Consistency: ReadConsistency.Stale } => $"{text}, stale",
            _ => text,
        };
    }

    /// <summary>True if it may be asked again without a second effect.</summary>
    public bool IsRepeatable => Request is GetRequest or WriteRequest { ClientId.Length: > 0 };
}
