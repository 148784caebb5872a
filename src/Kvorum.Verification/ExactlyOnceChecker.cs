using System.Globalization;

namespace Kvorum.Verification;

// Theorem. No request (client, request id) takes effect twice. Of that, a history can show:
//   1. a value that one write only set is seen under one version only, by its own client and by all
//      readers: a second effect would have given it a second version;
//   2. one version of a key belongs to one request only, and one request that is recorded as several
//      operations on a key was told one version only;
//   3. on a key with additions of positive numbers only, a read sees at least the sum of the additions
//      answered before it was asked, and at most the sum of all that were asked before it was answered and
//      did not fail.
//
// LinearizabilityChecker finds all of these too; this one needs no search, and names the request.

/// <summary>
/// Decides whether a request took effect twice, as far as values and versions tell. The theorem is at the
/// top of its file.
/// </summary>
public static class ExactlyOnceChecker
{
    /// <summary>Name of the theorem in violations.</summary>
    public const string Theorem = "exactly once";

    /// <summary>The requests that were seen to take effect twice, key by key.</summary>
    public static IReadOnlyList<Violation> Check(History history)
    {
        ArgumentNullException.ThrowIfNull(history);
        return [.. history.ByKey().SelectMany(key => ValuesWithTwoVersions(key.Value)
            .Concat(VersionsOfTwoRequests(key.Value))
            .Concat(RequestsWithTwoVersions(key.Value))
            .Concat(WrongSums(key.Value)))];
    }

    private static IEnumerable<Violation> ValuesWithTwoVersions(IReadOnlyList<Operation> operations)
    {
        var setOnce = operations.Where(operation => operation.Invocation.Kind == OperationKind.Put)
            .GroupBy(operation => operation.Invocation.Value!)
            .Where(group => group.Select(Request).Distinct().Count() == 1)
            .ToDictionary(group => group.Key, group => group.First());
        var sights = operations
            .Where(operation => operation.Outcome is { Kind: OutcomeKind.Ok, Version: not null })
            .Select(operation => (Operation: operation, Value: ValueAtVersion(operation)))
            .Where(sight => sight.Value is not null && setOnce.ContainsKey(sight.Value))
            .GroupBy(sight => sight.Value!);
        foreach (var group in sights)
        {
            var versions = group.DistinctBy(sight => sight.Operation.Outcome.Version)
                .Select(sight => sight.Operation).ToArray();
            if (versions.Length > 1)
                yield return Twice($"\"{group.Key}\" was set once and seen under {versions.Length} versions",
                    [setOnce[group.Key], .. versions]);
        }
    }

    private static IEnumerable<Violation> VersionsOfTwoRequests(IReadOnlyList<Operation> operations) =>
        AnsweredWrites(operations).GroupBy(operation => operation.Outcome.Version)
            .Select(group => group.DistinctBy(Request).ToArray())
            .Where(writes => writes.Length > 1)
            .Select(writes =>
                Twice($"version {writes[0].Outcome.Version} was given to two requests", writes));

    private static IEnumerable<Violation> RequestsWithTwoVersions(IReadOnlyList<Operation> operations) =>
        AnsweredWrites(operations).GroupBy(Request)
            .Select(group => group.DistinctBy(operation => operation.Outcome.Version).ToArray())
            .Where(writes => writes.Length > 1)
            .Select(writes => Twice("one request was given two versions", writes));

    private static IEnumerable<Violation> WrongSums(IReadOnlyList<Operation> operations)
    {
        var writes = operations.Where(operation => operation.Invocation.Kind != OperationKind.Get).ToArray();
        if (!writes.All(write =>
            write.Invocation is { Kind: OperationKind.Add, Delta: > 0, IfVersion: null }))
            yield break;
        foreach (var read in operations.Where(read => read.Outcome.Kind == OutcomeKind.Ok))
        {
            if (read.Invocation.Kind != OperationKind.Get || !TryNumber(read.Outcome.Value, out var seen))
                continue;
            var least = Sum(writes.Where(add => add.Outcome.Kind == OutcomeKind.Ok
                && add.CompletedEvent < read.InvokedEvent));
            var most = Sum(writes.Where(add => add.Outcome.Kind != OutcomeKind.Failed
                && add.InvokedEvent < read.CompletedEvent));
            if (seen < least || seen > most)
                yield return Twice($"a sum of at least {least} and at most {most} was asked for", [read]);
        }
    }

    private static IEnumerable<Operation> AnsweredWrites(IReadOnlyList<Operation> operations) =>
        operations.Where(operation => operation.Invocation.Kind != OperationKind.Get
            && operation.Outcome is { Kind: OutcomeKind.Ok, Version: not null });

    // Operations without a request id are requests of their own.
    private static (int Client, ulong Request, int Id) Request(Operation operation) =>
        operation.Invocation.Request == 0
            ? (operation.Invocation.Client, 0, operation.Id)
            : (operation.Invocation.Client, operation.Invocation.Request, -1);

    // The value that the operation knows to have had the version that it tells.
    private static string? ValueAtVersion(Operation operation) => operation.Invocation.Kind switch
    {
        OperationKind.Get => operation.Outcome.Value,
        OperationKind.Put => operation.Invocation.Value,
        _ => null,
    };

    private static bool TryNumber(string? value, out long number)
    {
        number = 0;
        return value is null
            || long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);
    }

    // One request recorded as several operations adds once.
    private static Int128 Sum(IEnumerable<Operation> additions) =>
        additions.DistinctBy(Request).Aggregate(Int128.Zero, (sum, add) => sum + add.Invocation.Delta);

    private static Violation Twice(string what, Operation[] operations) => new(
        Theorem, operations[0].Invocation.Key,
        $"{operations[0].Invocation.Key}: {what}\n  {string.Join("\n  ", operations.AsEnumerable())}",
        operations);
}
