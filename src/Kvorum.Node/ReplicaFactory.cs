using Kvorum.Node.Groups;
using Kvorum.Node.Leaderless;
using Kvorum.Node.Membership;
using Kvorum.Node.Replicas;
using Kvorum.Node.State;
using Kvorum.Raft;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node;

/// <summary>Makes what a replica consists of, by the node's options. Safe on any thread.</summary>
internal sealed class ReplicaFactory(NodeContext context)
{
    /// <summary>Opens the tree of a group, or makes it.</summary>
    public Tree OpenTree(GroupId group) => OpenTree(group, Tree.Open);

    /// <summary>Opens the tree of a group in a way of its own.</summary>
    public Tree OpenTree(GroupId group, Func<TreeShare, string, TreeOptions, Tree> open)
    {
        var settings = new TreeOptions
        {
            CountedPrefix = RecordKeys.Data,
            LevelBaseBytes = context.Options.TreeLevelBytes,
            TableBytes = context.Options.TreeTableBytes,
            Compression = context.Options.Compression,
        };
        return context.Open.Add(open(context.Trees, GroupFolder.Of(group), settings));
    }

    /// <summary>The state machine over a group's tree, as of a log time.</summary>
    public IStateMachine MachineOf(GroupId group, Tree tree, ulong logTimeMs) => group.IsMetadata
        ? new MetaMachine(tree, logTimeMs, context.Cluster)
        : new KeyValueMachine(
            tree, logTimeMs, context.Options.SessionWindowMs, context.Options.SessionRecordsMax);

    /// <summary>The Raft core of a group, which has applied its log up to the log's snapshot.</summary>
    public RaftNode RaftOf(GroupId group, GroupLog log, HardState state)
    {
        var options = new RaftOptions
        {
            AppendBytesMax = context.Options.AppendBytesMax,
            Id = context.Cluster.Self,
            HeartbeatTicks = Math.Max(1, context.Options.HeartbeatMs / context.Options.TickMs),
            ElectionTimeoutMinTicks = context.Options.ElectionTimeoutMinMs / context.Options.TickMs,
            ElectionTimeoutMaxTicks = context.Options.ElectionTimeoutMaxMs / context.Options.TickMs,
        };
        var raft = new RaftNode(options, log, state, log.Snapshot.Index, RandomOf(group));
        // It begins blank: no configuration counts on it before it is filled. A former replica of this node,
        // which was deleted, may have acknowledged what it lacks, and a member that was away may still ask
        // for its vote.
        if (log.Snapshot is { Index.Value: 0, Configuration.Voters.Count: 0 })
            raft.Discarded(kept: null);
        return raft;
    }

    /// <summary>What a replica of a quorum keyspace has in its tree, as of a time.</summary>
    public StoredMachine StoredMachineOf(Tree tree, ulong timeMs) =>
        new(tree, timeMs, context.Options.SessionWindowMs, context.Options.SessionRecordsMax);

    /// <summary>
    /// What a replica consists of that has just been born, over its empty tree, with the term and the vote of
    /// a former one.
    /// </summary>
    public IReplicaParts Born(GroupBirth birth, Tree tree, HardState state)
    {
        if (birth.IsQuorum)
        {
            return new QuorumParts(IdentityOf(birth), birth, tree, StoredMachineOf(tree, timeMs: 0))
            {
                Confirmed = new(state.Term.Value),
            };
        }

        var tag = CheckpointTag.Of(birth.First);
        var log = new GroupLog(tag.Snapshot);
        return new ReplicaParts(
            IdentityOf(birth), tree, MachineOf(birth.Group, tree, tag.LogTimeMs), log,
            RaftOf(birth.Group, log, state))
        {
            State = state,
            History = tag.History,
            Birth = birth,
        };
    }

    /// <summary>Which group a replica belongs to.</summary>
    public static GroupIdentity IdentityOf(GroupBirth birth) =>
        new(birth.Group, birth.Keyspace, birth.Partition);

    // Every group its own sequence, so that what one does never moves another's timers.
    private Random RandomOf(GroupId group) =>
        new(unchecked((context.World.RandomSeed * 31) + (int)group.Value));
}
