namespace Kvorum.Server.Sockets;

/// <summary>
/// Sleeps until it is woken, where the runtime's own threads serve the sockets. It never spins: on a machine
/// with few cores that would take processor time from the threads that have work.
/// </summary>
internal sealed class PlainWaiter : ILoopWaiter
{
    private readonly object _gate = new();
    private bool _isWoken;

    /// <inheritdoc/>
    public void Sleep(int milliseconds)
    {
        if (milliseconds == 0)
            return;
        lock (_gate)
        {
            if (!_isWoken)
                Monitor.Wait(_gate, milliseconds);
            _isWoken = false;
        }
    }

    /// <inheritdoc/>
    public void Serve()
    {
    }

    /// <inheritdoc/>
    public void Wake()
    {
        lock (_gate)
        {
            _isWoken = true;
            Monitor.Pulse(_gate);
        }
    }
}
