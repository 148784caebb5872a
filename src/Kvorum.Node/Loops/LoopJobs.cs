using Kvorum.Storage;

namespace Kvorum.Node.Loops;

/// <summary>Work that a loop does not do itself because it waits or takes long.</summary>
internal sealed class LoopJobs(IJobRunner jobs, Inbox inbox)
{
    /// <summary>Runs slow work on the background lane, as <see cref="Run"/>.</summary>
    public void RunInBackground(Action work, Action<Exception?> done) => Run(JobLane.Background, work, done);

    /// <summary>Runs work on a lane; <paramref name="done"/> runs in the loop, with what it threw.</summary>
    public void Run(JobLane lane, Action work, Action<Exception?> done) => jobs.Run(lane, () =>
    {
        Exception? failure = null;
        try
        {
            work();
        }
        catch (Exception e)
        {
            failure = e;
        }

        inbox.Post(new LoopEvent.JobDone(done, failure));
    });
}
