using System.Globalization;

namespace Kvorum.Verification;

/// <summary>
/// One operation of a <see cref="History"/>; changed by its history only, once, at its completion.
/// </summary>
public sealed class Operation
{
    internal Operation(int id, in Invocation invocation, int invokedEvent, TimeSpan invokedAt)
    {
        Id = id;
        Invocation = invocation;
        InvokedEvent = invokedEvent;
        InvokedAt = invokedAt;
    }

    /// <summary>Its place among the history's operations, by invocation.</summary>
    public int Id { get; }

    /// <summary>What was asked.</summary>
    public Invocation Invocation { get; }

    /// <summary>How it ended; <see cref="OutcomeKind.Pending"/> until it has.</summary>
    public Outcome Outcome { get; private set; }

    /// <summary>
    /// Number of the event in the history at which it was asked. An operation whose completion has a smaller
    /// number was over before.
    /// </summary>
    public int InvokedEvent { get; }

    /// <summary>Number of the event at which it ended; null while it is pending.</summary>
    public int? CompletedEvent { get; private set; }

    /// <summary>When it was asked; for people only.</summary>
    public TimeSpan InvokedAt { get; }

    /// <summary>When it ended; for people only.</summary>
    public TimeSpan CompletedAt { get; private set; }

    /// <summary>
    /// True if the client knows the effect: it took effect, or its condition did not hold.
    /// </summary>
    public bool IsCertain => Outcome.Kind is OutcomeKind.Ok or OutcomeKind.Refused;

    /// <summary>One line: events, time, client, request and outcome.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"[{InvokedEvent,5}..{CompletedEvent,5}] {InvokedAt.TotalSeconds,9:F3} s  "
            + $"client {Invocation.Client,-3} {Asked()} -> {Answered()}");

    internal void Complete(in Outcome outcome, int completedEvent, TimeSpan completedAt)
    {
        Outcome = outcome;
        CompletedEvent = completedEvent;
        CompletedAt = completedAt;
    }

    private string Asked()
    {
        var what = Invocation.Kind switch
        {
            OperationKind.Put => $"put {Invocation.Key} = {Quoted(Invocation.Value)}",
            OperationKind.Delete => $"delete {Invocation.Key}",
            OperationKind.Expire => string.Create(
                CultureInfo.InvariantCulture,
                $"the end of {Invocation.Key} = {Quoted(Invocation.Value)}, version {Invocation.OfVersion}"),
            OperationKind.Add => string.Create(
                CultureInfo.InvariantCulture, $"add {Invocation.Delta} to {Invocation.Key}"),
            _ => $"get {Invocation.Key}",
        };
        return Invocation.IfVersion is { } version ? $"{what} if version {version}" : what;
    }

    private string Answered()
    {
        var (isRead, tellsPrevious) = (Invocation.Kind == OperationKind.Get, Invocation.ReturnsPrevious);
        var value = Outcome.Kind == OutcomeKind.Ok && (Outcome.Value is not null || isRead || tellsPrevious)
            ? $" {(tellsPrevious ? "previous " : "")}{Quoted(Outcome.Value)}"
            : "";
        return Outcome.Word + value + (Outcome.Version is { } version ? $", version {version}" : "");
    }

    private static string Quoted(string? value) => value is null ? "absent" : $"\"{value}\"";
}
