namespace Kvorum.Cli.Network;

/// <summary>What happens on a way that is cut.</summary>
internal enum CutMode
{
    /// <summary>Nothing comes through, without an error: bytes wait, and may come late.</summary>
    Silent,

    /// <summary>Connections are reset, and new ones too.</summary>
    Reset,
}

/// <summary>The way from one node to another, as far as bytes go in that direction. Thread-safe.</summary>
internal sealed class Link : IDisposable
{
    private readonly Lock _lock = new();
    private TaskCompletionSource _open = Opened();
    private CancellationTokenSource _reset = new();
    private long _hit;

    /// <summary>Times that a cut hit bytes or a connection.</summary>
    public long Hit => Interlocked.Read(ref _hit);

    /// <summary>How it is cut; null if it is not.</summary>
    public CutMode? Cut { get; private set; }

    /// <summary>Cancelled when the connections of now are to be reset.</summary>
    public CancellationToken Resets
    {
        get
        {
            lock (_lock)
                return _reset.Token;
        }
    }

    /// <summary>Cuts it.</summary>
    public void Break(CutMode mode)
    {
        lock (_lock)
        {
            Cut = mode;
            if (_open.Task.IsCompleted)
                _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        if (mode == CutMode.Reset)
            ResetConnections();
    }

    /// <summary>
    /// Mends it. What waited goes on, or is lost with its connections if <paramref name="resets"/>.
    /// </summary>
    public void Mend(bool resets)
    {
        if (resets)
            ResetConnections();
        lock (_lock)
        {
            Cut = null;
            _open.TrySetResult();
        }
    }

    /// <summary>Waits until bytes may pass.</summary>
    public async ValueTask Pass(CancellationToken cancel)
    {
        Task open;
        lock (_lock)
            open = _open.Task;
        if (open.IsCompleted)
            return;
        Interlocked.Increment(ref _hit);
        await open.WaitAsync(cancel).ConfigureAwait(false);
    }

    public void Dispose() => _reset.Dispose();

    private void ResetConnections()
    {
        CancellationTokenSource old;
        lock (_lock)
        {
            old = _reset;
            _reset = new();
        }

        Interlocked.Increment(ref _hit);
        old.Cancel();
    }

    private static TaskCompletionSource Opened()
    {
        var open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        open.SetResult();
        return open;
    }
}
