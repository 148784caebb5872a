using Kvorum.Node;
using Kvorum.Raft;
using Kvorum.Simulator.Network;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Nemesis;

/// <summary>What goes wrong between the machines.</summary>
internal sealed class NetworkNemesis(Cluster cluster, FaultySpell spell, RandomStream random)
{
    private SimulatedNetwork Network => cluster.Network;

    /// <summary>Frames of one direction do not arrive for a while.</summary>
    public void CutOneWay()
    {
        if (PickLink() is not { } link)
            return;
        cluster.World.Fired(FaultKind.OneWayCut);
        Say($"nothing from node-{link.From + 1} reaches node-{link.To + 1}", link.From);
        Network.Cut(link.From, link.To);
        spell.UndoAfter(SomeTime(), () => Network.Mend(link.From, link.To));
    }

    /// <summary>
    /// A leader is cut off from one other machine or from all, about as long as elections take.
    /// </summary>
    public void CutLeader()
    {
        var leaders = cluster.Running
            .Where(process => process.Replicas.Any(replica => replica.IsLeader)).ToArray();
        if (leaders.Length == 0 || Network.Machines < 2)
            return;
        var leader = random.Pick(leaders).Machine.Index;
        var others = Enumerable.Range(0, Network.Machines).Where(machine => machine != leader).ToArray();
        if (random.Chance(0.5))
            others = [random.Pick(others)];
        cluster.World.Fired(FaultKind.LeaderCut);
        var cut = string.Join(' ', others.Select(other => $"node-{other + 1}"));
        Say($"a leader is cut off from {cut}", leader);
        var us = 1000 * random.Between(cluster.Options.ElectionMinMs, 4L * cluster.Options.ElectionMaxMs);
        foreach (var other in others)
        {
            Network.Cut(leader, other);
            Network.Cut(other, leader);
            spell.UndoAfter(us, () => Network.Mend(leader, other));
            spell.UndoAfter(us, () => Network.Mend(other, leader));
        }
    }

    /// <summary>The machines are on two sides for a while.</summary>
    public void Split()
    {
        var side = new bool[Network.Machines];
        for (var i = 0; i < side.Length; i++)
            side[i] = random.Chance(0.5);
        if (side.Distinct().Count() < 2)
            return;
        cluster.World.Fired(FaultKind.Split);
        Say($"split: {string.Join(' ', side.Select(here => here ? 'A' : 'B'))}", -1);
        Crossing(side, Network.Cut);
        spell.UndoAfter(SomeTime(), () => Crossing(side, Network.Mend));
    }

    /// <summary>
    /// Two sides along a change of replicas: those that go on one, those that come on the other, and the rest
    /// on either.
    /// </summary>
    public void SplitAlong(IReadOnlyList<NodeId> present, IReadOnlyList<NodeId> next)
    {
        var side = new bool[Network.Machines];
        foreach (var machine in cluster.Machines)
        {
            var (goes, comes) = (present.Contains(machine.Id), next.Contains(machine.Id));
            side[machine.Index] = goes == comes ? random.Chance(0.5) : comes;
        }

        if (side.Distinct().Count() < 2)
            return;
        cluster.World.Fired(FaultKind.SplitInChange);
        Say($"split along a change: {string.Join(' ', side.Select(here => here ? 'A' : 'B'))}", -1);
        Crossing(side, Network.Cut);
        spell.UndoAfter(SomeTime(), () => Crossing(side, Network.Mend));
    }

    /// <summary>A node does not hear the leader of the metadata group for a while.</summary>
    public void CutOffFromMeta()
    {
        var leader = cluster.Running.FirstOrDefault(static process => process.Replicas.Any(
            static replica => replica.Group == GroupId.Metadata && replica.IsLeader))?.Machine.Index;
        var others = cluster.InUse.Select(static machine => machine.Index)
            .Where(machine => machine != leader).ToArray();
        if (leader is not { } from || others.Length == 0)
            return;
        var to = random.Pick(others);
        cluster.World.Fired(FaultKind.CoordinatorLags);
        Say($"node-{to + 1} does not hear node-{from + 1}, which leads the metadata group", to);
        Network.Cut(from, to);
        spell.UndoAfter(random.Between(1_000_000, 10_000_000), () => Network.Mend(from, to));
    }

    /// <summary>A connection is reset.</summary>
    public void Reset()
    {
        if (PickLink() is not { } link
            || Network.At(link.From)?.LinksTo(link.To).FirstOrDefault() is not { } connection)
            return;
        cluster.World.Fired(FaultKind.ConnectionReset);
        connection.Reset(random.Chance(0.5) ? PeerLoss.ProcessGone : PeerLoss.Silent);
    }

    /// <summary>A link is slow for a while.</summary>
    public void SlowDown()
    {
        if (PickLink() is not { } link)
            return;
        cluster.World.Fired(FaultKind.SlowLink);
        Network.Slow(link.From, link.To, random.Between(5, 2000));
        spell.UndoAfter(SomeTime(), () => Network.Slow(link.From, link.To, 1));
    }

    /// <summary>Single frames suffer for a while.</summary>
    public void Disturb(FaultKind kind)
    {
        var probability = random.Fraction() * 0.2;
        var before = Network.Frames;
        Network.Frames = kind switch
        {
            FaultKind.FrameLost => before with { Lost = probability },
            FaultKind.FrameDuplicated => before with { Duplicated = probability },
            _ => before with { Reordered = probability },
        };
        spell.UndoAfter(SomeTime(), () => Network.Frames = kind switch
        {
            FaultKind.FrameLost => Network.Frames with { Lost = 0 },
            FaultKind.FrameDuplicated => Network.Frames with { Duplicated = 0 },
            _ => Network.Frames with { Reordered = 0 },
        });
    }

    private long SomeTime() =>
        random.Chance(0.3) ? random.Between(10_000, 500_000) : random.Between(500_000, 8_000_000);

    private (int From, int To)? PickLink()
    {
        if (Network.Machines < 2)
            return null;
        var from = random.Below(Network.Machines);
        return (from, (from + 1 + random.Below(Network.Machines - 1)) % Network.Machines);
    }

    private static void Crossing(bool[] side, Action<int, int> change)
    {
        for (var from = 0; from < side.Length; from++)
        {
            for (var to = 0; to < side.Length; to++)
            {
                if (side[from] != side[to])
                    change(from, to);
            }
        }
    }

    private void Say(string what, int node) =>
        cluster.World.Trace.Event(Verbosity.Faults, TraceKind.Fault, node, (ulong)what.Length, $"{what}");
}
