using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Access.Jwt;

/// <summary>Keys that cannot be used; the message names flag, file, reason and remedy.</summary>
internal sealed class JwtKeysException(string message) : Exception(message);

/// <summary>
/// The keys that tokens are checked with. A file is looked at every few seconds, and new contents are taken
/// once they have stayed the same for one interval. A URL is fetched every few minutes, and sooner when a
/// token names a key that is not known. What cannot be used is told, and the former keys stay. All of that
/// is on the thread pool; everything else is quick, on any thread.
/// </summary>
internal sealed class JwtKeys : IAsyncDisposable
{
    /// <summary>How often a file is looked at, and whether it is time to fetch a URL.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    /// <summary>How often a URL is fetched.</summary>
    public static readonly TimeSpan FetchInterval = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How often a URL is fetched at most: tokens that name unknown keys cost nothing to make.
    /// </summary>
    public static readonly TimeSpan FetchPause = TimeSpan.FromSeconds(30);

    private readonly string _source;
    private readonly JwtKeyUrl? _url;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _end = new();
    private readonly Lock _gate = new();
    private readonly ITimer _timer;
    private volatile JwtKeySet _now = JwtKeySet.Empty;
    private volatile string? _failure;
    private volatile JwtKeySet? _lacking;

    // Under the gate, except that a fetch that is under way is alone in changing the marks.
    private Task _fetch = Task.CompletedTask;
    private long? _fetchedAt;
    private DateTimeOffset? _failsSince;
    private string _mark = "";
    private string _seen = "";
    private string _told = "";

    /// <summary>
    /// <see cref="JwtKeysException"/> if a file cannot be used. A URL that fails is an alert: a cluster that
    /// starts again does not wait for its issuer.
    /// </summary>
    public JwtKeys(string source, TimeProvider time, ILogger log)
    {
        (_source, _time, _log) = (source, time, log);
        if (JwtOptions.IsUrl(source))
        {
            _url = new(
                JwtOptions.UrlOf(source) ?? throw new JwtKeysException($"--jwt-keys {source} is no URL"),
                time);
        }
        else if (Take(ReadFile()) is { } why)
        {
            throw new JwtKeysException($"--jwt-keys {source} cannot be used: {why}");
        }

        _timer = time.CreateTimer(
            _ => Look(), null, _url is null ? Interval : TimeSpan.Zero, Interval);
    }

    /// <summary>The keys as they could be used last.</summary>
    public JwtKeySet Now => _now;

    /// <summary>What an operator should act on, a sentence each.</summary>
    public IReadOnlyList<string> HealthIssues => _failure is { } failure ? [failure] : [];

    /// <summary>Ends when no fetch is under way.</summary>
    internal Task Fetching
    {
        get
        {
            lock (_gate)
                return _fetch;
        }
    }

    /// <summary>A token names a key that is not among those: the issuer may have a new one.</summary>
    public void TellLacking(JwtKeySet keys) => _lacking = keys;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync().ConfigureAwait(false);
        await _end.CancelAsync().ConfigureAwait(false);
        await Fetching.ConfigureAwait(false);
        _url?.Dispose();
        _end.Dispose();
    }

    /// <summary>Looks at the file, or whether it is time to fetch. The timer.</summary>
    internal void Look()
    {
        lock (_gate)
        {
            if (_url is null)
                LookAtFile();
            else if (_fetch.IsCompleted && !_end.IsCancellationRequested && IsTimeToFetch())
                _fetch = Fetch(_url);
        }
    }

    private bool IsTimeToFetch() => _fetchedAt is not { } at || _time.GetElapsedTime(at) is var passed
        && passed >= (_lacking == _now || _failure is not null ? FetchPause : FetchInterval);

    private void LookAtFile()
    {
        var read = ReadFile();
        // It may be half written: what is not settled is not looked at.
        var isSettled = read.Mark == _seen;
        _seen = read.Mark;
        if (read.Mark == _mark)
            Succeeded();
        else if (isSettled && Take(read) is { } why)
            Failed(
                why, $"the file of --jwt-keys {_source} has changed and is not taken, the former keys stay");
    }

    private async Task Fetch(JwtKeyUrl url)
    {
        _fetchedAt = _time.GetTimestamp();
        _lacking = null;
        // The lock is the timer's.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        string? why;
        try
        {
            var bytes = await url.Read(_end.Token).ConfigureAwait(false);
            why = Take(new(null, Convert.ToHexString(SHA256.HashData(bytes)), bytes));
        }
        catch (OperationCanceledException)
        {
            return;
        }
        catch (Exception e)
        {
            why = PlainText.Of(e.Message, 1000);
        }

        if (why is not null)
        {
            var since = _failsSince ??= _time.GetUtcNow();
            Failed(why, $"--jwt-keys {_source} fails since {since:u}, "
                + (_now.Keys.Count > 0 ? "the former keys stay" : "and no token is accepted"));
        }
    }

    // Why it cannot be used.
    private string? Take(JwtKeyBytes read)
    {
        if (read.Failure is not null)
            return read.Failure;
        try
        {
            if (read.Mark != _mark)
            {
                _now = JwtKeySet.Read(read.Contents);
                _mark = _seen = read.Mark;
                Log.Loaded(_log, _source, string.Join(", ", _now.Keys.Select(
                    static key => $"{PlainText.Quoted(key.Name)} ({string.Join(' ', key.Algorithms)})")));
                foreach (var (key, why) in _now.LeftOut)
                    Log.LeftOut(_log, PlainText.Quoted(key), _source, why);
            }

            Succeeded();
            return null;
        }
        catch (Exception e)
        {
            // Of whatever kind: the former keys are good, and a timer's exception would end the process.
            return PlainText.Of(e.Message, 1000);
        }
    }

    private void Succeeded() => (_failure, _told, _failsSince) = (null, "", null);

    private void Failed(string why, string what)
    {
        var failure = $"{what}: {why}";
        _failure = failure;
        if (_told != why)
            Log.NotTaken(_log, failure);
        _told = why;
    }

    private JwtKeyBytes ReadFile()
    {
        try
        {
            using var file = File.OpenRead(_source);
            // One more, so that too many are seen.
            var bytes = new byte[Math.Min(file.Length, JwtKeySet.BytesMax) + 1];
            var count = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            var contents = bytes[..count];
            return new(null, Convert.ToHexString(SHA256.HashData(contents)), contents);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException
            or NotSupportedException)
        {
            return new(e.Message, e.Message, []);
        }
    }

    /// <param name="Failure">Why they cannot be read.</param>
    /// <param name="Mark">Differs as soon as they do.</param>
    /// <param name="Contents">The bytes.</param>
    private sealed record JwtKeyBytes(string? Failure, string Mark, byte[] Contents);
}
