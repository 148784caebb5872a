using System.Diagnostics;
using Kvorum.Client;

namespace Kvorum.Cli.Bench;

/// <summary>
/// A run of closed-loop load: each client asks, waits for the answer, asks again. Clients are cheap tasks
/// over one <see cref="KvorumClient"/>; what they measure includes all that a program would wait for,
/// repetitions too.
/// </summary>
internal sealed class BenchRun
{
    private readonly BenchOptions _options;
    private readonly KvorumClient _client;
    private readonly KeyPicker _keys;
    private readonly byte[] _value;
    private readonly BenchClient[] _clients;
    private long _filled;

    public BenchRun(BenchOptions options, KvorumClient client)
    {
        (_options, _client) = (options, client);
        // Other keys than those of the run before, where there are many.
        var first = Random.Shared.NextInt64(options.Keys);
        _keys = new(options.Keys, options.Distribution, first);
        _value = new byte[options.ValueSize];
        new Random(1).NextBytes(_value);
        _clients = [.. Enumerable.Range(0, options.Clients).Select(_ => new BenchClient())];
    }

    /// <summary>Keys written by <see cref="FillAsync"/> so far.</summary>
    public long Filled => Volatile.Read(ref _filled);

    /// <summary>Operations that have succeeded so far, those of the warm-up included.</summary>
    public long Done => _clients.Sum(client => client.Done);

    /// <summary>Operations that have failed so far, those of the warm-up included.</summary>
    public long Failed => _clients.Sum(client => client.Failures);

    /// <summary>Writes every key once, by all clients together.</summary>
    public async Task FillAsync(CancellationToken cancelled)
    {
        long next = -1;
        await Task.WhenAll(_clients.Select(_ => Task.Run(Fill, cancelled))).ConfigureAwait(false);

        async Task Fill()
        {
            while (Interlocked.Increment(ref next) is var number && number < _options.Keys)
            {
                await _client.PutAsync(BenchKeys.Of(number, _options.KeySize), _value, null, cancelled)
                    .ConfigureAwait(false);
                Interlocked.Increment(ref _filled);
            }
        }
    }

    /// <summary>Warms up, measures, and sums up.</summary>
    public async Task<BenchResult> MeasureAsync(CancellationToken cancelled)
    {
        using var timeline = _options.Timeline == TimeSpan.Zero
            ? null : new BenchTimeline(_options.Timeline, () => (Done, Failed));
        var tasks = _clients.Select(
            client => Task.Run(() => LoadAsync(client), CancellationToken.None)).ToArray();
        await PauseAsync(_options.Warmup, cancelled).ConfigureAwait(false);
        Array.ForEach(_clients, static client => client.IsMeasuring = true);
        var (began, cpuBefore) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        await PauseAsync(_options.Duration, cancelled).ConfigureAwait(false);
        var (elapsed, cpu) = (Stopwatch.GetElapsedTime(began), Environment.CpuUsage.TotalTime - cpuBefore);
        // Only what has ended by now is counted: clients that wait for the last answer must not stretch the
        // time.
        Array.ForEach(_clients, static client => client.IsMeasuring = false);
        Array.ForEach(_clients, static client => client.IsOver = true);
        var steps = timeline?.End();
        await Task.WhenAll(tasks).ConfigureAwait(false);
        return SumUp(elapsed, cpu) with { Timeline = steps };
    }

    private static async Task PauseAsync(TimeSpan time, CancellationToken cancelled)
    {
        try
        {
            await Task.Delay(time, cancelled).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Ctrl+C ends the run early; what was measured until then is reported.
        }
    }

    private async Task LoadAsync(BenchClient client)
    {
        var options = new ReadOptions { Consistency = _options.Consistency };
        while (!client.IsOver)
        {
            var key = BenchKeys.Of(_keys.Next(client.Random), _options.KeySize);
            var isRead = client.Random.NextDouble() < _options.Reads;
            var asked = Stopwatch.GetTimestamp();
            try
            {
                if (!isRead)
                    await _client.PutAsync(key, _value).ConfigureAwait(false);
                else if (!(await _client.GetAsync(key, options).ConfigureAwait(false)).Found)
                    client.CountAbsent();
                client.Count(isRead, Stopwatch.GetElapsedTime(asked));
            }
            catch (KvorumException e)
            {
                client.CountFailure(e.Status.ToString());
            }
        }
    }

    private BenchResult SumUp(TimeSpan elapsed, TimeSpan cpu)
    {
        var (all, reads, writes) = (new LatencyHistogram(), new LatencyHistogram(), new LatencyHistogram());
        var errors = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var client in _clients)
        {
            reads.Add(client.Reads);
            writes.Add(client.Writes);
            foreach (var (status, count) in client.Errors)
                errors[status] = errors.GetValueOrDefault(status) + count;
        }

        all.Add(reads);
        all.Add(writes);
        return new(
            _options.Workload, _options.Clients, _options.Connections, _options.KeySize, _options.ValueSize,
            _options.Keys, _options.Distribution, _options.Reads,
            $"{_options.Consistency}".ToLowerInvariant(),
            Math.Round(elapsed.TotalSeconds, 3), all.Count, Math.Round(all.Count / elapsed.TotalSeconds, 1),
            BenchLatency.Of(all) ?? new(0, 0, 0, 0, 0, 0, 0), BenchLatency.Of(reads), BenchLatency.Of(writes),
            _clients.Sum(client => client.Absent), errors.Values.Sum(), errors,
            Math.Round(cpu.TotalMicroseconds / Math.Max(1, all.Count), 2));
    }
}
