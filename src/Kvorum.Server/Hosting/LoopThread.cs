using Kvorum.Node.Loops;
using Kvorum.Server.Sockets;

namespace Kvorum.Server.Hosting;

/// <summary>
/// Runs one node loop on its own thread: turn after turn while there is work, asleep otherwise. Waking a loop
/// that runs costs one atomic exchange; only a sleeping one costs a system call.
/// </summary>
internal sealed class LoopThread
{
    private const int Running = 0;
    private const int Sleeping = 1;
    private const int Woken = 2;

    private readonly NodeLoop _loop;
    private readonly ILoopWaiter _pause;
    private readonly Action<string, Exception> _fatal;
    private readonly Thread _thread;
    private volatile bool _isEnding;
    private volatile int _state;

    /// <param name="loop">The loop; woken through this thread from now on.</param>
    /// <param name="index">Its number, for the thread's name.</param>
    /// <param name="pause">What the thread does between two turns; used by this thread only.</param>
    /// <param name="fatal">Told of what left a turn; the thread ends.</param>
    public LoopThread(NodeLoop loop, int index, ILoopWaiter pause, Action<string, Exception> fatal)
    {
        (_loop, _pause, _fatal) = (loop, pause, fatal);
        loop.Wake = Wake;
        _thread = new Thread(Work) { Name = $"kvorum-loop-{index}", IsBackground = true };
    }

    /// <summary>Begins to run the loop.</summary>
    public void Start() => _thread.Start();

    /// <summary>Ends the thread after the turn under way. Any thread but this one.</summary>
    public void End()
    {
        if (Thread.CurrentThread == _thread)
            throw new InvalidOperationException("A loop's thread cannot wait for its own end.");
        _isEnding = true;
        Wake();
        _thread.Join();
    }

    private void Wake()
    {
        if (Interlocked.Exchange(ref _state, Woken) == Sleeping)
            _pause.Wake();
    }

    private void Work()
    {
        try
        {
            while (!_isEnding)
            {
                Interlocked.Exchange(ref _state, Running); // a full fence: the queue is looked at after it
                var rest = _loop.Turn();
                _pause.Sleep(MaySleep(rest) ? Milliseconds(rest) : 0);
                _state = Running; // what is served now must not wake this very thread
                _pause.Serve();
            }
        }
        catch (Exception e)
        {
            _fatal("a node loop failed", e);
        }
    }

    /// <summary>
    /// False if there is more to do, or the loop was woken since the turn began. A late wake only costs one
    /// turn too many.
    /// </summary>
    private bool MaySleep(TimeSpan rest) => rest > TimeSpan.Zero
        && Interlocked.CompareExchange(ref _state, Sleeping, Running) == Running;

    private static int Milliseconds(TimeSpan rest) =>
        (int)Math.Clamp(Math.Ceiling(rest.TotalMilliseconds), 1, 1000);
}
