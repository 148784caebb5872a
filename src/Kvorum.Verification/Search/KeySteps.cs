using System.Globalization;

namespace Kvorum.Verification.Search;

/// <summary>
/// A part of a key's operations, made ready for the search: those asked up to an event, of which those that
/// had not ended by then count as unknown. Failed operations and reads without an answer are left out.
/// </summary>
internal sealed class KeySteps
{
    private readonly List<string> _values = [];
    private readonly Dictionary<string, int> _numbers = [];
    private readonly HashSet<string> _seen = [];
    private readonly Dictionary<(OperationKind, int, long, ulong?), int> _twins = [];
    private readonly bool _adds;

    public KeySteps(IReadOnlyList<Operation> operations, int lastEvent)
    {
        LastEvent = lastEvent;
        foreach (var operation in operations.Where(IsCertain))
        {
            if (operation.Outcome.Value is { } value)
                _seen.Add(value);
        }

        foreach (var end in operations.Where(one => one.Invocation.Kind == OperationKind.Expire))
            _seen.Add(end.Invocation.Value!);

        _adds = operations.Any(operation => operation.Invocation.Kind == OperationKind.Add);
        Steps = new(operations.Count);
        foreach (var operation in operations.Where(Matters))
            Steps.Add(StepOf(operation));
        CountRepeats();
        if (!_adds)
            PlaceWhatWasSeen();
    }

    /// <summary>The steps, in the order of their invocations.</summary>
    public List<KeyStep> Steps { get; }

    /// <summary>Number of the last event that counts.</summary>
    public int LastEvent { get; }

    /// <summary>The value with that number.</summary>
    public string ValueOf(int number) => _values[number];

    /// <summary>
    /// The number of what a value becomes by adding; false if it is no decimal number or becomes too large.
    /// </summary>
    public bool TryAdd(int value, long delta, out int sum)
    {
        var number = 0L;
        sum = 0;
        var isNumber = value == RegisterState.Absent
            || long.TryParse(
                _values[value], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);
        if (!isNumber || (delta > 0 ? number > long.MaxValue - delta : number < long.MinValue - delta))
            return false;
        sum = NumberOf((number + delta).ToString(CultureInfo.InvariantCulture));
        return true;
    }

    // The first kinds of steps of unknown outcome that were asked more than once get lanes.
    private void CountRepeats()
    {
        var deeds = Steps.Index().Where(step => !step.Item.IsCertain)
            .GroupBy(step => Deed(step.Item))
            .Where(group => !group.First().Item.IsSpentByVersion)
            .Where(group => group.Count() is > 1 and < RepeatCounts.LaneMax)
            .Take(RepeatCounts.Lanes);
        foreach (var (lane, group) in deeds.Index())
        {
            foreach (var (index, step) in group)
                Steps[index] = step with { Repeats = RepeatCounts.One(lane) };
        }
    }

    // If a value was read that only one step can have set, the step happened and got that version.
    private void PlaceWhatWasSeen()
    {
        var versions = Steps.Where(step => step is { Kind: OperationKind.Get, Seen: >= 0, Version: not null })
            .DistinctBy(step => step.Seen)
            .ToDictionary(step => step.Seen, step => step.Version);
        var onlyWriters = Steps.Index()
            .Where(step => step.Item is { Kind: OperationKind.Put, IsRefused: false })
            .GroupBy(step => step.Item.Value)
            .Where(group => versions.ContainsKey(group.Key) && group.Count() == 1)
            .Select(group => group.First())
            .Where(step => !step.Item.IsCertain);
        foreach (var (index, step) in onlyWriters.ToArray())
            Steps[index] = step with { Version = versions[step.Value] };
    }

    private bool IsCertain(Operation operation) =>
        operation.IsCertain && operation.CompletedEvent <= LastEvent;

    private bool Matters(Operation operation) => operation.InvokedEvent <= LastEvent
        && operation.Outcome.Kind != OutcomeKind.Failed
        && (IsCertain(operation) || operation.Invocation.Kind != OperationKind.Get);

    private KeyStep StepOf(Operation operation)
    {
        var asked = operation.Invocation;
        var certain = IsCertain(operation);
        var step = new KeyStep
        {
            Operation = operation,
            Kind = asked.Kind,
            IsCertain = certain,
            IsRefused = certain && operation.Outcome.Kind == OutcomeKind.Refused,
            Value = asked.Value is { } value ? WrittenBy(value, certain) : 0,
            Delta = asked.Delta,
            Seen = certain ? SeenBy(operation) : KeyStep.NothingSeen,
            IfVersion = asked.IfVersion,
            Version = asked.Kind == OperationKind.Expire ? asked.OfVersion
                : certain ? operation.Outcome.Version : null,
            Twin = -1,
        };
        return certain ? step : step with { Twin = TwinOf(step) };
    }

    // All values of unknown writes that were never read count as one value: they are interchangeable.
    private int WrittenBy(string value, bool certain) =>
        NumberOf(certain || _adds || _seen.Contains(value) ? value : "(a value that was never read)");

    private int SeenBy(Operation operation) => (operation.Invocation, operation.Outcome) switch
    {
        (_, { Kind: OutcomeKind.Refused }) => KeyStep.NothingSeen,
        (_, { Value: { } value }) => NumberOf(value),
        ({ Kind: OperationKind.Get } or { ReturnsPrevious: true }, _) => RegisterState.Absent,
        _ => KeyStep.NothingSeen,
    };

    private int TwinOf(in KeyStep step)
    {
        var deed = Deed(step);
        var twin = _twins.GetValueOrDefault(deed, -1);
        _twins[deed] = Steps.Count;
        return twin;
    }

    private static (OperationKind, int, long, ulong?) Deed(in KeyStep step) =>
        (step.Kind, step.Value, step.Delta, step.IfVersion);

    private int NumberOf(string value)
    {
        if (!_numbers.TryGetValue(value, out var number))
        {
            _numbers[value] = number = _values.Count;
            _values.Add(value);
        }

        return number;
    }
}
