using System.Collections.Concurrent;
using System.Net;

namespace Kvorum.Server.Listeners;

/// <summary>
/// Connections that have not shown yet who they are, at all listeners of a node: how many each address may
/// have, and how long it waits before it may try to log in. Any thread.
/// </summary>
internal sealed class Strangers(TimeProvider time)
{
    // A table of so many sources takes half a megabyte.
    private const int SourcesMax = 4096;

    private readonly AttemptLimiter _attempts = new(SourcesMax);
    private readonly ConcurrentDictionary<(string Listener, string Source), int> _open = new();
    private readonly Lock _gate = new();
    private long _refused;
    private long _failed;
    private long _delayed;

    /// <summary>Connections closed since the start, because their address had too many.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>Attempts to log in that have failed since the start.</summary>
    public long Failed => Interlocked.Read(ref _failed);

    /// <summary>Attempts that had to wait since the start.</summary>
    public long Delayed => Interlocked.Read(ref _delayed);

    /// <summary>Addresses that have such connections now, each listener's by itself.</summary>
    public int SourceCount => _open.Count;

    /// <summary>
    /// A connection has come; null if it is one too many of its address at that listener. Disposed of when it
    /// is known who it is, or it has ended; more than once is once.
    /// </summary>
    public IDisposable? Enter(EndPoint? remote, string listener, int perSourceMax)
    {
        var key = (listener, SourceLines.Name(remote));
        if (_open.AddOrUpdate(key, 1, static (_, count) => count + 1) <= perSourceMax)
            return new Pass(this, key);
        Leave(key);
        Interlocked.Increment(ref _refused);
        return null;
    }

    /// <summary>An attempt to log in begins as soon as this ends.</summary>
    public Task WaitAsync(EndPoint? remote, CancellationToken cancelled)
    {
        long waitMs;
        lock (_gate)
            waitMs = _attempts.Begin(SourceLines.Name(remote), NowMs());
        if (waitMs <= 0)
            return Task.CompletedTask;
        Interlocked.Increment(ref _delayed);
        return Task.Delay(TimeSpan.FromMilliseconds(waitMs), time, cancelled);
    }

    /// <summary>An attempt from there has failed; how many in a row now.</summary>
    public int AttemptFailed(EndPoint? remote)
    {
        Interlocked.Increment(ref _failed);
        lock (_gate)
            return _attempts.Failed(SourceLines.Name(remote), NowMs());
    }

    /// <summary>Somebody has shown who it is.</summary>
    public void LoggedIn(EndPoint? remote)
    {
        lock (_gate)
            _attempts.LoggedIn(SourceLines.Name(remote), NowMs());
    }

    /// <summary>
    /// Whether a failed attempt is worth a line: the first ones of a row, then fewer and fewer. The line says
    /// how many there were.
    /// </summary>
    public static bool IsWorthALine(int attempts) => attempts <= 16 || (attempts & (attempts - 1)) == 0;

    private void Leave((string, string) key)
    {
        // An entry that nobody is behind is removed, or one that comes at this moment keeps it.
        if (_open.AddOrUpdate(key, 0, static (_, count) => count - 1) == 0)
            _open.TryRemove(KeyValuePair.Create(key, 0));
    }

    private long NowMs() => (long)time.GetElapsedTime(0).TotalMilliseconds;

    private sealed class Pass(Strangers room, (string, string) key) : IDisposable
    {
        private int _isLeft;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isLeft, 1) == 0)
                room.Leave(key);
        }
    }
}
