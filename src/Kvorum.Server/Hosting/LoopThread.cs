using Kvorum.Node;

namespace Kvorum.Server.Hosting;

/// <summary>
/// Runs one node loop on its own thread: turn after turn while there is work, asleep otherwise. Waking a loop
/// that runs costs one atomic exchange; only a sleeping one costs a system call. It never spins: on a machine
/// with few cores that would steal from those who have the work.
/// </summary>
internal sealed class LoopThread
{
    private const int Running = 0;
    private const int Sleeping = 1;
    private const int Woken = 2;

    private readonly NodeLoop _loop;
    private readonly Action<string, Exception> _fatal;
    private readonly object _gate = new();
    private readonly Thread _thread;
    private volatile bool _isEnding;
    private int _state;
    private bool _isSignalled;

    /// <param name="loop">The loop; woken through this thread from now on.</param>
    /// <param name="index">Its number, for the thread's name.</param>
    /// <param name="fatal">Told of what left a turn; the thread ends.</param>
    public LoopThread(NodeLoop loop, int index, Action<string, Exception> fatal)
    {
        (_loop, _fatal) = (loop, fatal);
        loop.Wake = Wake;
        _thread = new Thread(Work) { Name = $"kvorum-loop-{index}", IsBackground = true };
    }

    /// <summary>Begins to run the loop.</summary>
    public void Start() => _thread.Start();

    /// <summary>Ends the thread after the turn under way.</summary>
    public void End()
    {
        _isEnding = true;
        Wake();
        _thread.Join();
    }

    private void Wake()
    {
        if (Interlocked.Exchange(ref _state, Woken) != Sleeping)
            return;
        lock (_gate)
        {
            _isSignalled = true;
            Monitor.Pulse(_gate);
        }
    }

    private void Work()
    {
        try
        {
            while (!_isEnding)
            {
                Interlocked.Exchange(ref _state, Running); // a full fence: the queue is looked at after it
                var rest = _loop.Turn();
                if (rest > TimeSpan.Zero)
                    Sleep(rest);
            }
        }
        catch (Exception e)
        {
            _fatal("a node loop failed", e);
        }
    }

    /// <summary>
    /// Sleeps unless woken since the turn began. A late signal only costs one turn too many.
    /// </summary>
    private void Sleep(TimeSpan rest)
    {
        if (Interlocked.CompareExchange(ref _state, Sleeping, Running) != Running)
            return;
        lock (_gate)
        {
            if (!_isSignalled)
                Monitor.Wait(_gate, (int)Math.Clamp(Math.Ceiling(rest.TotalMilliseconds), 1, 1000));
            _isSignalled = false;
        }
    }
}
