namespace Kvorum.Node.Placement.Planning;

/// <summary>
/// Which targets change next: a pure function of what should be, what is, and the time. It moves from what
/// is, never towards an ideal computed anew; open <see cref="PlanRun"/> for the order of things.
/// <para>Why it comes to an end when nothing else happens: each change lowers the first of these numbers that
/// it changes. (1) Replicas on nodes that are gone; (2) replicas on nodes that drain; (3) the distance of the
/// numbers of replicas and voters from what is due; (4) voters on such nodes where a learner could vote; (5)
/// pairs of replicas of one group in one zone; (6) the sum over nodes of load squared by weight; (7)
/// preferred leaders on nodes that are gone or drain; (8) the sum of (6) for preferred leaders. A margin says
/// how much loads must differ, so that small changes of theirs move nothing to and fro.</para>
/// </summary>
internal static class Planner
{
    /// <summary>What to do next in this cluster.</summary>
    public static Plan Next(PlannedCluster cluster) => new PlanRun(cluster).Run();
}
