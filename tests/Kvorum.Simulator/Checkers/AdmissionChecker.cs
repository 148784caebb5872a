using Kvorum.Node.Replicas;
using Kvorum.Simulator.Processes;

namespace Kvorum.Simulator.Checkers;

// Theorem (ADR 12). A node that has taken part with one data folder never takes part with another. While it
// runs with an empty folder under its former id, its replicas stay as they were made: term 0, no vote, no
// entries, nothing applied. So whatever it had voted for and acknowledged, it contradicts nothing of it.
// That it sends no frames that speak of groups is looked at where it sends them, in Machine.
//
// Theorem (ADR 32). Two clusters never become one: a node that belongs to a cluster does not hear a node that
// belongs to another one, whether their founders have the same names or not.

/// <summary>
/// A wiped disk stays out, and so does one of another cluster. The theorems are at the top of its file.
/// </summary>
internal sealed class AdmissionChecker(Cluster cluster)
{
    /// <summary>Looks at what a node hears after its loop 0 has turned.</summary>
    public void LookAtPeers(SimulatedProcess process)
    {
        var own = process.Node.ClusterId;
        if (own == Guid.Empty)
            return;
        foreach (var peer in cluster.Running)
        {
            var theirs = peer.Node.ClusterId;
            if (theirs != own && theirs != Guid.Empty)
            {
                cluster.World.Require(
                    !process.Node.Hears(peer.Node.Id, peer.Node.Life),
                    $"two clusters never become one: {process.Name} of cluster {own} hears {peer.Name} of "
                        + $"cluster {theirs}");
            }
        }
    }

    /// <summary>Looks at a replica after its loop has turned.</summary>
    public void Look(SimulatedProcess process, RaftReplica replica)
    {
        if (!process.Machine.IsWiped)
            return;
        var raft = replica.Raft;
        var isAsMade = raft.Term.Value == 0 && raft.LastIndex.Value == 0 && raft.CommitIndex.Value == 0
            && replica.Tree.AppliedIndex == 0;
        cluster.World.Require(
            isAsMade && !process.Machine.IsAdmitted,
            $"a wiped disk stays out: {process.Name} takes part in group {replica.Group} with an empty one: "
                + $"{raft.Describe()}");
    }
}
