namespace Kvorum.Verification;

// Theorem. For each key with an acknowledged write, let w be the acknowledged write of the greatest
// version. The final read of the key shows
//   1. w's version and w's value (for a delete: nothing); or
//   2. a greater version, with the value of a write that was asked and whose outcome is not known; or
//   3. nothing, if a delete was asked whose outcome is not known, or the life of w's value has ended.
// Any other final read means that w, which was acknowledged, is lost.
//
// Unlike LinearizabilityChecker this looks at one moment only, so it says exactly which write was lost. It
// needs versions: writes acknowledged without one are not checked.

/// <summary>
/// Decides whether the final reads show every acknowledged write. The theorem is at the top of its file.
/// </summary>
public static class DurabilityChecker
{
    /// <summary>Name of the theorem in violations.</summary>
    public const string Theorem = "durability";

    /// <summary>
    /// The acknowledged writes that the final reads contradict, at most one for each key.
    /// </summary>
    public static IReadOnlyList<Violation> Check(History history, IEnumerable<FinalRead> finalReads)
    {
        ArgumentNullException.ThrowIfNull(history);
        ArgumentNullException.ThrowIfNull(finalReads);
        var reads = finalReads.ToDictionary(read => read.Key, StringComparer.Ordinal);
        var violations = new List<Violation>();
        foreach (var (key, operations) in history.ByKey())
        {
            var newest = operations.Where(operation => IsAcknowledgedWrite(operation))
                .MaxBy(operation => operation.Outcome.Version);
            if (newest is null)
                continue;
            if (!reads.TryGetValue(key, out var read))
                violations.Add(Lost(newest, "the key was not read at the end"));
            else if (!Explains(read, newest, operations))
                violations.Add(Lost(newest, $"the final read shows {Text(read)}"));
        }

        return violations;
    }

    private static bool IsAcknowledgedWrite(Operation operation) =>
        operation.Invocation.Kind != OperationKind.Get
        && operation.Outcome is { Kind: OutcomeKind.Ok, Version: not null };

    private static bool Explains(FinalRead read, Operation newest, IReadOnlyList<Operation> operations)
    {
        if (read.Value is null)
        {
            return newest.Invocation.Kind == OperationKind.Delete
                || operations.Any(other => IsOpen(other) && other.Invocation.Kind == OperationKind.Delete)
                || operations.Any(other => Ends(other, newest));
        }

        var isNewest = read.Version is null || read.Version == newest.Outcome.Version;
        if (isNewest && ValueOf(newest) is { } value && value == read.Value)
            return true;
        if (isNewest && newest.Invocation.Kind == OperationKind.Add && newest.Outcome.Value is null)
            return true;
        return (read.Version is null || read.Version > newest.Outcome.Version)
            && operations.Any(other => IsOpen(other) && MayHaveMade(other, read.Value));
    }

    // The life of the newest write's value, or of a later value whose write has an unknown outcome.
    private static bool Ends(Operation end, Operation newest) =>
        end.Invocation.Kind == OperationKind.Expire && end.Invocation.OfVersion >= newest.Outcome.Version;

    private static bool IsOpen(Operation operation) =>
        operation.Outcome.Kind is OutcomeKind.Unknown or OutcomeKind.Pending;

    private static bool MayHaveMade(Operation operation, string value) => operation.Invocation.Kind switch
    {
        OperationKind.Add => true,
        OperationKind.Put => operation.Invocation.Value == value,
        _ => false,
    };

    private static string? ValueOf(Operation operation) => operation.Invocation.Kind switch
    {
        OperationKind.Put => operation.Invocation.Value,
        OperationKind.Add => operation.Outcome.Value,
        _ => null,
    };

    private static string Text(FinalRead read) => read.Value is null
        ? "no value"
        : $"\"{read.Value}\", version {read.Version?.ToString() ?? "not reported"}";

    private static Violation Lost(Operation newest, string sight) => new(
        Theorem, newest.Invocation.Key,
        $"an acknowledged write on {newest.Invocation.Key} is lost: {sight}\n  {newest}", [newest]);
}
