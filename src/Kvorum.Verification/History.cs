namespace Kvorum.Verification;

// The door of this project: what clients saw goes into a History as it happens, and the checkers, each of
// which states its theorem in its own file, say whether a store that keeps its promises could have answered
// so: LinearizabilityChecker, ExactlyOnceChecker, DurabilityChecker; of a leaderless store
// RegularRegisterChecker and ConvergedRecordsChecker.

/// <summary>
/// Operations of many clients, and the order of the moments at which they were asked and answered. Open this
/// file first. One caller at a time: clients on several threads append under a lock of theirs, the
/// invocation before the request is sent and the completion after the answer has come.
/// </summary>
public sealed class History
{
    private readonly List<Operation> _operations = [];

    /// <summary>All operations, in the order of their invocations.</summary>
    public IReadOnlyList<Operation> Operations => _operations;

    /// <summary>Number of events so far: invocations and completions.</summary>
    public int EventCount { get; private set; }

    /// <summary>
    /// Appends the moment at which an operation is asked. <paramref name="at"/> is for people; the order of
    /// the calls of this method and of <see cref="Complete"/> is what counts.
    /// </summary>
    public Operation Invoke(in Invocation invocation, TimeSpan at = default)
    {
        ArgumentNullException.ThrowIfNull(invocation.Key);
        if (invocation.Kind is OperationKind.Put or OperationKind.Expire)
            ArgumentNullException.ThrowIfNull(invocation.Value);
        var operation = new Operation(_operations.Count, invocation, EventCount++, at);
        _operations.Add(operation);
        return operation;
    }

    /// <summary>Appends the moment at which an operation ended, and how.</summary>
    /// <exception cref="InvalidOperationException">It has ended before, or is of another
    /// history.</exception>
    public void Complete(Operation operation, in Outcome outcome, TimeSpan at = default)
    {
        ArgumentNullException.ThrowIfNull(operation);
        if (operation.Id >= _operations.Count || _operations[operation.Id] != operation)
            throw new InvalidOperationException($"not an operation of this history: {operation}");
        if (operation.CompletedEvent is not null)
            throw new InvalidOperationException($"has ended before: {operation}");
        operation.Complete(outcome, EventCount++, at);
    }

    /// <summary>The part of it that is about some keys, as of now.</summary>
    public History Of(Func<string, bool> isOne)
    {
        ArgumentNullException.ThrowIfNull(isOne);
        var part = new History { EventCount = EventCount };
        part._operations.AddRange(_operations.Where(one => isOne(one.Invocation.Key)));
        return part;
    }

    /// <summary>
    /// The operations on each key, in the order of their invocations; keys in ordinal order.
    /// </summary>
    public IReadOnlyList<KeyValuePair<string, IReadOnlyList<Operation>>> ByKey() =>
        [.. _operations.GroupBy(operation => operation.Invocation.Key)
            .OrderBy(group => group.Key, StringComparer.Ordinal)
            .Select(group => KeyValuePair.Create<string, IReadOnlyList<Operation>>(group.Key, [.. group]))];

    /// <summary>Operations for people to read, one a line, in the order of their invocations.</summary>
    public static string Text(IEnumerable<Operation> operations) =>
        string.Join('\n', operations.OrderBy(operation => operation.InvokedEvent));
}
