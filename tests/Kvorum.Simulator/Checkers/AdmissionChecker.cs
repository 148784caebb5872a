using Kvorum.Node.Replicas;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Checkers;

// Theorem (ADR 12). A node that has taken part with one data folder never takes part with another. While it
// runs with an empty folder under its former id, its replicas stay as they were made: term 0, no vote, no
// entries, nothing applied. So whatever it had voted for and acknowledged, it contradicts nothing of it.
// That it sends no frames that speak of groups is looked at where it sends them, in Machine.

/// <summary>A wiped disk stays out. The theorem is at the top of its file.</summary>
internal sealed class AdmissionChecker(SimulatedWorld world)
{
    /// <summary>Looks at a replica after its loop has turned.</summary>
    public void Look(SimulatedProcess process, RaftReplica replica)
    {
        if (!process.Machine.IsWiped)
            return;
        var raft = replica.Raft;
        var isAsMade = raft.Term.Value == 0 && raft.LastIndex.Value == 0 && raft.CommitIndex.Value == 0
            && replica.Tree.AppliedIndex == 0;
        world.Require(
            isAsMade && !process.Machine.IsAdmitted,
            $"a wiped disk stays out: {process.Name} takes part in group {replica.Group} with an empty one: "
                + raft.Describe());
    }
}
