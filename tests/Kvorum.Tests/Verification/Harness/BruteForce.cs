using System.Globalization;
using Kvorum.Verification;

namespace Kvorum.Tests.Verification.Harness;

/// <summary>
/// The checker's naive twin: tries every order of every choice of operations on one key, and for every write
/// whose version was not reported every version that could matter. For a handful of operations.
/// </summary>
internal sealed class BruteForce
{
    private readonly Operation[] _operations;
    private readonly ulong _versionsMax;

    private BruteForce(IReadOnlyList<Operation> operations)
    {
        _operations = [.. operations];
        var mentioned = _operations.SelectMany(operation =>
            new[]
            {
                operation.Outcome.Version ?? 0, operation.Invocation.IfVersion ?? 0,
                operation.Invocation.OfVersion,
            });
        _versionsMax = mentioned.DefaultIfEmpty().Max() + (ulong)_operations.Length;
    }

    public static bool IsLinearizable(History history) => history.ByKey().All(key =>
        new BruteForce(key.Value).CanGoOn(new bool[history.Operations.Count], null, 0, 0));

    private bool CanGoOn(bool[] done, string? value, ulong version, ulong newest)
    {
        if (_operations.All(operation => !operation.IsCertain || done[operation.Id]))
            return true;
        foreach (var operation in _operations.Where(next => MayBeNext(next, done)))
        {
            done[operation.Id] = true;
            if (After(operation, value, version, newest)
                .Any(state => CanGoOn(done, state.Value, state.Version, state.Newest)))
                return true;
            done[operation.Id] = false;
        }

        return false;
    }

    private bool MayBeNext(Operation next, bool[] done) =>
        !done[next.Id] && next.Outcome.Kind != OutcomeKind.Failed
        && _operations.All(other => done[other.Id] || !other.IsCertain
            || other.CompletedEvent > next.InvokedEvent);

    // The states after an operation, none if its answer does not fit.
    private IEnumerable<(string? Value, ulong Version, ulong Newest)> After(
        Operation operation, string? value, ulong version, ulong newest)
    {
        var (asked, outcome) = (operation.Invocation, operation.Outcome);
        if (asked.Kind == OperationKind.Expire)
        {
            if (value == asked.Value && version == asked.OfVersion)
                return [(null, 0, newest)];
            var isOver = value is null || (value != asked.Value && version > asked.OfVersion);
            return operation.IsCertain && isOver
                ? [(value, version, Math.Max(newest, asked.OfVersion))]
                : [];
        }

        var holds = asked.IfVersion is null || asked.IfVersion == version;
        if (outcome.Kind == OutcomeKind.Refused || (!operation.IsCertain && !holds))
        {
            return !holds && (outcome.Version ?? version) == version ? [(value, version, newest)] : [];
        }

        if (!holds)
            return [];
        if (asked.Kind == OperationKind.Get)
        {
            var fits = !operation.IsCertain
                || (outcome.Value == value && (outcome.Version ?? version) == version);
            return fits ? [(value, version, newest)] : [];
        }

        if (operation.IsCertain && asked.ReturnsPrevious && outcome.Value != value)
            return [];
        if (!TryWrite(asked, value, out var written))
            return [];
        if (operation.IsCertain && asked.Kind == OperationKind.Add
            && outcome.Value is { } sum && sum != written)
            return [];
        return Versions(operation, newest).Select(given => (written, written is null ? 0 : given, given));
    }

    private IEnumerable<ulong> Versions(Operation operation, ulong newest)
    {
        for (var version = newest + 1; version <= _versionsMax; version++)
        {
            var isReported = !operation.IsCertain || (operation.Outcome.Version ?? version) == version;
            if (isReported && FitsAllEnds(operation, version))
                yield return version;
        }
    }

    // The end of a value tells which version it had.
    private bool FitsAllEnds(Operation write, ulong version) => _operations
        .Where(end => end.Invocation.Kind == OperationKind.Expire)
        .All(end => end.Invocation.Value == write.Invocation.Value == (end.Invocation.OfVersion == version));

    private static bool TryWrite(Invocation asked, string? value, out string? written)
    {
        written = asked.Kind == OperationKind.Put ? asked.Value : null;
        if (asked.Kind != OperationKind.Add)
            return true;
        var number = 0L;
        if (value is not null
            && !long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number))
            return false;
        written = (number + asked.Delta).ToString(CultureInfo.InvariantCulture);
        return true;
    }
}
