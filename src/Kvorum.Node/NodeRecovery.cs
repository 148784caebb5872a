using System.Globalization;
using Kvorum.Node.Groups;
using Kvorum.Node.Membership;
using Kvorum.Node.Replicas;
using Kvorum.Node.State;
using Kvorum.Raft;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node;

/// <summary>
/// Brings all groups of this node back from disk: first the trees, then the log behind them. Used once, at
/// the start.
/// </summary>
internal sealed class NodeRecovery(NodeContext context, IReadOnlyList<IReadOnlyList<NodeId>> preferences)
{
    private readonly SortedDictionary<uint, Tree> _trees = [];
    private readonly SortedDictionary<uint, CheckpointTag> _tags = [];

    /// <summary>Opens the tree of every group that this node holds.</summary>
    public IReadOnlyCollection<Tree> OpenTrees()
    {
        for (uint group = 0; group < preferences.Count; group++)
        {
            if (!preferences[(int)group].Contains(context.Cluster.Self))
                continue;
            var folder = string.Create(CultureInfo.InvariantCulture, $"trees/{group:D5}");
            var tree = Tree.Open(context.Trees, folder, new TreeOptions());
            _trees.Add(group, tree);
            _tags.Add(group, tree.Checkpoint is { } checkpoint
                ? GroupRecords.ReadTag(checkpoint.Tag)
                : new(SnapshotMetadata.Initial(GroupPlacement.ConfigurationOf(group, preferences[(int)group])), 0, 0));
        }

        return _trees.Values;
    }

    /// <summary>What gathers the log's records over the checkpoints.</summary>
    public GroupRecovery Replay() => new(_tags
        .Where(tag => tag.Value.Snapshot.Index.Value > 0)
        .ToDictionary(tag => tag.Key, tag => tag.Value.Snapshot));

    /// <summary>The replicas, ready to run.</summary>
    public IEnumerable<(ReplicaParts Parts, HardState State)> Replicas(GroupRecovery replay)
    {
        foreach (var (group, tree) in _trees)
        {
            var tag = _tags[group];
            var (state, log) = replay.Recovered(group, tag.Snapshot);
            var raft = new RaftNode(RaftOptions(), log, state, new(tree.AppliedIndex), RandomOf(group));
            yield return (new(
                group, group == 0 ? "system" : "default", group == 0 ? 0 : group - 1, preferences[(int)group],
                tree, MachineOf(group, tree, tag), log, raft), state);
        }
    }

    private IStateMachine MachineOf(uint group, Tree tree, CheckpointTag tag) => group == 0
        ? new MetaMachine(tree, tag.LogTimeMs)
        : new KeyValueMachine(tree, tag.LogTimeMs, tag.KeyCount, context.Options.SessionWindowMs, context.Options.SessionRecordsMax);

    private RaftOptions RaftOptions() => new()
    {
        Id = context.Cluster.Self,
        HeartbeatTicks = Math.Max(1, context.Options.HeartbeatMs / context.Options.TickMs),
        ElectionTimeoutMinTicks = context.Options.ElectionTimeoutMinMs / context.Options.TickMs,
        ElectionTimeoutMaxTicks = context.Options.ElectionTimeoutMaxMs / context.Options.TickMs,
    };

    // Every group its own sequence, so that what one does never moves another's timers.
    private Random RandomOf(uint group) => new(unchecked((context.World.RandomSeed * 31) + (int)group));
}
