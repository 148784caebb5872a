using Kvorum.Node.Groups;
using Kvorum.Node.Membership;
using Kvorum.Node.Placement;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage.Files;
using Kvorum.Storage.Inspection;
using Kvorum.Storage.Log;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Survival;

/// <summary>
/// A survivor's data folder, read as a start of the node would, and not changed. Every byte of the tables is
/// read: a group must not go on from a damaged replica. Used once. One thread.
/// </summary>
internal sealed class SurvivorFolder
{
    /// <summary>The folder of the log.</summary>
    public const string LogFolder = "log";

    private readonly IFileSystem _files;
    private readonly SortedDictionary<GroupId, CheckpointTag> _tags = [];
    private readonly SortedSet<GroupId> _flushed = [];
    private readonly SortedDictionary<GroupId, string> _damages = [];
    private readonly NodeReplay _replay;

    private SurvivorFolder(IFileSystem files)
    {
        _files = new ReadOnlyFileSystem(files);
        Identity = IdentityFile.Read(_files);
        CheckIdentity();
        foreach (var group in GroupFolder.GroupsIn(_files))
            ReadTree(group);
        Groups = new(_tags.Where(static tag => tag.Value.Snapshot.Index.Value > 0)
            .ToDictionary(static tag => tag.Key, static tag => tag.Value.Snapshot));
        _replay = new(Groups);
        LogInspector.Replay(_files, LogFolder, _replay);
        Identity.CheckRecovery(_replay.Recovery);
        KnownMembers.Read(_files).Check(_replay.Members);
    }

    /// <summary>Whose folder it is.</summary>
    public IdentityFile Identity { get; }

    /// <summary>What the log holds of each group.</summary>
    public GroupRecovery Groups { get; }

    /// <summary>The replicas that were born here.</summary>
    public SortedDictionary<GroupId, GroupBirth> Births => _replay.Births;

    /// <summary>
    /// Reads the folder. A <see cref="NodeStartException"/>, an <see cref="IOException"/> or a
    /// <see cref="FormatException"/> says why it tells nothing.
    /// </summary>
    public static SurvivorFolder Read(IFileSystem files) => new(files);

    /// <summary>The plan of the recovery that the log of a folder tells of; 0: of none.</summary>
    public static UInt128 RecoveryIn(IFileSystem files)
    {
        var replay = new NodeReplay(new NoGroups());
        LogInspector.Replay(new ReadOnlyFileSystem(files), LogFolder, replay);
        return replay.Recovery;
    }

    /// <summary>The hard state and the log of a whole replica.</summary>
    public (HardState State, GroupLog Log) Recovered(GroupId group) =>
        Groups.Recovered(group, SnapshotOf(group));

    /// <summary>The configuration that is in force at the end of a replica's log.</summary>
    public Configuration ConfigurationOf(GroupId group, GroupLog log)
    {
        var configuration = SnapshotOf(group).Configuration;
        foreach (var entry in EntriesOf(log).Where(static entry => entry.Kind == EntryKind.Configuration))
        {
            configuration = RaftNode.After(configuration, ConfigurationCodec.DecodeChange(entry.Data.Span))
                ?? throw new LogDamagedException(
                    $"entry {entry.Index} changes the configuration in a way that does not fit it");
        }

        return configuration;
    }

    /// <summary>What the folder says.</summary>
    public Survivor Describe()
    {
        var (members, keyspaces) = ReadMetadata();
        var own = Identity.Founders.First(founder => founder.NodeId == Identity.NodeId).PeerAddress;
        return new()
        {
            Version = Survivor.FormatVersion,
            NodeId = Identity.NodeId,
            NodeName = Identity.NodeName,
            PeerAddress = members.FirstOrDefault(one => one.NodeId == Identity.NodeId)?.PeerAddress ?? own,
            ClusterId = Identity.ClusterId!.Value,
            Incarnation = Identity.Incarnation,
            Members = members,
            Keyspaces = keyspaces,
            Replicas =
            [
                .. Births.Values
                    .Where(birth => !birth.IsQuorum && Groups.StandingOf(birth.Group) is not Removed)
                    .Select(Describe),
            ],
            QuorumReplicas =
            [
                .. Births.Values
                    .Where(birth => birth.IsQuorum && Groups.StandingOf(birth.Group) is not Removed)
                    .Select(DescribeQuorum),
            ],
        };
    }

