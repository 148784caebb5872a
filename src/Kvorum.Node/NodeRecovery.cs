using Kvorum.Node.Groups;
using Kvorum.Node.Membership;
using Kvorum.Node.Replicas;
using Kvorum.Node.State;
using Kvorum.Raft;
using Kvorum.Storage.Log;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node;

/// <summary>
/// Brings all groups of this node back from disk: first the trees, then the log behind them. Used once, at
/// the start.
/// </summary>
internal sealed class NodeRecovery(NodeContext context)
{
    private readonly SortedDictionary<GroupId, Tree> _trees = [];
    private readonly SortedDictionary<GroupId, CheckpointTag> _tags = [];
    private readonly SortedDictionary<GroupId, IStateMachine> _machines = [];
    private readonly SortedDictionary<GroupId, TreeDamagedException> _damages = [];

    /// <summary>All trees that are open, as they are now.</summary>
    public IReadOnlyCollection<Tree> Trees => _trees.Values;

    /// <summary>Opens the tree of every group that this node holds.</summary>
    public void OpenTrees()
    {
        foreach (var group in context.Cluster.Directory.Groups)
        {
            if (!context.Cluster.PreferenceOf(group).Contains(context.Cluster.Self))
                continue;
            try
            {
                Open(group, Tree.Open);
            }
            catch (TreeDamagedException damage) when (!damage.IsTooNew)
            {
                // The log may be whole: then this group's peers have the rest, and all others can be served.
                _damages.Add(group, damage);
                Open(group, static (share, folder, options) => Tree.OpenDamaged(share, folder, options));
            }
        }
    }

    private void Open(GroupId group, Func<TreeShare, string, TreeOptions, Tree> open)
    {
        var settings = new TreeOptions
        {
            CountedPrefix = RecordKeys.Data,
            LevelBaseBytes = context.Options.TreeLevelBytes,
            TableBytes = context.Options.TreeTableBytes,
            Compression = context.Options.Compression,
        };
        var tree = open(context.Trees, FolderOf(group), settings);
        try
        {
            var tag = tree.Checkpoint is { } checkpoint
                ? GroupRecords.ReadTag(checkpoint.Tag)
                : new(
                    SnapshotMetadata.Initial(FirstConfigurationOf(group)),
                    0,
                    HistoryMark.Empty);
            _machines[group] = MachineOf(group, tree, tag);
            _tags[group] = tag;
            _trees[group] = tree;
        }
        catch
        {
            tree.Dispose();
            throw;
        }
    }

    /// <summary>What gathers the log's records over the checkpoints.</summary>
    public GroupRecovery Replay() => new(_tags
        .Where(tag => tag.Value.Snapshot.Index.Value > 0)
        .ToDictionary(tag => tag.Key, tag => tag.Value.Snapshot));

    /// <summary>
    /// The log that holds what follows the checkpoints; where it is damaged, the reason why the node cannot
    /// start, with the groups that are hurt.
    /// </summary>
    public SharedLog OpenLog(ILogReplay replay)
    {
        var settings = context.Options.ForLog();
        try
        {
            return SharedLog.Open(context.World.Files, "log", settings, context.World.Jobs, replay);
        }
        catch (LogDamagedException damage) when (damage.Losses is not null)
        {
            var checkpoints = _tags.ToDictionary(tag => tag.Key, tag => tag.Value.Snapshot.Index.Value);
            var losses = GroupLosses.Describe(
                damage.Losses, checkpoints, context.Cluster.Directory.NameOf);
            throw new NodeStartException($"{damage.Message} {losses}");
        }
    }

    /// <summary>The replicas, ready to run.</summary>
    public IEnumerable<ReplicaParts> Replicas(GroupRecovery replay)
    {
        foreach (var group in _trees.Keys.ToArray())
        {
            var (state, log) = Recovered(replay, group);
            var damage = _damages.GetValueOrDefault(group);
            var lacks = damage is null && replay.Lacks(group, log.Snapshot);
            // Only an installed snapshot may be ahead of the log. Then only the manifest says what the log
            // does not, and its last sync may have failed.
            if (lacks)
            {
                if (_trees[group].Checkpoint is { IsInstalled: false })
                    replay.CheckReaches(group, log.Snapshot);
                _trees[group].ResyncManifest();
            }

            var raft = new RaftNode(RaftOptions(), log, state, log.Snapshot.Index, RandomOf(group));
            if (damage is not null)
                raft.Fence();
            var standing = replay.StandingOf(group);
            if (standing is Quarantined)
                raft.Quarantine();
            else if (standing is Discarded discarded)
                raft.Discarded(discarded.Kept);
            yield return new(IdentityOf(group), _trees[group], _machines[group], log, raft)
            {
                State = state,
                Damage = damage?.What,
                OwedMark = lacks ? log.Snapshot : null,
                Standing = standing,
                History = _tags[group].History,
            };
        }
    }

