using Kvorum.Node;
using Kvorum.Node.State;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Nemesis;

/// <summary>
/// Nodes that come and go while the cluster runs, as operators let them. What would need more than members
/// can give is left out: all groups can have all their replicas, and nobody is damaged who should help.
/// </summary>
internal sealed class MemberNemesis(Cluster cluster, FaultySpell spell, RandomStream random)
{
    // How often an operator says again what he wants, until it is so.
    private const int AskAgainUs = 300_000;

    /// <summary>A node starts on a spare machine, and asks to join.</summary>
    public void Join()
    {
        var spares = cluster.Machines.Where(static machine => machine.Use == MachineUse.Spare)
            .Where(machine => KnowsMember(machine, but: null)).ToArray();
        // A node that has joined knows nothing of who was refused before it came.
        var isFormed = cluster.InUse.All(
            static machine => (machine.Joins || machine.IsAdmitted) && !machine.IsOutsider);
        if (spares.Length == 0 || !isFormed || cluster.World.HasForgotten)
            return;
        var machine = random.Pick(spares);
        cluster.World.Fired(FaultKind.NodeJoins);
        Say(machine, "is to join");
        machine.BeginUse();
    }

    /// <summary>
    /// A member is to leave: it is emptied, and removed when it is. Sometimes it is only emptied at first,
    /// and the operator may think better of it.
    /// </summary>
    public void Leave()
    {
        if (PickToGo() is not { } machine)
            return;
        cluster.World.Fired(FaultKind.NodeLeaves);
        if (random.Chance(0.6))
        {
            BeginLeaving(machine);
            return;
        }

        Say(machine, "is to be emptied");
        machine.Wanted = MemberStatus.Draining;
        Ask(machine);
        spell.UndoAfter(random.Between(1_000_000, 15_000_000), () =>
        {
            // It was decided meanwhile that it leaves.
            if (machine.Wanted != MemberStatus.Draining)
                return;
            if (random.Chance(0.5) && MayGo(machine))
            {
                BeginLeaving(machine);
                return;
            }

            Say(machine, "is not to be emptied any more");
            machine.Wanted = MemberStatus.Active;
        });
    }

    /// <summary>A machine is gone with its disk; an operator notices, and declares its node lost.</summary>
    public void Lose()
    {
        if (PickToGo() is not { } machine || !cluster.KeepsMajorities(machine)
            || !KeepsRecords(machine))
            return;
        cluster.World.Fired(FaultKind.NodeLost);
        Say(machine, "is gone with its disk");
        machine.Destroy();
        cluster.World.Scheduler.After(random.Between(100_000, 10_000_000), () =>
        {
            Say(machine, "is declared lost");
            machine.Wanted = MemberStatus.Lost;
            Ask(machine);
        });
    }

    /// <summary>A node that runs an old program is started with a newer one.</summary>
    public void Upgrade()
    {
        var old = cluster.InUse.Where(IsOld).ToArray();
        if (old.Length > 0)
            random.Pick(old).Upgrade();
    }

    /// <summary>All that still run an old program are started with a newer one.</summary>
    public void UpgradeAll()
    {
        foreach (var machine in cluster.InUse.Where(IsOld))
            machine.Upgrade();
    }

    private static bool IsOld(Machine machine) => machine.Formats != FormatRange.Own;

    private void BeginLeaving(Machine machine)
    {
        Say(machine, "is to leave");
        var isAsked = machine.Wanted != MemberStatus.Active;
        machine.Wanted = MemberStatus.Leaving;
        if (!isAsked)
            Ask(machine);
    }

    // Of all nodes, again and again: the one that leads the metadata group at that moment proposes it.
    private void Ask(Machine machine)
    {
        if (machine.IsGone)
            return;
        if (cluster.HasStatus(machine, MemberStatus.Removed))
        {
            Say(machine, "was removed");
            machine.Removed();
            return;
        }

        var wanted = machine.Wanted;
        foreach (var process in cluster.Running)
            process.After(0, () => process.Node.ChangeMember(machine.Id, wanted));
        if (wanted != MemberStatus.Active || cluster.HasStatus(machine, MemberStatus.Draining))
            cluster.World.Scheduler.After(AskAgainUs, () => Ask(machine));
    }

    private Machine? PickToGo()
    {
        var members = cluster.InUse.Where(MayGo).ToArray();
        return members.Length == 0 ? null : random.Pick(members);
    }

    // One at a time. All are whole and known, and as many stay as a group has replicas.
    private bool MayGo(Machine machine) => !cluster.World.HasForgotten
        && machine.IsAdmitted && machine.Use == MachineUse.InUse
        && cluster.Machines.All(other => other == machine
            ? other.Wanted is MemberStatus.Active or MemberStatus.Draining
            : other.Wanted == MemberStatus.Active || other.IsGone)
        && cluster.InUse.All(static other => !other.IsDamaged && (other.IsAdmitted || other.Joins))
        && cluster.InUse.Count(other => other != machine && other.IsAdmitted)
            >= Math.Min(cluster.ReplicasMost, cluster.Options.Nodes)
        && cluster.Machines.Where(static other => other.Joins && !other.IsAdmitted && !other.IsGone)
            .All(other => KnowsMember(other, machine));

    // Nothing fills a replica of a quorum keyspace in place of the only one that there is.
    private bool KeepsRecords(Machine machine) => cluster.Options.Quorums
        .SelectMany(keyspace => cluster.GroupsOf(keyspace.Name).All)
        .All(group => cluster.TakingPart.Any(process => process.Machine != machine
            && process.QuorumOf(group) is { MayAnswer: true }
            && process.Node.Placement.Placed(group)!.Holders.Contains(process.Node.Id)));

    private bool KnowsMember(Machine joins, Machine? but) =>
        cluster.InUse.Any(member => member != but && !member.Joins && joins.Asks(member));

    private void Say(Machine machine, string what) => cluster.World.Trace.Event(
        Verbosity.Faults, TraceKind.Fault, machine.Index, (ulong)what.Length, $"{what}");
}
