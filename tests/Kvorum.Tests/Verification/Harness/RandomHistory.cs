using System.Globalization;
using Kvorum.Verification;

namespace Kvorum.Tests.Verification.Harness;

/// <summary>
/// Histories of a correct store with one key, by seed: each operation takes effect at one moment between its
/// invocation and its end; some clients never hear what became of theirs, and some of those operations take
/// effect later, or never.
/// </summary>
internal sealed class RandomHistory
{
    private readonly Random _random;
    private readonly Settings _settings;
    private readonly List<Running> _running = [];
    private readonly Dictionary<Operation, Outcome> _ends = [];
    private string? _value;
    private ulong _version;
    private ulong _newest;
    private readonly List<(string Value, ulong Version)> _held = [];
    private int _written;

    private RandomHistory(Random random, Settings settings)
    {
        _random = random;
        _settings = settings;
    }

    /// <summary>What the history shall be like.</summary>
    public sealed record Settings
    {
        public int Operations { get; init; } = 6;

        public int Clients { get; init; } = 3;

        public double UnknownShare { get; init; } = 0.2;

        /// <summary>True for answers with versions, and conditions on them.</summary>
        public bool Versions { get; init; } = true;

        /// <summary>Share of the answers that report no version even then.</summary>
        public double WithoutVersionShare { get; init; } = 0.15;

        /// <summary>True for values that differ from write to write.</summary>
        public bool DistinctValues { get; init; }

        /// <summary>True if values end: theirs is a moment too. Values must differ, with versions.</summary>
        public bool Ends { get; init; }

        public double AddShare { get; init; }

        public double ReadShare { get; init; } = 0.35;
    }

    /// <summary>A history; its answers can be changed before they are entered.</summary>
    public static History Make(
        Random random, Settings settings, Func<Operation, Outcome, Outcome>? falsify = null)
    {
        var maker = new RandomHistory(random, settings);
        return maker.Run(falsify ?? ((_, outcome) => outcome));
    }

    private History Run(Func<Operation, Outcome, Outcome> falsify)
    {
        var history = new History();
        var client = 0;
        while (history.Operations.Count < _settings.Operations || _running.Any(running => !running.IsLost))
        {
            var open = _running.Count(running => !running.IsLost);
            if (_settings.Ends && _held.Count > 0 && _random.Next(8) == 0)
                End(history);
            var mayAsk = open < _settings.Clients && history.Operations.Count < _settings.Operations;
            if (mayAsk && _random.Next(2) == 0)
            {
                _running.Add(new(history.Invoke(Ask(++client % _settings.Clients))));
            }
            else if (_running.Count > 0)
            {
                Move(history, _running[_random.Next(_running.Count)], falsify);
            }
        }

        return history;
    }

    // First it takes effect, or its client gives up; then it ends.
    private void Move(History history, Running running, Func<Operation, Outcome, Outcome> falsify)
    {
        var operation = running.Operation;
        if (running.IsLost || !_ends.TryGetValue(operation, out var end))
        {
            if (!running.IsLost && _random.NextDouble() < _settings.UnknownShare)
            {
                running.IsLost = true;
                if (_random.Next(3) > 0)
                    history.Complete(operation, Outcome.Unknown);
                return;
            }

            _ends[operation] = TakeEffect(operation.Invocation);
            if (running.IsLost)
                _running.Remove(running);
            return;
        }

        history.Complete(operation, falsify(operation, end));
        _running.Remove(running);
    }

    // Mostly of what the key holds; now and then of what it held long ago, which changes nothing.
    private void End(History history)
    {
        var (value, version) = _random.Next(3) > 0 ? _held[^1] : _held[_random.Next(_held.Count)];
        var isThere = value == _value && version == _version;
        var end = history.Invoke(new(-1, OperationKind.Expire, "x") { Value = value, OfVersion = version });
        history.Complete(end, !isThere && _random.Next(3) == 0 ? Outcome.Unknown : Outcome.Written());
        if (isThere)
            (_value, _version) = (null, 0);
    }

    private Invocation Ask(int client)
    {
        var draw = _random.NextDouble();
        if (draw < _settings.ReadShare)
            return new(client, OperationKind.Get, "x");
        draw = _random.NextDouble();
        if (draw < _settings.AddShare)
            return new(client, OperationKind.Add, "x") { Delta = _random.Next(1, 3) };
        ulong? condition = _settings.Versions && _random.Next(3) == 0
            ? _random.Next(2) == 0 ? _version : (ulong)_random.Next(0, (int)_newest + 2)
            : null;
        if (_random.Next(5) == 0)
            return new(client, OperationKind.Delete, "x") { IfVersion = condition };
        return new(client, OperationKind.Put, "x")
        {
            Value = NewValue(),
            IfVersion = condition,
            ReturnsPrevious = _random.Next(4) == 0,
        };
    }

    private string NewValue() => (_settings.DistinctValues ? ++_written : _random.Next(1, 4))
        .ToString(CultureInfo.InvariantCulture);

    private Outcome TakeEffect(in Invocation asked)
    {
        if (asked.Kind == OperationKind.Get)
            return _value is null ? Outcome.Absent : Outcome.Found(_value, Reported(_version));
        if (asked.IfVersion is { } expected && expected != _version)
            return Outcome.Refused(Reported(_version));
        var previous = _value;
        _newest += (ulong)_random.Next(1, 3);
        _value = asked.Kind switch
        {
            OperationKind.Put => asked.Value,
            OperationKind.Delete => null,
            _ => Text(long.Parse(_value ?? "0", CultureInfo.InvariantCulture) + asked.Delta),
        };
        _version = _value is null ? 0 : _newest;
        if (_value is not null)
            _held.Add((_value, _version));
        var tellsSum = asked.Kind == OperationKind.Add && _random.Next(2) == 0;
        var told = asked.ReturnsPrevious ? previous : tellsSum ? _value : null;
        return new(OutcomeKind.Ok, told, Reported(_newest));
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private ulong? Reported(ulong version) =>
        _settings.Versions && _random.NextDouble() >= _settings.WithoutVersionShare ? version : null;

    private sealed class Running(Operation operation)
    {
        public Operation Operation { get; } = operation;

        public bool IsLost { get; set; }
    }
}
