using Kvorum.Simulator.World;
using Kvorum.Storage;

namespace Kvorum.Simulator.Processes;

/// <summary>
/// The slow work of one process: each lane runs one job after the other, each takes its time, and its effect
/// comes at the end of it, all at once or, if the power goes in the middle, in part.
/// </summary>
internal sealed class SimulatedJobs(SimulatedProcess process, RandomStream random) : IJobRunner
{
    private readonly Lane[] _lanes =
        [.. Enum.GetValues<JobLane>().Select(static _ => new Lane())];

    private sealed class Lane
    {
        public Queue<Action> Queued { get; } = new();

        public bool IsBusy { get; set; }
    }

    /// <inheritdoc/>
    public void Run(JobLane lane, Action job)
    {
        _lanes[(int)lane].Queued.Enqueue(job);
        Begin(lane);
    }

    private void Begin(JobLane name)
    {
        var lane = _lanes[(int)name];
        if (lane.IsBusy || lane.Queued.Count == 0)
            return;
        lane.IsBusy = true;
        process.After(TimeOf(), () =>
        {
            lane.IsBusy = false;
            var job = lane.Queued.Dequeue();
            process.Machine.World.Trace.Event(
                Verbosity.Everything, TraceKind.Job, process.Machine.Index, (ulong)name,
                $"runs a {name} job");
            process.RunJob(job);
            Begin(name);
        });
    }

    private long TimeOf()
    {
        var speed = process.Machine.Speed;
        return (long)((speed.JobUs + random.Exponential(speed.ExtraUs)) * process.Machine.DiskSlowness);
    }
}