    private void CheckIdentity()
    {
        Identity.CheckLog(_files);
        if (!Identity.Admitted || Identity.ClusterId is null)
        {
            throw new NodeStartException(
                $"{Identity.NodeName} has never taken part in a cluster: there is nothing to recover in its "
                + "folder");
        }

        if (Identity.Lost is { } lost)
        {
            throw new NodeStartException(
                $"{Identity.NodeName} takes no part any more: {lost}. If its folder is to count all the "
                + "same, run kvorum accept-loss first");
        }
    }

    private void ReadTree(GroupId group)
    {
        try
        {
            var inspector = new TreeInspector(_files, GroupFolder.Of(group));
            var found = inspector.Run();
            if (found.FirstOrDefault(static one => one.Kind == FindingKind.Damage) is { } damage)
                _damages[group] = $"{damage.File}: {damage.Text}";
            if (inspector.Checkpoint is not { } checkpoint)
                return;
            _tags[group] = GroupRecords.ReadTag(checkpoint.Tag);
            if (!checkpoint.IsInstalled)
                _flushed.Add(group);
        }
        catch (Exception e) when (e is FormatException or (IOException and not DiskShortageException))
        {
            _damages[group] = e.Message;
        }
    }

    private SnapshotMetadata SnapshotOf(GroupId group) =>
        (_tags.GetValueOrDefault(group) ?? CheckpointTag.Of(Births[group].First)).Snapshot;

    private SurvivingReplica Describe(GroupBirth birth)
    {
        var group = birth.Group;
        var described = new SurvivingReplica(
            group.Value, birth.Keyspace, birth.Partition.Value, SurvivingCondition.Whole);
        if (Groups.StandingOf(group) is Discarded)
            return described with { Condition = SurvivingCondition.Blank, Why = "it was discarded" };
        if (Groups.StandingOf(group) is Quarantined contradiction)
        {
            return described with
            {
                Condition = SurvivingCondition.Quarantined,
                Why = $"it is quarantined: {contradiction.Describe(static node => $"{node}")}",
            };
        }

        if (_damages.TryGetValue(group, out var damage))
            return described with { Condition = SurvivingCondition.Damaged, Why = damage };
        try
        {
            return DescribeLog(described, group);
        }
        catch (Exception e) when (e is LogDamagedException or FormatException)
        {
            return described with { Condition = SurvivingCondition.Damaged, Why = e.Message };
        }
    }

    private SurvivingReplica DescribeQuorum(GroupBirth birth)
    {
        var described = new SurvivingReplica(
            birth.Group.Value, birth.Keyspace, birth.Partition.Value, SurvivingCondition.Whole);
        if (_damages.TryGetValue(birth.Group, out var damage))
            return described with { Condition = SurvivingCondition.Damaged, Why = damage };
        return birth.First.Voters.Count > 0 ? described
            : described with { Condition = SurvivingCondition.Blank, Why = "it was never filled" };
    }

    private SurvivingReplica DescribeLog(SurvivingReplica described, GroupId group)
    {
        var snapshot = SnapshotOf(group);
        if (_flushed.Contains(group))
            Groups.CheckReaches(group, snapshot);
        // Only a start knows how to go on from there.
        if (Groups.Lacks(group, snapshot))
        {
            return described with
            {
                Condition = SurvivingCondition.Damaged,
                Why = "its log was not told yet of the content that it received last: start the node once, "
                    + "and stop it again",
            };
        }

        var (state, log) = Recovered(group);
        var configuration = ConfigurationOf(group, log);
        if (configuration.Voters.Count == 0)
            return described with { Condition = SurvivingCondition.Blank, Why = "it was never filled" };
        var commit = Math.Max(state.Commit.Value, snapshot.Index.Value);
        return described with
        {
            Term = state.Term.Value,
            LastTerm = log.TermOf(log.LastIndex)!.Value.Value,
            LastIndex = log.LastIndex.Value,
            Commit = commit,
            CommittedMs = CommittedMs(group, log, commit),
            ConfigurationIndex = EntriesOf(log)
                .LastOrDefault(static entry => entry.Kind == EntryKind.Configuration).Index.Value,
            Voters = [.. configuration.Voters.Select(IdOf)],
            Outgoing = [.. configuration.Outgoing.Select(IdOf)],
        };
    }

