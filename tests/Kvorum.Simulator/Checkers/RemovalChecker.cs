using Kvorum.Node;
using Kvorum.Node.Replicas;
using Kvorum.Raft;
using Kvorum.Raft.Membership;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Checkers;

// Theorem. A node deletes its replica of a group only once the group does not need it: a configuration
// without the node was committed, in a log that is not older than the replica's. So it has acknowledged
// nothing since it was removed, though it may have been added again; and a replica that is made anew there is
// another one: it begins blank, with the term and the vote of the former one, also after a restart.

/// <summary>Replicas are deleted in time. The theorem is at the top of its file.</summary>
internal sealed class RemovalChecker(SimulatedWorld world, IReadOnlyList<GroupFacts> facts)
{
    private readonly Dictionary<(SimulatedProcess Process, int Loop), Dictionary<GroupId, Seen>> _seen = [];

    // What was promised by replicas that are deleted.
    private readonly Dictionary<(NodeId Node, GroupId Group), HardState> _deleted = [];

    private sealed record Seen(RaftReplica Replica, ulong LastIndex, ulong LastTerm);

    /// <summary>Looks at the replicas of a loop after it has turned, and after they were looked at.</summary>
    public void Look(SimulatedProcess process, int loop)
    {
        if (!_seen.TryGetValue((process, loop), out var seen))
            _seen.Add((process, loop), seen = []);
        var missing = seen.Count;
        foreach (var replica in process.Node.Loops[loop].RaftReplicas)
        {
            if (seen.TryGetValue(replica.Group, out var before))
            {
                missing--;
                if (before.Replica == replica && before.LastIndex == replica.Raft.LastIndex.Value)
                    continue;
                if (before.Replica != replica)
                    RequireRemoved(process, replica.Group, before);
            }

            if (before?.Replica != replica)
                LookAtNew(process, replica);
            var last = replica.Raft.LastIndex;
            seen[replica.Group] = new(replica, last.Value, replica.Raft.TermAt(last)?.Value ?? 0);
        }

        if (missing > 0)
            LookForDeleted(process, loop, seen);
    }

    private void LookForDeleted(SimulatedProcess process, int loop, Dictionary<GroupId, Seen> seen)
    {
        var here = process.Node.Loops[loop].RaftReplicas.Select(static replica => replica.Group).ToHashSet();
        foreach (var (group, before) in seen.Where(one => !here.Contains(one.Key)).ToArray())
        {
            RequireRemoved(process, group, before);
            seen.Remove(group);
        }
    }

    // One with entries is the former one: a crash came before the log had that it is deleted.
    private void LookAtNew(SimulatedProcess process, RaftReplica replica)
    {
        if (!_deleted.Remove((process.Node.Id, replica.Group), out var former)
            || replica.Raft.LastIndex.Value > 0)
            return;
        var state = replica.Durable;
        world.Require(
            replica.Raft.Configuration.Voters.Count == 0,
            $"a replica that is made anew is not blank: {process.Name}, group {replica.Group}");
        world.Require(
            state.Term > former.Term
                || (state.Term == former.Term && (former.Vote is null || state.Vote == former.Vote)),
            $"a replica that is made anew has forgotten its term or its vote: {process.Name}, group "
                + $"{replica.Group}, term {former.Term}, and now {state.Term}");
    }

    private void RequireRemoved(SimulatedProcess process, GroupId group, Seen before)
    {
        world.Require(
            facts[(int)group.Value].Configurations.Any(one => !one.Members.HasMember(process.Node.Id)
                && (one.Term, one.Index).CompareTo((before.LastTerm, before.LastIndex)) >= 0),
            $"a replica is deleted too early: {process.Name} has no replica of group {group} any more, which "
                + $"had entries up to {before.LastIndex} of term {before.LastTerm}, and no configuration "
                + "without the node was committed behind that");
        if (before.LastIndex > 0 || before.Replica.Raft.Configuration.Voters.Count == 0)
            _deleted[(process.Node.Id, group)] = before.Replica.Durable;
    }
}
