namespace Kvorum.Storage;

/// <summary>Where a job belongs.</summary>
public enum JobLane : byte
{
    /// <summary>Writing and syncing the log: one job at a time, nothing else in its way.</summary>
    Log,

    /// <summary>Flushes, checkpoints, file streaming: slow, not urgent, one at a time.</summary>
    Background,

    /// <summary>Reading long ranges: callers wait for it, so it must not stand behind slow work.</summary>
    Scan,
}

/// <summary>
/// Runs slow work away from the node loops: on threads in production, as scheduled events in the simulator.
/// Jobs of one lane run one after the other in the order they were given. A job reports by posting an event
/// to its loop. An exception that leaves a job stops the node.
/// </summary>
public interface IJobRunner
{
    /// <summary>Queues the job; never blocks; any thread.</summary>
    void Run(JobLane lane, Action job);
}
