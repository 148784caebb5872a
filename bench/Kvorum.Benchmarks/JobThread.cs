using System.Collections.Concurrent;

namespace Kvorum.Benchmarks;

/// <summary>
/// A thread that runs jobs one after the other; a job that fails ends the program's measurement.
/// </summary>
internal sealed class JobThread : IDisposable
{
    private readonly BlockingCollection<Action> _jobs = [];
    private readonly Thread _thread;
    private volatile Exception? _failure;

    /// <summary>Starts it.</summary>
    public JobThread()
    {
        _thread = new Thread(Work);
        _thread.Start();
    }

    /// <summary>Queues a job.</summary>
    public void Run(Action job)
    {
        if (_failure is { } failure)
            throw new InvalidOperationException($"a job failed: {failure.Message}", failure);
        _jobs.Add(job);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _jobs.CompleteAdding();
        _thread.Join();
        _jobs.Dispose();
    }

    private void Work()
    {
        foreach (var job in _jobs.GetConsumingEnumerable())
        {
            try
            {
                job();
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                _failure = failure;
            }
        }
    }
}