    private (HardState State, GroupLog Log) Recovered(GroupRecovery replay, GroupId group)
    {
        if (replay.StandingOf(group) is Discarded)
            return Blank(replay, group);
        try
        {
            return replay.Recovered(group, CheckpointOf(replay, group));
        }
        catch (LogDamagedException gap) when (!_damages.ContainsKey(group)
            && (_trees[group].WasTorn || _trees[group].Checkpoint is null))
        {
            // The log gives up only what a whole manifest says is in tables. So there was one, and the one
            // that is there is not torn but damaged: it is as good as lost.
            var what = _trees[group].WasTorn ? "its last record is damaged" : "it is lost, or what it said";
            _trees[group].Dispose();
            _damages.Add(group, new($"{FolderOf(group)}/manifest: {what}: {gap.Message}"));
            Open(group, static (share, folder, options) =>
                Tree.OpenDamaged(share, folder, options, isManifestWrong: true));
            return replay.Recovered(group, CheckpointOf(replay, group));
        }
    }

    // Given up, whatever is still there: its first snapshot takes the place of the files, and tells it who
    // takes part.
    private (HardState State, GroupLog Log) Blank(GroupRecovery replay, GroupId group)
    {
        _trees[group].Dispose();
        _damages.Remove(group);
        Open(group, static (share, folder, options) =>
            Tree.OpenDamaged(share, folder, options, isManifestWrong: true));
        return replay.Recovered(group, SnapshotMetadata.Initial(new() { Voters = [] }));
    }

    private SnapshotMetadata CheckpointOf(GroupRecovery replay, GroupId group) =>
        _damages.GetValueOrDefault(group) is { } damage && _trees[group].Checkpoint is null
            ? CommittedInLog(replay, group, damage)
            : _tags[group].Snapshot;

    private GroupIdentity IdentityOf(GroupId group)
    {
        var keyspace = context.Cluster.Directory.KeyspaceOf(group)!;
        return new(
            group, keyspace.Name, keyspace.PartitionOf(group), context.Cluster.PreferenceOf(group));
    }

    private Configuration FirstConfigurationOf(GroupId group) =>
        GroupPlacement.ConfigurationOf(group, context.Cluster.PreferenceOf(group));

    private static string FolderOf(GroupId group) => GroupFolder.Of(group);

    // The manifest cannot be read: where the checkpoint was is unknown, only what the log says is committed.
    private SnapshotMetadata CommittedInLog(GroupRecovery replay, GroupId group, TreeDamagedException damage)
    {
        return replay.NewestCommitted(group, FirstConfigurationOf(group))
            ?? throw new NodeStartException(damage.Message);
    }

    private IStateMachine MachineOf(GroupId group, Tree tree, CheckpointTag tag) => group.IsMetadata
        ? new MetaMachine(tree, tag.LogTimeMs, context.Cluster)
        : new KeyValueMachine(
            tree,
            tag.LogTimeMs,
            context.Options.SessionWindowMs,
            context.Options.SessionRecordsMax);

    private RaftOptions RaftOptions() => new()
    {
        AppendBytesMax = context.Options.AppendBytesMax,
        Id = context.Cluster.Self,
        HeartbeatTicks = Math.Max(1, context.Options.HeartbeatMs / context.Options.TickMs),
        ElectionTimeoutMinTicks = context.Options.ElectionTimeoutMinMs / context.Options.TickMs,
        ElectionTimeoutMaxTicks = context.Options.ElectionTimeoutMaxMs / context.Options.TickMs,
    };

    // Every group its own sequence, so that what one does never moves another's timers.
    private Random RandomOf(GroupId group) =>
        new(unchecked((context.World.RandomSeed * 31) + (int)group.Value));
}
