namespace Kvorum.Storage;

/// <summary>The queue of a job.</summary>
public enum JobLane : byte
{
    /// <summary>Writing and syncing the log: one job at a time, with no other work in the lane.</summary>
    Log,

    /// <summary>Flushes, checkpoints, file streaming: slow, not urgent, one at a time.</summary>
    Background,

    /// <summary>Reading long ranges: callers wait for it, so it has a lane of its own.</summary>
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
