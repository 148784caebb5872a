using Kvorum.Storage;

namespace Kvorum.Node.Inspection;

/// <summary>Beside a stopped node nothing else runs: each job is done at once.</summary>
internal sealed class InlineJobs : IJobRunner
{
    /// <inheritdoc/>
    public void Run(JobLane lane, Action job) => job();
}
