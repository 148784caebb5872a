using System.Diagnostics;
using System.Globalization;
using Kvorum.Client;
using Kvorum.Protocol;
using Kvorum.Verification;

namespace Kvorum.Cli.Chaos;

/// <summary>
/// One client: reads, writes, deletes and compares-and-sets registers, and counts counters by reading and
/// comparing-and-setting; every request and what came of it is recorded. What may have happened it asks for
/// again with the same ids, some times, and then leaves it unknown.
/// </summary>
internal sealed class RegisterClient(int number, KvorumClient client, Recorder recorder, ChaosOptions options)
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(8);

    private static readonly ReadOptions ByLease = new() { Consistency = ReadConsistency.Lease };

    private readonly Random _random = new((options.Seed * 1000) + number);
    private readonly Dictionary<string, ulong> _versions = [];
    private ulong _request;
    private int _value;

    /// <summary>All keys.</summary>
    public static IEnumerable<string> Keys(ChaosOptions options) =>
        Enumerable.Range(0, options.Keys).Select(n => IsCounter(n) ? $"counter-{n}" : $"register-{n}");

    /// <summary>One operation after the other until cancelled.</summary>
    public async Task Run(CancellationToken cancel)
    {
        string[] keys = [.. Keys(options)];
        while (!cancel.IsCancellationRequested)
        {
            var n = _random.Next(keys.Length);
            await (IsCounter(n) ? Count(keys[n]) : Register(keys[n])).ConfigureAwait(false);
            await Task.Delay(_random.NextDouble() * 2 * Pace, CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>Reads and records.</summary>
    public async Task<Outcome> Get(string key)
    {
        var operation = recorder.Invoke(new(number, OperationKind.Get, key));
        Outcome outcome;
        try
        {
            var how = options.LeaseReads && _random.Next(2) == 0 ? ByLease : null;
            var result = await client.GetAsync(key, how).ConfigureAwait(false);
            outcome = result.Text is { } text ? Outcome.Found(text, result.Version) : Outcome.Absent;
        }
        catch (KvorumException)
        {
            outcome = Outcome.Failed;
        }

        return Ended(operation, outcome);
    }

    /// <summary>A write to a register, a reading of a counter.</summary>
    public Task<Outcome> Touch(string key) =>
        key.StartsWith("counter", StringComparison.Ordinal) ? Get(key) : Put(key);

    private static bool IsCounter(int key) => key % 3 == 2;

    private Task<Outcome> Put(string key, ulong? ifVersion = null) =>
        Write(new(number, OperationKind.Put, key)
        {
            Value = string.Create(CultureInfo.InvariantCulture, $"{number}.{++_value}"),
            IfVersion = ifVersion,
            ReturnsPrevious = _random.Next(4) == 0,
        });

    private Task<Outcome> Register(string key) => _random.Next(100) switch
    {
        < 40 => Get(key),
        < 68 => Put(key),
        < 88 => Put(key, _versions.GetValueOrDefault(key)),
        < 95 => Write(new(number, OperationKind.Delete, key)),
        _ => Write(new(number, OperationKind.Delete, key) { IfVersion = _versions.GetValueOrDefault(key) }),
    };

    private async Task<Outcome> Count(string key)
    {
        var read = await Get(key).ConfigureAwait(false);
        if (read.Kind != OutcomeKind.Ok)
            return read;
        var next = int.Parse(read.Value ?? "0", CultureInfo.InvariantCulture) + 1;
        return await Write(new(number, OperationKind.Put, key)
        {
            Value = next.ToString(CultureInfo.InvariantCulture),
            IfVersion = read.Version,
        }).ConfigureAwait(false);
    }

    private async Task<Outcome> Write(Invocation asked)
    {
        asked = asked with { Request = ++_request };
        var operation = recorder.Invoke(asked);
        var mayHaveHappened = false;
        // Some are left at the first doubt: what is unknown is a case of its own.
        for (var left = _random.Next(4); ; left--)
        {
            try
            {
                return Ended(operation, await Send(asked).ConfigureAwait(false));
            }
            catch (KvorumException e) when (e.Status == ReplyStatus.ConditionFailed)
            {
                return Ended(operation, Outcome.Refused(e.Version));
            }
            catch (KvorumException e)
            {
                mayHaveHappened |= e.Retry == RetryAdvice.SameIds || e.Status == ReplyStatus.SessionExpired;
                if (left == 0 || e.Retry == RetryAdvice.Never)
                    return Ended(operation, mayHaveHappened ? Outcome.Unknown : Outcome.Failed);
            }
        }
    }

    private async Task<Outcome> Send(Invocation asked)
    {
        var how = new WriteOptions
        {
            RequestId = asked.Request,
            IfVersion = asked.IfVersion,
            ReturnPrevious = asked.ReturnsPrevious,
        };
        var result = asked.Kind switch
        {
            OperationKind.Put =>
                await client.PutAsync(asked.Key, asked.Value!, how).ConfigureAwait(false),
            OperationKind.Delete => await client.DeleteAsync(asked.Key, how).ConfigureAwait(false),
            _ => throw new UnreachableException($"{asked.Kind} is no write."),
        };
        return Outcome.Written(result.Version, result.PreviousText);
    }

    private Outcome Ended(Operation operation, Outcome outcome)
    {
        var asked = operation.Invocation;
        var isGone = asked.Kind == OperationKind.Delete && outcome.Kind == OutcomeKind.Ok;
        if (outcome.Version is { } version)
            _versions[asked.Key] = isGone ? 0 : version;
        recorder.Complete(operation, outcome);
        return outcome;
    }
}
