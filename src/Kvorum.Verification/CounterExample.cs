using System.Globalization;
using Kvorum.Verification.Search;

namespace Kvorum.Verification;

/// <summary>
/// Explains why a history has no order. The shortest prefix of the key's events without an order ends with an
/// answer that no order explains: the text has that answer, the possible states of the key before it, and the
/// operations around it.
/// </summary>
internal static class CounterExample
{
    private const int OperationsTold = 24;
    private const long ConfigurationsForTheStates = 200_000;

    /// <summary>The counter-example of a key whose operations have no order.</summary>
    /// <param name="key">The key.</param>
    /// <param name="operations">All its operations.</param>
    /// <param name="furthestBlocked">
    /// Number of the completion that the search of all could not pass: a lower bound of the shortest prefix.
    /// </param>
    /// <param name="configurationsMax">Bound of each search.</param>
    public static Violation Of(
        string key, IReadOnlyList<Operation> operations, int furthestBlocked, long configurationsMax)
    {
        var answered = operations.Where(operation => operation.IsCertain)
            .OrderBy(operation => operation.CompletedEvent)
            .ToArray();
        var failing = answered[ShortestPrefix(operations, answered, furthestBlocked, configurationsMax)];
        var last = failing.CompletedEvent!.Value;
        var search = new LinearizationSearch(
            new KeySteps(operations, last), Math.Min(configurationsMax, ConfigurationsForTheStates),
            looksAhead: false);
        search.Run();

        var prefix = operations.Where(operation => operation.InvokedEvent <= last).ToArray();
        var told = Around(prefix, failing);
        var states = search.StatesBeforeTheEnd.DefaultIfEmpty("(the search for them took too long)");
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"""
            no order of the operations on {key} explains the answer at event {last}:
              {failing}
            Before it the key could hold: {string.Join("; or ", states)}.
            The shortest part of the history without an order is its first {prefix.Length} operations
            on this key; of them:
            {Indented(told)}
            """);
        return new(LinearizabilityChecker.Theorem, key, text, told);
    }

    // If a history has an order each prefix has one, so the shortest prefix without an order is found by
    // bisection, in a range that grows from where the search of all was blocked; mostly that is close.
    private static int ShortestPrefix(
        IReadOnlyList<Operation> operations, Operation[] answered, int furthestBlocked,
        long configurationsMax)
    {
        var low = Math.Max(
            0, Array.FindIndex(answered, operation => operation.CompletedEvent >= furthestBlocked));
        var high = low;
        for (var stride = 1; high < answered.Length - 1 && HasOrder(high); stride *= 2)
            (low, high) = (high + 1, Math.Min(high + stride, answered.Length - 1));
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (HasOrder(middle))
                low = middle + 1;
            else
                high = middle;
        }

        return low;

        bool HasOrder(int last)
        {
            var steps = new KeySteps(operations, answered[last].CompletedEvent!.Value);
            return new LinearizationSearch(steps, configurationsMax).Run() != SearchVerdict.None;
        }
    }

    // Operations of the same value or version, and the last operations before.
    private static Operation[] Around(Operation[] prefix, Operation failing)
    {
        var related = prefix.Where(operation => operation == failing || IsRelated(operation, failing));
        var near = prefix.Where(operation => operation.IsCertain || MayBeWritten(operation))
            .OrderByDescending(operation =>
                operation.IsCertain ? operation.CompletedEvent : operation.InvokedEvent);
        return [.. related.Concat(near).Distinct().Take(OperationsTold)
            .OrderBy(operation => operation.InvokedEvent)];
    }

    private static bool MayBeWritten(Operation operation) =>
        operation.Outcome.Kind != OutcomeKind.Failed && operation.Invocation.Kind != OperationKind.Get;

    private static bool IsRelated(Operation operation, Operation failing) =>
        (failing.Outcome.Value is { } value
            && (operation.Invocation.Value == value || operation.Outcome.Value == value))
        || (failing.Outcome.Version is > 0 and { } version && operation.Outcome.Version == version)
        || (failing.Invocation.IfVersion is > 0 and { } expected && operation.Outcome.Version == expected);

    private static string Indented(IEnumerable<Operation> operations) =>
        string.Join('\n', operations.Select(operation => $"  {operation}"));
}
