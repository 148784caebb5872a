using Kvorum.Storage;

namespace Kvorum.Tests.Storage;

/// <summary>Jobs that run when the test says so, on the test's thread.</summary>
public sealed class PumpedJobs : IJobRunner
{
    private readonly Queue<Action>[] _lanes =
        [.. Enum.GetValues<JobLane>().Select(static _ => new Queue<Action>())];

    public void Run(JobLane lane, Action job)
    {
        lock (_lanes)
            _lanes[(int)lane].Enqueue(job);
    }

    /// <summary>True if a job of the lane waits.</summary>
    public bool Has(JobLane lane)
    {
        lock (_lanes)
            return _lanes[(int)lane].Count > 0;
    }

    /// <summary>Runs the next job of a lane; false if there is none.</summary>
    public bool RunOne(JobLane lane)
    {
        Action? job;
        lock (_lanes)
        {
            if (!_lanes[(int)lane].TryDequeue(out job))
                return false;
        }

        job();
        return true;
    }

    /// <summary>Runs jobs until there are none.</summary>
    public void RunAll()
    {
        while (RunOne(JobLane.Log) || RunOne(JobLane.Background) || RunOne(JobLane.Scan))
        {
        }
    }
}