    // Each command begins with its kind and its time, in every state machine.
    private ulong CommittedMs(GroupId group, GroupLog log, ulong commit)
    {
        var newest = _tags.GetValueOrDefault(group)?.LogTimeMs ?? 0;
        foreach (var entry in EntriesOf(log).Where(
            entry => entry.Kind == EntryKind.Command && entry.Index.Value <= commit))
        {
            var from = new ByteReader(entry.Data);
            from.U8();
            newest = Math.Max(newest, from.U64());
        }

        return newest;
    }

    // As it will be if this replica counts: with all that is in its log.
    private (SurvivingMember[] Members, SurvivingKeyspace[] Keyspaces) ReadMetadata() =>
        HasMetadata ? FromMetadata(Described) : ([], []);

    private bool HasMetadata => Births.TryGetValue(GroupId.Metadata, out var birth)
        && GroupFolder.GroupsIn(_files).Contains(GroupId.Metadata)
        && Describe(birth).Condition == SurvivingCondition.Whole;

    /// <summary>What the folder says of users and rights.</summary>
    public AccessDescription DescribeAccess()
    {
        if (!HasMetadata)
        {
            throw new NodeStartException(
                $"{Identity.NodeName} has no whole replica of the metadata group: take the folder of another "
                + "node");
        }

        var voters = ConfigurationOf(GroupId.Metadata, Recovered(GroupId.Metadata).Log).Voters;
        var self = new NodeId(ClusterIdentity.ToUInt128(Identity.NodeId));
        return FromMetadata(machine => new AccessDescription(
            Identity.NodeName, Identity.ClusterId!.Value,
            [
                .. voters.Select(id => machine.Members.GetValueOrDefault(id)?.Name ?? $"{id}")
                    .Order(StringComparer.Ordinal),
            ],
            voters.Contains(self), machine.Access));
    }

    private T FromMetadata<T>(Func<MetaMachine, T> read)
    {
        var group = GroupId.Metadata;
        using var share = new TreeShare(_files, 1 << 20);
        using var tree = Tree.OpenUnchanged(share, GroupFolder.Of(group), new());
        var machine = new MetaMachine(tree, 0, new NoFacts());
        foreach (var entry in EntriesOf(Recovered(group).Log))
        {
            if (entry.Kind == EntryKind.Command)
                machine.Apply(entry.Index, entry.Data);
            else
                machine.Skip(entry.Index);
        }

        return read(machine);
    }

    private static (SurvivingMember[] Members, SurvivingKeyspace[] Keyspaces) Described(
        MetaMachine machine) =>
        (
            [
                .. machine.Members.Select(static one => new SurvivingMember(
                    IdOf(one.Key), one.Value.Name, one.Value.PeerAddress, one.Value.IsHeard)),
            ],
            [
                .. machine.Keyspaces.Values.Select(one => new SurvivingKeyspace(
                    one.Id.Value, one.Settings.Name, one.Settings.Mode, one.Groups.First.Value,
                    one.Groups.Count)
                {
                    Places = PlacesOf(one, machine),
                    IsSloppy = one.Settings.Quorum?.IsSloppy ?? false,
                }),
            ]);

    private static SurvivingPlace[] PlacesOf(KeyspaceDefinition keyspace, MetaMachine machine)
    {
        if (keyspace.Settings.Quorum is not { } numbers)
            return [];
        return [.. keyspace.Groups.All.Select(machine.Placement.Placed).Select(placed =>
        {
            var nodes = placed!.Switch?.Present ?? placed.Nodes;
            return new SurvivingPlace(
                [.. nodes.Select(IdOf)], Math.Min(nodes.Count, numbers.WriteOf(nodes.Count)));
        })];
    }

    private static List<Entry> EntriesOf(GroupLog log)
    {
        List<Entry> entries = [];
        log.TryRead(log.FirstIndex, log.LastIndex.Next, long.MaxValue, entries);
        return entries;
    }

    private static Guid IdOf(NodeId node) => ClusterIdentity.ToGuid(node.Value);

    /// <summary>Nothing is proposed here, and nobody is told.</summary>
    private sealed class NoFacts : IClusterFacts
    {
        public KeyspaceSettings DefaultKeyspace => throw new InvalidOperationException();

        public UInt128 ProposedClusterId => 0;

        public FormatRange Formats => FormatRange.Own;

        public IReadOnlyList<NodeId> Ids => [];

        public IReadOnlyList<ReplicaTarget> Place(KeyspaceSettings keyspace) => [];

        public MemberRecord? Announcement(NodeId node) => null;

        public void Publish(MetaMachine meta)
        {
        }
    }
}
