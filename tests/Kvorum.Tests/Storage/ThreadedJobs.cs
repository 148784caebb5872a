using System.Collections.Concurrent;
using Kvorum.Storage;

namespace Kvorum.Tests.Storage;

/// <summary>One thread for each lane. Disposing it runs what is queued and stops the threads.</summary>
public sealed class ThreadedJobs : IJobRunner, IDisposable
{
    private readonly BlockingCollection<Action>[] _lanes =
        [.. Enum.GetValues<JobLane>().Select(static _ => new BlockingCollection<Action>())];
    private readonly Thread[] _threads;

    public ThreadedJobs()
    {
        _threads = [.. _lanes.Select(lane => new Thread(() =>
        {
            foreach (var job in lane.GetConsumingEnumerable())
                job();
        }))];
        foreach (var thread in _threads)
            thread.Start();
    }

    public void Run(JobLane lane, Action job) => _lanes[(int)lane].Add(job);

    public void Dispose()
    {
        for (var i = 0; i < _lanes.Length; i++)
        {
            _lanes[i].CompleteAdding();
            _threads[i].Join();
            _lanes[i].Dispose();
        }
    }
}
