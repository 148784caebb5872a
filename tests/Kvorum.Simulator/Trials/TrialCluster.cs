using Kvorum.Node;
using Kvorum.Node.Replicas;
using Kvorum.Simulator.Checkers;
using Kvorum.Simulator.Network;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Trials;

/// <summary>
/// A cluster for one kind of trial again and again: no faults but those of the trial, no clients but its own;
/// election safety is looked at all the while.
/// </summary>
internal sealed class TrialCluster
{
    private readonly RaftChecker _raft;

    public TrialCluster(ulong seed, ClusterOptions options, NetworkOptions? network = null)
    {
        World = new(seed, Verbosity.Outcome, null);
        Cluster = new(World, options, network ?? new());
        Random = World.Random("trials");
        _raft = new(World, Cluster.Directory.Groups.Count());
        foreach (var machine in Cluster.Machines)
            (machine.Turned, machine.Suspected) = (Turned, SuspicionChecker.Look);
        Cluster.Start();
        Until(60_000_000, IsReady, "the cluster is ready");
    }

    /// <summary>The run.</summary>
    public SimulatedWorld World { get; }

    /// <summary>The machines.</summary>
    public Cluster Cluster { get; }

    /// <summary>What the trials draw.</summary>
    public RandomStream Random { get; }

    /// <summary>True if all nodes run, take part, and know the leaders of all groups.</summary>
    public bool IsReady() => Cluster.Machines.All(machine => machine.Process is { } process
        && machine.IsAdmitted && process.PausedUntilUs <= World.NowUs
        && process.Node.Placement.On(process.Node.Id).Count() == process.Replicas.Count()
        && process.Node.Placement.Epoch.Value > 0
        && process.Replicas.All(replica => replica.Raft.Leader is not null));

    /// <summary>Waits until all nodes are ready and one is seen to lead the group.</summary>
    public void UntilReady(GroupId group) =>
        Until(60_000_000, () => IsReady() && LeaderOf(group) is not null, "there is a leader");

    /// <summary>The replica that leads a group in the greatest term, if any is seen to.</summary>
    public (Machine Machine, RaftReplica Replica)? LeaderOf(GroupId group) => LeaderOf(group, null);

    /// <summary>The same among all machines but one.</summary>
    public (Machine Machine, RaftReplica Replica)? LeaderOf(GroupId group, Machine? but) => Cluster.Running
        .Where(process => process.Machine != but)
        .SelectMany(process => process.Replicas.Select(replica => (process.Machine, Replica: replica)))
        .Where(one => one.Replica.Group == group && one.Replica.IsLeader)
        .OrderByDescending(one => one.Replica.Raft.Term)
        .Cast<(Machine, RaftReplica)?>()
        .FirstOrDefault();

    /// <summary>Lets time pass until the condition holds; returns how much did, in microseconds.</summary>
    /// <exception cref="InvalidOperationException">It did not come true in time.</exception>
    public long Until(long withinUs, Func<bool> condition, string what)
    {
        var (beginUs, endUs) = (World.NowUs, World.NowUs + withinUs);
        while (!condition())
        {
            if (World.Failure is { } failure)
                throw new InvalidOperationException(failure);
            if (World.NowUs >= endUs || !World.Scheduler.RunNext(endUs))
                throw new InvalidOperationException(
                    $"within {withinUs / 1000} ms, {what}: it did not come true{Describe()}");
        }

        return World.NowUs - beginUs;
    }

    /// <summary>Lets time pass.</summary>
    public void Wait(long us)
    {
        var isOver = false;
        World.Scheduler.After(us, () => isOver = true);
        Until(us + 1, () => isOver, "time passes");
    }

    private string Describe() => string.Join("", Cluster.Running.SelectMany(process => process.Replicas)
        .OrderBy(replica => replica.Group)
        .Select(replica => $"\ngroup {replica.Group}: {replica.Raft.Describe()}"));

    private void Turned(SimulatedProcess process, int loop)
    {
        foreach (var replica in process.Node.Loops[loop].RaftReplicas)
            _raft.Look(process, replica.Group, replica.Raft, replica.Tree.AppliedIndex);
    }
}
