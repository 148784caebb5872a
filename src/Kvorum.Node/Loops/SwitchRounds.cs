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
    private readonly SortedDictionary<NodeId, long> _hints = [];
    private readonly SortedDictionary<(GroupId Group, NodeId Node), QuorumReplicaReport> _replicas = [];
    private readonly SortedDictionary<GroupId, (int Ready, long Filled, long SinceMs)> _progress = [];

    /// <summary>A node reports.</summary>
    public void Take(NodeId from, QuorumReport report)
    {
        _hints[from] = report.Hints;
        foreach (var replica in report.Replicas)
            _replicas[(replica.Group, from)] = replica;
    }

    /// <summary>Hints that a node keeps for others; null if it has not told.</summary>
    public long? HintsOf(NodeId node) => _hints.TryGetValue(node, out var hints) ? hints : null;

    /// <summary>Forgets all: another term, in which all nodes report again.</summary>
    public void Clear()
    {
        _replicas.Clear();
        _hints.Clear();
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

    /// <summary>
    /// Where the replicas of a group are, as the planner sees it. The group has no votes: those that count
    /// are its voters, and of those that come the filled ones its learners.
    /// </summary>
    public GroupReplicas Describe(GroupId group, PlacedGroup placed)
    {
        if (placed.Switch is not { } change)
            return new(placed.Nodes, [], []);
        var isJoint = change.Stage != ChangeStage.WriteBoth;
        var coming = placed.Nodes.Except(change.Present).ToLookup(node => isJoint
            || (_replicas.TryGetValue((group, node), out var known) && IsReady(known, placed)));
        return new(change.Present, [.. coming[true]], [.. coming[false]], isJoint);
    }

    /// <summary>What one replica takes on disk, by what is reported.</summary>
    public long BytesOf(GroupId group, PlacedGroup placed) => placed.Holders
        .Max(node => _replicas.TryGetValue((group, node), out var known) ? known.Bytes : 0);

    /// <summary>
    /// When a replica of a group was last found to be ready, or to have got some of what it is filled with,
    /// in the node's milliseconds.
    /// </summary>
    public long ProgressMs(GroupId group, PlacedGroup placed)
    {
        var (ready, filled) = (0, 0L);
        foreach (var node in placed.Holders)
        {
            if (!_replicas.TryGetValue((group, node), out var known))
                continue;
            ready += IsReady(known, placed) ? 1 : 0;
            filled += known.Filled;
        }

        if (!_progress.TryGetValue(group, out var before) || (before.Ready, before.Filled) != (ready, filled))
            _progress[group] = before = (ready, filled, clock.NowMs);
        return before.SinceMs;
    }

    // What it said before is of another change.
    private static bool IsReady(QuorumReplicaReport known, PlacedGroup placed) =>
        known.Confirmed >= placed.Epoch && known.IsFilled;

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
                confirmed |= known.Confirmed >= placed.Epoch ? it : ReplicaMask.None;
                filled |= IsReady(known, placed) ? it : ReplicaMask.None;
            }

            // It refuses whatever is asked of it: nobody answers there any more.
            confirmed |= IsGone(nodes[i], state) ? it : ReplicaMask.None;
            present |= placed.Switch!.Present.Contains(nodes[i]) ? it : ReplicaMask.None;
            next |= placed.Nodes.Contains(nodes[i]) ? it : ReplicaMask.None;
        }

        var change = new ReplicaChange(placed.Switch!.Stage, present, next);
        var after = change.Advance(numbers.Of(present.Count), confirmed, filled);
        return after.Stage == change.Stage ? null : after.Stage;
    }
}
