using Kvorum.Node;
using Kvorum.Node.State;
using Kvorum.Node.Survival;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Nemesis;

/// <summary>
/// Most nodes are gone for good with their disks. An operator stops the others, plans, and applies the plan
/// to the disks of those that survive, where the power may go at any moment.
/// </summary>
internal sealed class MajorityLoss(Cluster cluster)
{
    private readonly RandomStream _random = cluster.World.Random("lost majority");

    /// <summary>True if enough is whole, and nobody is about to come or go.</summary>
    public bool MayHappen => !cluster.World.HasForgotten && cluster.IsWhole && cluster.InUse.Count > 1
        && cluster.Machines.All(static machine => machine.IsGone || machine.Wanted == MemberStatus.Active)
        && cluster.InUse.All(static machine => machine.Formats == FormatRange.Own) && Able().Length > 0;

    /// <summary>The power goes everywhere, and no node starts until it may again.</summary>
    public void StopAll()
    {
        foreach (var machine in cluster.InUse)
        {
            machine.IsHeld = true;
            if (machine.Process is not null)
                machine.LosePower(FaultKind.PowerLoss);
        }
    }

    /// <summary>All nodes may start again: nothing is lost.</summary>
    public void Release()
    {
        foreach (var machine in cluster.InUse)
        {
            machine.IsHeld = false;
            machine.StartAfter(_random.Between(0, 1_000_000));
        }
    }

    /// <summary>Draws who survives; null if the others can go on without a recovery.</summary>
    public RecoveryPlan? Plan()
    {
        var able = Able().OrderBy(_ => _random.Next()).ToArray();
        var most = Math.Max(1, (cluster.InUse.Count - 1) / 2);
        var survivors = able.Take(1 + _random.Below(most)).ToArray();
        if (survivors.Length == 0)
            return null;
        foreach (var machine in survivors)
            (machine.DiskFault, machine.HasNoDescriptors, machine.DiskBytesMax) = (null, false, null);
        Survivor[] described = [.. survivors.Select(
            static one => RecoveryApplication.Describe(MachineKeys.Opened(one.Disk)))];
        try
        {
            var plan = RecoveryPlanner.Plan(described, NewId(), NewId(), maySomeBeginEmpty: true);
            // One that was made last may be lost with those who knew of it.
            var known = plan.Groups.Count - 1;
            return known == cluster.Directory.Groups.Count() - 1
                + cluster.Options.Quorums.Sum(static keyspace => keyspace.Partitions) ? plan : null;
        }
        catch (RecoveryRefusedException refused)
        {
            cluster.World.Require(
                refused.Message.StartsWith("there is nothing to recover", StringComparison.Ordinal)
                    || refused.Message.StartsWith("none of these nodes", StringComparison.Ordinal),
                $"a recovery is refused: {refused.Message}");
            return null;
        }
    }

    /// <summary>The others are lost for good, and the survivors go on by the plan.</summary>
    public void Recover(RecoveryPlan plan)
    {
        cluster.World.Fired(FaultKind.MajorityLost);
        foreach (var machine in cluster.InUse.ToArray())
        {
            machine.IsHeld = false;
            var id = ClusterIdentity.ToGuid(machine.Id.Value);
            if (plan.Survivors.Any(one => one.NodeId == id))
            {
                Say(machine, "survives");
                Apply(plan, machine);
                machine.StartAfter(_random.Between(0, 5_000_000));
            }
            else
            {
                Say(machine, "is gone with its disk");
                machine.Destroy();
            }
        }
    }

    private Machine[] Able() =>
        [.. cluster.InUse.Where(static machine => machine.IsAdmitted && !machine.IsDamaged)];

    // As often as the power goes, it is applied again.
    private void Apply(RecoveryPlan plan, Machine machine)
    {
        for (var cuts = 0; ; cuts++)
        {
            if (cuts < 3 && _random.Chance(0.5))
                machine.Disk.PowerOffAfter = machine.Disk.Operations + _random.Below(40);
            try
            {
                RecoveryApplication.Run(MachineKeys.Opened(machine.Disk), plan);
                machine.Disk.PowerOffAfter = null;
                return;
            }
            catch (IOException) when (machine.Disk.IsOff)
            {
                machine.LosePower(FaultKind.CrashInDiskWork);
            }
        }
    }

    private Guid NewId() => ClusterIdentity.ToGuid(new UInt128(_random.Next(), _random.Next()));

    private void Say(Machine machine, string what) => cluster.World.Trace.Event(
        Verbosity.Faults, TraceKind.Fault, machine.Index, (ulong)what.Length, $"{what}");
}
