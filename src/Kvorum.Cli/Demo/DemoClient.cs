using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Kvorum.Client;

namespace Kvorum.Cli.Demo;

/// <summary>
/// A client that writes and reads all the time, a few calls at once. Each write holds only for the version
/// that the one before gave the key, and each key has one writer: a write that was lost, or applied twice,
/// fails the next one. Every tenth write is sent again with the same ids, and must get the first answer.
/// </summary>
internal sealed class DemoClient : IAsyncDisposable
{
    private const int Workers = 4;
    private const int KeysPerWorker = 250;
    private const int ValueBytes = 400;

    // As long as an election may take on a busy machine: a call must get through within it.
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    // The client is a guest on a machine that also runs six servers.
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(5);

    private readonly KvorumClient _client;
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentQueue<string> _problems = new();
    private readonly ConcurrentDictionary<string, (string Value, ulong Version)> _acknowledged = new();
    private Task _work = Task.CompletedTask;
    private ulong _lastRequest;
    private long _operations;
    private long _longestMs;

    public DemoClient(IReadOnlyList<string> addresses) => _client = KvorumClient.Connect(new()
    {
        Addresses = addresses,
        Name = "kvorum-demo",
        Timeout = Deadline,
    });

    /// <summary>Calls that were answered.</summary>
    public long Operations => Interlocked.Read(ref _operations);

    /// <summary>Calls that failed, or were answered wrongly: each in words.</summary>
    public IReadOnlyCollection<string> Problems => _problems;

    /// <summary>The longest that a call took: for so long one of the callers stood still.</summary>
    public TimeSpan LongestPause => TimeSpan.FromMilliseconds(Interlocked.Read(ref _longestMs));

    /// <summary>The newest acknowledged value of each key.</summary>
    public IReadOnlyDictionary<string, (string Value, ulong Version)> Acknowledged => _acknowledged;

    public void Start() =>
        _work = Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(() => Work(worker))));

    /// <summary>Ends the work; the calls under way are waited for.</summary>
    public async Task Stop()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await _work.ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await Stop().ConfigureAwait(false);
        await _client.DisposeAsync().ConfigureAwait(false);
        _end.Dispose();
    }

    private async Task Work(int worker)
    {
        for (var n = 0; !_end.IsCancellationRequested; n++)
        {
            var key = $"demo:{worker}:{n % KeysPerWorker}";
            await Call($"put {key}", () => Write(key, worker, n)).ConfigureAwait(false);
            var read = $"demo:{worker}:{n * 7 % KeysPerWorker}";
            await Call($"get {read}", () => Read(read)).ConfigureAwait(false);
            await Task.Delay(Pace).ConfigureAwait(false);
        }
    }

    private async Task Call(string what, Func<Task> call)
    {
        var time = Stopwatch.StartNew();
        try
        {
            await call().ConfigureAwait(false);
            Interlocked.Increment(ref _operations);
        }
        catch (Exception e) when (e is KvorumException or FormatException)
        {
            _problems.Enqueue($"{what}: {e.Message}");
        }

        var ms = time.ElapsedMilliseconds;
        for (var seen = LongestMs; ms > seen; seen = LongestMs)
            Interlocked.CompareExchange(ref _longestMs, ms, seen);
    }

    private long LongestMs => Interlocked.Read(ref _longestMs);

    private async Task Write(string key, int worker, int n)
    {
        var value = string.Create(CultureInfo.InvariantCulture, $"{worker}:{n}:").PadRight(ValueBytes, '.');
        var options = new WriteOptions
        {
            IfVersion = _acknowledged.TryGetValue(key, out var last) ? last.Version : 0,
            RequestId = Interlocked.Increment(ref _lastRequest),
        };
        var written = await _client.PutAsync(key, value, options).ConfigureAwait(false);
        _acknowledged[key] = (value, written.Version);
        if (n % 10 != 0)
            return;
        var repeated = await _client.PutAsync(key, value, options).ConfigureAwait(false);
        if (!repeated.IsReplayed || repeated.Version != written.Version)
            throw new FormatException(
                $"sent again it got version {repeated.Version}, not the first answer's {written.Version}");
    }

    private async Task Read(string key)
    {
        var found = await _client.GetAsync(key).ConfigureAwait(false);
        var due = _acknowledged.TryGetValue(key, out var last) ? last.Value : null;
        if (found.Text != due)
            throw new FormatException($"read {found.Text ?? "nothing"}, acknowledged {due ?? "nothing"}");
    }
}
