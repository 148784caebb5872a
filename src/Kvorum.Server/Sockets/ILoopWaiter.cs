namespace Kvorum.Server.Sockets;

/// <summary>What the thread of a node loop does between two turns.</summary>
internal interface ILoopWaiter
{
    /// <summary>
    /// Sleeps so many milliseconds at most, less if it is woken or has something to serve; with 0 it only
    /// looks. The loop's thread.
    /// </summary>
    void Sleep(int milliseconds);

    /// <summary>Serves what ended the sleep. The loop's thread.</summary>
    void Serve();

    /// <summary>Ends the sleep, or the next one. Any thread; never blocks.</summary>
    void Wake();
}
