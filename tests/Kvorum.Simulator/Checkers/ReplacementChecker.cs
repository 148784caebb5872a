using Kvorum.Node;
using Kvorum.Node.Replicas;
using Kvorum.Raft;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Checkers;

// Theorem. A replica that is to vote has caught up: when a leader lets it vote, in the joint change in which
// others may go, its log has reached the configuration in which it learned. What it had in an earlier
// membership is older than that, and counts for nothing.

/// <summary>Nobody votes before it can stand in. The theorem is at the top of its file.</summary>
internal sealed class ReplacementChecker(SimulatedWorld world)
{
    private readonly Dictionary<(SimulatedProcess Process, GroupId Group), Seen> _seen = [];

    // How far a node's log of a group was ever seen to reach.
    private readonly Dictionary<(NodeId Node, GroupId Group), LogIndex> _reached = [];

    private readonly record struct Seen(RaftNode Replica, LogIndex Configuration, Term LeadsIn);

    /// <summary>Looks at a replica after its loop has turned.</summary>
    public void Look(SimulatedProcess process, RaftReplica replica)
    {
        var (raft, group) = (replica.Raft, replica.Group);
        var reached = (process.Node.Id, group);
        if (!_reached.TryGetValue(reached, out var most) || raft.LastIndex > most)
            _reached[reached] = raft.LastIndex;
        var now = new Seen(
            raft, raft.ConfigurationIndex, raft.Role == Role.Leader ? raft.Term : default);
        if (_seen.TryGetValue((process, group), out var before))
        {
            if (before == now)
                return;
            // What is not its own proposal was looked at where it was made.
            if (before.Replica == raft && now.LeadsIn.Value > 0 && before.LeadsIn == now.LeadsIn
                && raft.Configuration.IsJoint && before.Configuration < now.Configuration)
                RequireCaughtUp(process, replica, before.Configuration);
        }

        _seen[(process, group)] = now;
    }

    private void RequireCaughtUp(SimulatedProcess process, RaftReplica replica, LogIndex learnedAt)
    {
        var configuration = replica.Raft.Configuration;
        foreach (var node in configuration.Voters.Except(configuration.Outgoing))
        {
            var most = _reached.GetValueOrDefault((node, replica.Group));
            world.Require(
                most >= learnedAt,
                $"a replica votes too early: {process.Name} lets {node} vote in group {replica.Group}, and "
                    + $"its log reaches to {most}, not to {learnedAt}, where it began to learn");
        }
    }
}
