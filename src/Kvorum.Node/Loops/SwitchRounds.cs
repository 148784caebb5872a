using Kvorum.Node.Placement;
using Kvorum.Node.Replicas;
using Kvorum.Node.State;
using Kvorum.Quorum;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>
/// While the replica of the metadata group leads: what nodes report of their replicas of quorum keyspaces,
/// and the next stage of each change of such replicas, once enough of them are ready for it. Owned by the
/// loop of the metadata group.
/// </summary>
internal sealed class SwitchRounds(LoopClock clock)
{
    private readonly SortedDictionary<(GroupId Group, NodeId Node), QuorumReplicaReport> _replicas = [];
    private readonly SortedDictionary<GroupId, (int Ready, long SinceMs)> _progress = [];

    /// <summary>A node reports.</summary>
    public void Take(NodeId from, IReadOnlyList<QuorumReplicaReport> replicas)
    {
        foreach (var replica in replicas)
            _replicas[(replica.Group, from)] = replica;
    }

    /// <summary>Forgets all: another term, in which all nodes report again.</summary>
    public void Clear()
    {
        _replicas.Clear();
        _progress.Clear();
    }

    /// <summary>Proposes the stages that may begin.</summary>
    public void Advance(RaftReplica replica, MetaMachine state)
    {
        var changes = new List<(GroupId Group, Epoch Replaces, ChangeStage Stage)>();
        foreach (var keyspace in state.Keyspaces.Values.Where(static keyspace => keyspace.IsQuorum))
        {
            foreach (var group in keyspace.Groups.All)
            {
                if (state.Placement.Placed(group) is { Switch: not null } placed
                    && NextStage(group, placed, keyspace.Settings.Quorum!, state) is { } stage)
                    changes.Add((group, placed.Epoch, stage));
            }
        }

        if (changes.Count > 0)
            replica.Propose(MetaRecords.EncodeStages(changes, replica.LogTimeNow));
    }

    /// <summary>Where the replicas of a group are, as the planner sees it.</summary>
    public static GroupReplicas Describe(PlacedGroup placed)
    {
        if (placed.Switch is not { } change)
            return new(placed.Target.Voters, placed.Target.Learners, []);
        if (change.Stage == ChangeStage.ReadNew)
            return new(placed.Target.Voters, placed.Target.Learners, [], IsJoint: true);
        var present = ReplicaTarget.Of(change.Present);
        return new(present.Voters, present.Learners, [.. placed.Nodes.Except(change.Present)]);
    }

    /// <summary>What one replica takes on disk, by what is reported.</summary>
    public long BytesOf(GroupId group, PlacedGroup placed) => placed.Holders
        .Max(node => _replicas.TryGetValue((group, node), out var known) ? known.Bytes : 0);

    /// <summary>
    /// When more replicas of a group were last found to be ready, in the node's milliseconds.
    /// </summary>
    public long ProgressMs(GroupId group, PlacedGroup placed)
    {
        var ready = placed.Holders.Count(node => _replicas.TryGetValue((group, node), out var known)
            && known.Confirmed >= placed.Epoch && known.IsFilled);
        if (!_progress.TryGetValue(group, out var before) || before.Ready != ready)
            _progress[group] = before = (ready, clock.NowMs);
        return before.SinceMs;
    }

    private static bool IsGone(NodeId node, MetaMachine state) =>
        !state.Members.TryGetValue(node, out var member)
        || member.Status is MemberStatus.Lost or MemberStatus.Removed;

    private ChangeStage? NextStage(
        GroupId group, PlacedGroup placed, QuorumNumbers numbers, MetaMachine state)
    {
        var nodes = placed.Holders;
        var (confirmed, filled, present, next) =
            (ReplicaMask.None, ReplicaMask.None, ReplicaMask.None, ReplicaMask.None);
        for (var i = 0; i < nodes.Count; i++)
        {
            var it = ReplicaMask.Of(i);
            if (_replicas.TryGetValue((group, nodes[i]), out var known))
            {
                // What it said before is of another change.
                var isOfThis = known.Confirmed >= placed.Epoch;
                confirmed |= isOfThis ? it : ReplicaMask.None;
                filled |= isOfThis && known.IsFilled ? it : ReplicaMask.None;
            }

            // It refuses whatever is asked of it: nobody answers there any more.
            confirmed |= IsGone(nodes[i], state) ? it : ReplicaMask.None;
            present |= placed.Switch!.Present.Contains(nodes[i]) ? it : ReplicaMask.None;
            next |= placed.Nodes.Contains(nodes[i]) ? it : ReplicaMask.None;
        }

        var change = new ReplicaChange(placed.Switch!.Stage, present, next);
        var settings = new QuorumSettings
        {
            Replicas = present.Count,
            WriteQuorum = Math.Min(present.Count, numbers.WriteOf(present.Count)),
            ReadQuorum = Math.Min(present.Count, numbers.ReadOf(present.Count)),
        };
        var after = change.Advance(settings, confirmed, filled);
        return after.Stage == change.Stage ? null : after.Stage;
    }
}
