using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Kvorum.Client;
using Kvorum.Protocol;

namespace Kvorum.Cli.Demo;

/// <summary>What a client may demand of the keyspace that it writes to.</summary>
internal enum DemoPromise
{
    /// <summary>Strong: also writes that hold for one version of the key only.</summary>
    Linearizable,

    /// <summary>Quorum, strict: a read sees what was acknowledged, a repeated write happens once.</summary>
    SeesAcknowledged,

    /// <summary>Quorum, sloppy: what was acknowledged is there in the end.</summary>
    Converges,
}

/// <summary>
/// A client that writes and reads all the time, a few calls at once; each key has one writer. In a strong
/// keyspace each write holds only for the version that the one before gave the key: a write that was lost, or
/// applied twice, fails the next one. Every tenth write is sent again with the same ids, and must get the
/// first answer; each read must find what was acknowledged. A sloppy keyspace promises neither.
/// </summary>
internal sealed class DemoClient : IAsyncDisposable
{
    private const int KeysPerWorker = 250;
    private const int ValueBytes = 400;

    // As long as an election may take on a busy machine: a call must get through within it.
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    // The client is a guest on a machine that also runs six servers.
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(5);

    private readonly KvorumClient _client;
    private readonly DemoPromise _promise;
    private readonly int _workers;
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentQueue<string> _problems = new();
    private readonly ConcurrentDictionary<string, (string Value, ulong Version)> _acknowledged = new();
    private Task _work = Task.CompletedTask;
    private ulong _lastRequest;
    private long _operations;
    private long _longestMs;
    private long _staleReads;

    /// <param name="addresses">Of the servers.</param>
    /// <param name="keyspace">Where it writes.</param>
    /// <param name="promise">What it may demand there.</param>
    /// <param name="workers">Calls at once.</param>
    /// <param name="tls">As whom; null without TLS.</param>
    public DemoClient(
        IReadOnlyList<string> addresses, string keyspace = KeyspaceName.Default,
        DemoPromise promise = DemoPromise.Linearizable, int workers = 4, KvorumTls? tls = null)
    {
        (_promise, _workers) = (promise, workers);
        _client = KvorumClient.Connect(new()
        {
            Addresses = addresses,
            Name = "kvorum-demo",
            Keyspace = keyspace,
            Timeout = Deadline,
            Tls = tls,
        });
    }

    /// <summary>Reads that did not find what was acknowledged, where that is not promised.</summary>
    public long StaleReads => Interlocked.Read(ref _staleReads);

    /// <summary>Calls that were answered.</summary>
    public long Operations => Interlocked.Read(ref _operations);

    /// <summary>Calls that failed, or were answered wrongly: each in words.</summary>
    public IReadOnlyCollection<string> Problems => _problems;

    /// <summary>The longest that a call took: for so long one of the callers stood still.</summary>
    public TimeSpan LongestPause => TimeSpan.FromMilliseconds(Interlocked.Read(ref _longestMs));

    /// <summary>The newest acknowledged value of each key.</summary>
    public IReadOnlyDictionary<string, (string Value, ulong Version)> Acknowledged => _acknowledged;

    public void Start() =>
        _work = Task.WhenAll(Enumerable.Range(0, _workers).Select(worker => Task.Run(() => Work(worker))));

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
            IfVersion = _promise != DemoPromise.Linearizable ? null
                : _acknowledged.TryGetValue(key, out var last) ? last.Version : 0,
            RequestId = Interlocked.Increment(ref _lastRequest),
        };
        var written = await _client.PutAsync(key, value, options).ConfigureAwait(false);
        _acknowledged[key] = (value, written.Version);
        if (n % 10 != 0 || _promise == DemoPromise.Converges)
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
        if (found.Text == due)
            return;
        if (_promise == DemoPromise.Converges)
            Interlocked.Increment(ref _staleReads);
        else
            throw new FormatException($"read {found.Text ?? "nothing"}, acknowledged {due ?? "nothing"}");
    }
}
