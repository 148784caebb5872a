using Kvorum.Node.Groups;
using Kvorum.Node.Leaderless;
using Kvorum.Node.Membership;
using Kvorum.Node.Replicas;
using Kvorum.Node.State;
using Kvorum.Raft;
using Kvorum.Storage.Log;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node;

/// <summary>
/// Brings all replicas of this node back from disk: first the trees, then the log behind them, whose birth
/// records say what they are. Options decide nothing about which replicas there are. Used once, at the start.
/// </summary>
internal sealed class NodeRecovery(NodeContext context)
{
    private readonly ReplicaFactory _factory = new(context);
    private readonly SortedDictionary<GroupId, Tree> _trees = [];
    private readonly SortedDictionary<GroupId, CheckpointTag> _tags = [];
    private MetaMachine? _meta;
    private readonly SortedDictionary<GroupId, TreeDamagedException> _damages = [];

    /// <summary>Opens the trees that are in the data folder.</summary>
    public void OpenTrees()
    {
        foreach (var group in GroupFolder.GroupsIn(context.World.Files))
            OpenTree(group);
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
            var checkpoints = _trees.Keys.ToDictionary(
                group => group, group => _tags.GetValueOrDefault(group)?.Snapshot.Index.Value ?? 0);
            // The birth records are in the log.
            var directory = _meta?.Directory ?? context.Cluster.Directory;
            var losses = GroupLosses.Describe(damage.Losses, checkpoints, directory.NameOf);
            throw new NodeStartException($"{damage.Message} {losses}");
        }
    }

    /// <summary>The replicas that were born on this node, ready to run.</summary>
    public IEnumerable<IReplicaParts> Replicas(
        GroupRecovery replay, IReadOnlyDictionary<GroupId, GroupBirth> births)
    {
        Bury(replay);
        foreach (var group in _trees.Keys.Concat(replay.Groups))
        {
            if (!births.ContainsKey(group))
                throw new NodeStartException(UnbornMessage(group));
        }

        // A crash came before they were made.
        foreach (var group in births.Keys.Where(group =>
            !_trees.ContainsKey(group) && context.Former.Of(group) is null))
            OpenTree(group);
        foreach (var group in _trees.Keys.ToArray())
            yield return births[group].IsQuorum
                ? RecoverQuorum(births[group], replay) : Recover(births[group], replay);
    }

    // A crash came before their trees were deleted.
    private void Bury(GroupRecovery replay)
    {
        foreach (var (group, state) in replay.Former)
        {
            context.Former.Add(group, state);
            if (!_trees.Remove(group, out var tree))
                continue;
            context.Open.Close(tree);
            _damages.Remove(group);
            GroupFolder.Delete(context.World.Files, group);
        }
    }

    /// <summary>What is to be said of a group that has data, and no birth record.</summary>
    public static string UnbornMessage(GroupId group) =>
        $"there is data of group {group}, and its birth record is missing in the log: the data folder is not "
        + "whole. Restore it from a copy; without one replace the node (kvorum node replace): its peers have "
        + "the data.";

    private QuorumParts RecoverQuorum(GroupBirth birth, GroupRecovery replay)
    {
        var group = birth.Group;
        var machine = MachineOf(birth, _factory.StoredMachineOf);
        var checkpoint = CheckpointOf(replay, birth);
        var damage = _damages.GetValueOrDefault(group);
        if (damage is null)
            replay.CheckReaches(group, checkpoint);
        var (state, log) = replay.Recovered(group, checkpoint);
        var unapplied = new List<Entry>();
        log.TryRead(log.FirstIndex, log.LastIndex.Next, long.MaxValue, unapplied);
        return new(ReplicaFactory.IdentityOf(birth), birth, _trees[group], machine)
        {
            Unapplied = unapplied,
            Released = state.Commit,
            Confirmed = new(state.Term.Value),
            Damage = damage?.What,
        };
    }

    private ReplicaParts Recover(GroupBirth birth, GroupRecovery replay)
    {
        var group = birth.Group;
        var machine = MachineOf(birth, (tree, timeMs) => _factory.MachineOf(group, tree, timeMs));
        var tree = _trees[group];
        var (state, log) = Recovered(replay, birth);
        // Its manifest was found to be wrong.
        if (_trees[group] != tree)
            machine = MachineOf(birth, (made, timeMs) => _factory.MachineOf(group, made, timeMs));
        var damage = _damages.GetValueOrDefault(group);
        var lacks = damage is null && replay.Lacks(group, log.Snapshot);
        // Only an installed snapshot may be ahead of the log. Then only the manifest says what the log does
        // not, and its last sync may have failed.
        if (lacks)
        {
            if (_trees[group].Checkpoint is { IsInstalled: false })
                replay.CheckReaches(group, log.Snapshot);
            _trees[group].ResyncManifest();
        }

        var raft = _factory.RaftOf(group, log, state);
        if (damage is not null)
            raft.Fence();
        var standing = replay.StandingOf(group);
        if (standing is Quarantined)
            raft.Quarantine();
        else if (standing is Discarded discarded)
            raft.Discarded(discarded.Kept);
        return new(ReplicaFactory.IdentityOf(birth), _trees[group], machine, log, raft)
        {
            State = state,
            Damage = damage?.What,
            OwedMark = lacks ? log.Snapshot : null,
            Standing = standing,
            History = TagOf(birth).History,
            Birth = birth,
        };
    }

    private void OpenTree(GroupId group)
    {
        try
        {
            Open(group, Tree.Open);
        }
        catch (TreeDamagedException damage) when (!damage.IsTooNew)
        {
            // The log may be whole: then this group's peers have the rest, and all others can be served.
            OpenDamaged(group, damage);
        }
    }

    private void OpenDamaged(GroupId group, TreeDamagedException damage)
    {
        _damages.Add(group, damage);
        Open(group, static (share, folder, options) => Tree.OpenDamaged(share, folder, options));
    }

    // What the tree says may make no sense, too.
    private T MachineOf<T>(GroupBirth birth, Func<Tree, ulong, T> make)
    {
        var group = birth.Group;
        try
        {
            return make(_trees[group], TagOf(birth).LogTimeMs);
        }
        catch (TreeDamagedException damage) when (!damage.IsTooNew && !_damages.ContainsKey(group))
        {
            _trees[group].Dispose();
            OpenDamaged(group, damage);
            return make(_trees[group], TagOf(birth).LogTimeMs);
        }
    }

    private void Open(GroupId group, Func<TreeShare, string, TreeOptions, Tree> open)
    {
        var tree = _factory.OpenTree(group, open);
        try
        {
            var tag = tree.Checkpoint is { } checkpoint ? GroupRecords.ReadTag(checkpoint.Tag) : null;
            if (group.IsMetadata)
                _meta = new(tree, tag?.LogTimeMs ?? 0, context.Cluster);
            _tags.Remove(group);
            if (tag is not null)
                _tags.Add(group, tag);
            _trees[group] = tree;
        }
        catch
        {
            tree.Dispose();
            throw;
        }
    }

    private (HardState State, GroupLog Log) Recovered(GroupRecovery replay, GroupBirth birth)
    {
        var group = birth.Group;
        if (replay.StandingOf(group) is Discarded)
            return Blank(replay, group);
        try
        {
            return replay.Recovered(group, CheckpointOf(replay, birth));
        }
        catch (LogDamagedException gap) when (!_damages.ContainsKey(group)
            && (_trees[group].WasTorn || _trees[group].Checkpoint is null))
        {
            // The log gives up only what a whole manifest says is in tables. So there was one, and the one
            // that is there is not torn but damaged: it is as good as lost.
            var what = _trees[group].WasTorn ? "its last record is damaged" : "it is lost, or what it said";
            _trees[group].Dispose();
            _damages.Add(group, new($"{GroupFolder.Of(group)}/manifest: {what}: {gap.Message}"));
            Open(group, static (share, folder, options) =>
                Tree.OpenDamaged(share, folder, options, isManifestWrong: true));
            return replay.Recovered(group, CheckpointOf(replay, birth));
        }
    }

    // Given up, whatever is still there: its first snapshot takes the place of the files, and has the group's
    // configuration.
    private (HardState State, GroupLog Log) Blank(GroupRecovery replay, GroupId group)
    {
        _trees[group].Dispose();
        _damages.Remove(group);
        Open(group, static (share, folder, options) =>
            Tree.OpenDamaged(share, folder, options, isManifestWrong: true));
        return replay.Recovered(group, SnapshotMetadata.Initial(new() { Voters = [] }));
    }

    private SnapshotMetadata CheckpointOf(GroupRecovery replay, GroupBirth birth) =>
        _damages.GetValueOrDefault(birth.Group) is { } damage && _trees[birth.Group].Checkpoint is null
            ? CommittedInLog(replay, birth, damage)
            : TagOf(birth).Snapshot;

    private CheckpointTag TagOf(GroupBirth birth) =>
        _tags.GetValueOrDefault(birth.Group) ?? CheckpointTag.Of(birth.First);

    // The manifest cannot be read: where the checkpoint was is unknown, only what the log says is committed.
    private static SnapshotMetadata CommittedInLog(
        GroupRecovery replay, GroupBirth birth, TreeDamagedException damage) =>
        replay.NewestCommitted(birth) ?? throw new NodeStartException(damage.Message);
}
