using System.Globalization;
using Kvorum.Node.Access;
using Kvorum.Node.Events;
using Kvorum.Node.Placement;
using Kvorum.Node.Placement.Planning;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Membership;

/// <summary>
/// What all loops and front ends share about the cluster: its members, which are up, which lead, and
/// what the metadata group has agreed on. Written by the loops and the transport, read by anyone: everything
/// in it is immutable or replaced as a whole.
/// </summary>
internal sealed class ClusterView : IClusterFacts
{
    private readonly NodeOptions _options;
    private readonly NodeWorld _world;
    private readonly bool _isFounder;
    private volatile MetaView _meta;
    private volatile bool _isFollowing;
    private volatile bool _isAdmitted;
    private volatile bool _isVouchedFor;
    private volatile string _whyNotAdmitted = "";

    public ClusterView(NodeOptions options, NodeWorld world, ClusterIds clusterIds, bool isFounder = true)
    {
        (_options, _world, ClusterIds, _isFounder) = (options, world, clusterIds, isFounder);
        Members = new(
            options.Self with { Formats = options.Formats }, options.Members, options.Zone, options.Weight);
        Health = new(options.Self.Id, (long)world.Time.GetElapsedTime(0).TotalMilliseconds);
        _meta = new(
            0, 0, [], default, new([]), WithMetadata(ReplicaPlacement.None), [], FormatRange.First,
            AccessTable.Empty);
    }

    private sealed record MetaView(
        UInt128 ClusterId, ulong Version, IReadOnlyList<KeyspaceDefinition> Keyspaces,
        KeyspaceId NextKeyspace, GroupDirectory Directory, ReplicaPlacement Placement,
        IReadOnlyList<ClusterEvent> Events, int ActiveFormat, AccessTable Access);

    /// <summary>The data folders of members.</summary>
    public KnownFolders Folders { get; } = new();

    /// <summary>Which groups there are, as the metadata group has told.</summary>
    public GroupDirectory Directory => _meta.Directory;

    /// <summary>Which nodes hold which group, as the metadata group has told.</summary>
    public ReplicaPlacement Placement => _meta.Placement;

    /// <summary>The format versions that this node speaks.</summary>
    public FormatRange Formats => _options.Formats;

    /// <summary>The format version that the cluster has, as far as this node was told.</summary>
    public int ActiveFormat => _meta.ActiveFormat;

    /// <summary>What has happened in the cluster, the oldest first, as the metadata group has told.</summary>
    public IReadOnlyList<ClusterEvent> Events => _meta.Events;

    /// <summary>Who may do what, as the metadata group has told.</summary>
    public AccessTable Access => _meta.Access;

    /// <summary>True if there is anybody whose rights could change.</summary>
    public bool HasUsers => !_meta.Access.Users.IsEmpty;

    /// <summary>How old may be what the metadata group has told.</summary>
    public MetadataAge MetadataAge { get; } = new();

    private ulong NewestEvent => _meta.Events is [.., var newest] ? newest.Position : 0;

    /// <summary>
    /// Told, on the loop of the metadata group, of the replicas that this node is to have. Set before any
    /// loop runs.
    /// </summary>
    public Action<IReadOnlyList<GroupBirth>> Placed { get; set; } = static _ => { };

    /// <summary>
    /// Told, on the loop of the metadata group, that there are events that were not there before. Set before
    /// any loop runs.
    /// </summary>
    public Action Happened { get; set; } = static () => { };

    /// <summary>Which members there are, and where.</summary>
    public MemberDirectory Members { get; }

    /// <summary>Which of them are connected and heard.</summary>
    public PeerHealth Health { get; }

    /// <summary>Which of them lead.</summary>
    public LeaderTable Leaders { get; } = new();

    /// <summary>To which cluster this node belongs.</summary>
    public ClusterIds ClusterIds { get; }

    public NodeId Self => _options.Self.Id;

    /// <summary>The cluster id that the metadata group has agreed on; 0: none yet.</summary>
    public UInt128 AgreedClusterId => _meta.ClusterId;

    public UInt128 ProposedClusterId => ClusterIds.Proposed;

    public IReadOnlyList<NodeId> Ids => Members.Ids;

    /// <summary>The members that are up, this node included.</summary>
    public IEnumerable<NodeId> Up => Ids.Where(Health.IsUp);

    /// <summary>The other members that are up.</summary>
    public IEnumerable<NodeId> PeersUp => Up.Where(node => node != Self);

    /// <summary>The members that are not up, and why.</summary>
    public IEnumerable<AwayMember> Away(long nowMs) => Ids.Where(node => !Health.IsUp(node)).Select(node =>
    {
        var (state, sinceMs, reason) = Health.StateOf(node);
        return new AwayMember
        {
            Name = Members.NameOf(node),
            State = state == PeerState.Suspect ? "suspect" : "down",
            ForMs = nowMs - sinceMs,
            Reason = state == PeerState.Up ? "connected, and not accepted" : reason,
        };
    });

    /// <summary>True once this node takes part: enough others know its data folder.</summary>
    public bool IsAdmitted => _isAdmitted;

    /// <summary>
    /// True once a majority of the members, this one counted, has accepted this node's log since its start:
    /// its folder may be an old copy before, and what its replicas say alone may be out of date.
    /// </summary>
    public bool IsVouchedFor => _isVouchedFor;

    /// <summary>What a node that does not take part waits for, for people. Written by loop 0.</summary>
    public string WhyNotAdmitted
    {
        get => _whyNotAdmitted;
        set => _whyNotAdmitted = value;
    }

    /// <summary>The version of all that the metadata group has told.</summary>
    public ulong Version => _meta.Version;

    /// <summary>The version of the placement, as replies carry it.</summary>
    public ulong Epoch => _meta.Placement.Epoch.Value;

    /// <summary>True once the metadata group has told this node of the keyspaces.</summary>
    public bool IsMetaKnown => _meta.Keyspaces.Count > 0;

    /// <summary>
    /// The default keyspace as the options define it: what the metadata group is told first.
    /// </summary>
    public KeyspaceSettings DefaultKeyspace => new(
        KeyspaceName.Default, KeyspaceSettings.Strong,
        _options.PartitionCount ?? NodeOptions.PartitionCountDefault,
        _options.ReplicationFactor, _options.KeyBytesMax ?? Protocol.Limits.KeyBytesMax,
        _options.ValueBytesMax, _options.KeyPolicy ?? "binary");

    /// <summary>The nodes of a group, the preferred leader first; none while it is not placed.</summary>
    public IReadOnlyList<NodeId> PreferenceOf(GroupId group) => _meta.Placement.Of(group) ?? [];

    /// <inheritdoc/>
    public IReadOnlyList<ReplicaTarget> Place(KeyspaceSettings keyspace)
    {
        var active = Ids.Where(id => Members.Agreed(id) is null or { Status: MemberStatus.Active }).ToArray();
        // A member that does not answer now is better than a replica less. At the founding all count.
        var chosen = IsMetaKnown && active.Count(Health.IsUp) >= keyspace.ReplicationFactor
            ? active.Where(Health.IsUp) : active;
        PlannedMember[] members = [.. chosen.Select(id => (Id: id, Member: Members.Announcement(id) ?? Members.Agreed(id)))
            .Select(static one => new PlannedMember(one.Id)
            {
                Weight = Math.Max(1, one.Member?.Weight ?? RingMember.Ordinary),
                Zone = one.Member?.Zone ?? "",
            })];
        var planned = new PlannedKeyspace(new(1), keyspace.ReplicationFactor) { Quorum = keyspace.Quorum };
        GroupId[] groups = [.. Enumerable.Range(1, keyspace.PartitionCount).Select(static one => new GroupId((uint)one))];
        return Forecast.FirstPlacement(
            new(members, [planned], [], new(), NowMs: 0), planned, groups,
            _options.VirtualNodes ?? NodeOptions.VirtualNodesDefault);
    }

    public KeyspaceDefinition? Keyspace(string name)
    {
        foreach (var keyspace in _meta.Keyspaces)
        {
            if (keyspace.Settings.Name == name)
                return keyspace;
        }

        return null;
    }

    /// <summary>True if the group is of a quorum keyspace: it has no leader.</summary>
    public bool IsQuorum(GroupId group)
    {
        foreach (var keyspace in _meta.Keyspaces)
        {
            if (keyspace.IsQuorum && keyspace.Groups.Has(group))
                return true;
        }

        return false;
    }

    /// <summary>True if there is any quorum keyspace.</summary>
    public bool HasQuorumKeyspaces => _meta.Keyspaces.Any(static keyspace => keyspace.IsQuorum);

    /// <summary>The keyspaces, as the metadata group has told.</summary>
    public IReadOnlyList<KeyspaceDefinition> Keyspaces => _meta.Keyspaces;

    public IEnumerable<string> KeyspaceNames => _meta.Keyspaces.Select(keyspace => keyspace.Settings.Name);

    public MemberRecord? Announcement(NodeId node) => Members.Announcement(node);

    /// <summary>A peer is connected, and its hello has come.</summary>
    public void PeerUp(PeerHello hello, long nowMs)
    {
        Members.Heard(hello);
        Health.Up(hello.Id, nowMs);
    }

    /// <summary>This node takes part from now on.</summary>
    public void Admit()
    {
        _whyNotAdmitted = "";
        _isAdmitted = true;
    }

    /// <summary>A majority of the members has accepted this node's log.</summary>
    public void VouchFor() => _isVouchedFor = true;

    /// <summary>This node takes no part any more: its log lacks what it has promised.</summary>
    public void Expel(string why)
    {
        _isAdmitted = false;
        _whyNotAdmitted = why;
    }

    /// <summary>The metadata group has changed. Loop of group 0.</summary>
    public void Publish(MetaMachine meta)
    {
        // A replica that was discarded or damaged knows less than what this node was told before.
        if (meta.Version <= _meta.Version)
            return;
        TellOfMembers(meta.Members);
        if (Members.Agreed(meta.Members, meta.Version) && _isFollowing)
            _world.Transport.Follow(Members.Peers);
        var placement = meta.Placement;
        var isPlaced = placement.Epoch > Placement.Epoch;
        var (isStart, format) = (_meta.Version == 0, _meta.ActiveFormat);
        var newest = NewestEvent;
        _meta = new(
            meta.ClusterId, meta.Version, [.. meta.Keyspaces.Values], meta.NextKeyspace, meta.Directory,
            WithMetadata(placement), meta.Events, meta.ActiveFormat, meta.Access);
        CheckDefaults();
        if (meta.ActiveFormat != format)
            Activate(isStart);
        if (isPlaced)
            Placed(Births());
        if (NewestEvent != newest)
            Happened();
    }

    private void Activate(bool isStart)
    {
        if (_isFollowing)
            _world.Transport.Activate(ActiveFormat);
        // Nothing is news at a start.
        if (!isStart)
            Tell(new FormatRaised(ActiveFormat));
    }

    /// <summary>
    /// Why this node, which was a member, should be stopped; null if it should not. One that leaves may be
    /// removed before it hears that it is.
    /// </summary>
    public string? WhyToStop => Members.Agreed(Self) switch
    {
        { Status: MemberStatus.Lost or MemberStatus.Removed } =>
            "it is no member of the cluster any more: stop it, and start it with an empty --data folder and "
            + "--join if it is to come back",
        { Status: MemberStatus.Leaving }
            when !_meta.Placement.On(Self).Any(static group => !group.IsMetadata) =>
            "it has left the cluster and holds nothing any more: once kvorum node list does not show it, "
            + "stop it",
        _ => RefusedByAll,
    };

    // One that was removed while it was away hears of it from the others only so.
    private string? RefusedByAll
    {
        get
        {
            if (!_isAdmitted || Leaders.Of(GroupId.Metadata) is not null || Up.Any(id => id != Self))
                return null;
            return Ids.Select(Health.RefusalOf).OfType<string>().FirstOrDefault() is { } why
                ? $"no other member talks to this node: {why}" : null;
        }
    }

    // Nothing is news at a start.
    private void TellOfMembers(IReadOnlyDictionary<NodeId, MemberRecord> members)
    {
        if (_meta.Version == 0)
            return;
        foreach (var (id, member) in members)
        {
            if (Members.Agreed(id)?.Status != member.Status)
                Tell(new MemberChanged(member.Name, member.Status.ToString().ToLowerInvariant()));
        }
    }

    /// <summary>
    /// The transport runs: it is told from now on who the members are, and of what has changed meanwhile.
    /// </summary>
    public void BeginFollowing(IReadOnlyList<MemberSeed> told)
    {
        _isFollowing = true;
        _world.Transport.Activate(ActiveFormat);
        if (!Members.Peers.Select(static peer => peer.Id).SequenceEqual(told.Select(static peer => peer.Id)))
            _world.Transport.Follow(Members.Peers);
    }

    // The bound of a value is each node's own, and a restart may change it; the replication factor may have
    // been changed since. Who has joined takes everything from the cluster.
    private void CheckDefaults()
    {
        if (!_isFounder || Keyspace(KeyspaceName.Default) is not { Settings: var agreed })
            return;
        // What was not given is as the cluster has it.
        var own = DefaultKeyspace with
        {
            KeyBytesMax = _options.KeyBytesMax ?? agreed.KeyBytesMax,
            KeyPolicy = _options.KeyPolicy ?? agreed.KeyPolicy,
        };
        var allowed = agreed with
        {
            ValueBytesMax = own.ValueBytesMax,
            ReplicationFactor = own.ReplicationFactor,
        };
        if (own != allowed)
            throw new NodeFaultException(Difference(agreed, own));
    }

    private static string Difference(KeyspaceSettings agreed, KeyspaceSettings own)
    {
        (string Flag, object Agreed, object Own)[] settings =
        [
            ("--partitions", agreed.PartitionCount, own.PartitionCount),
            ("--key-bytes-max", agreed.KeyBytesMax, own.KeyBytesMax),
            ("--key-policy", agreed.KeyPolicy, own.KeyPolicy),
        ];
        var differing = settings.Where(static one => !one.Agreed.Equals(one.Own)).ToArray();
        return "the settings of this node differ from the cluster's, which are fixed at its first start: "
            + string.Join(", ", differing.Select(static one =>
                $"{one.Flag} is {one.Own} here and {one.Agreed} in the cluster"))
            + ": start this node with "
            + string.Join(' ', differing.Select(static one => $"{one.Flag} {one.Agreed}"));
    }

    /// <summary>The births of the replicas that the placement gives to this node.</summary>
    public IReadOnlyList<GroupBirth> Births()
    {
        var meta = _meta;
        return
        [
            .. meta.Keyspaces.SelectMany(keyspace => keyspace.Groups.All
                .Select(group => (Group: group, Placed: meta.Placement.Placed(group)))
                .Where(one => one.Placed is { } placed && placed.Holders.Contains(Self))
                .Select(one => BirthOf(keyspace, one.Group, one.Placed!))),
        ];
    }

    /// <summary>
    /// True if the metadata group does not want a replica of the group on this node: its target names others,
    /// or its keyspace was dropped.
    /// </summary>
    public bool IsUnwanted(GroupId group, KeyspaceId keyspace)
    {
        var meta = _meta;
        if (group.IsMetadata || group.IsLocal || meta.Keyspaces.Count == 0)
            return false;
        return meta.Placement.Placed(group) is { } placed
            ? !placed.Holders.Contains(Self) : IsDropped(meta, group, keyspace);
    }

    /// <summary>True if the keyspace of a group was dropped.</summary>
    public bool IsDropped(GroupId group, KeyspaceId keyspace) => IsDropped(_meta, group, keyspace);

    // A number that was given, and is not there any more. What this node was not told of yet has a later one.
    private static bool IsDropped(MetaView meta, GroupId group, KeyspaceId keyspace) => !group.IsMetadata
        && keyspace < meta.NextKeyspace && meta.Keyspaces.All(known => known.Id != keyspace);

    // A target that was changed since names nodes that the group does not begin with. But a quorum keyspace's
    // replicas settle only once all are filled: a node among them that has never had the replica is one of
    // the first, which hears of the partition late, and is filled with nothing. Were it blank, two of three
    // would wait for each other for ever. One that was deleted begins blank in any case.
    private GroupBirth BirthOf(KeyspaceDefinition keyspace, GroupId group, PlacedGroup placed)
    {
        var present = placed.Switch?.Present ?? placed.Nodes;
        if (placed.Epoch == keyspace.Made)
            return GroupBirth.OfPartition(keyspace, group, placed.Target);
        return keyspace.IsQuorum && present.Contains(Self)
            ? GroupBirth.OfPartition(keyspace, group, new(present, []))
            : GroupBirth.OfOldPartition(keyspace, group);
    }

    // Every member follows the metadata group: who does not vote learns.
    private ReplicaPlacement WithMetadata(ReplicaPlacement placement)
    {
        var placed = placement.Placed(GroupId.Metadata);
        var voters = placed?.Target.Voters ?? GroupBirth.OfMetadata(Ids).First.Voters;
        return placement.With(GroupId.Metadata, new(
            placed?.Epoch ?? default, placed?.SinceMs ?? 0, new(voters, [.. Ids.Except(voters)])));
    }

    public void RoleChanged(string keyspace, PartitionId partition, string role, Term term, NodeId? leader) =>
        Tell(new RoleChanged(
            keyspace, partition, role, term.Value, leader is { } known ? Members.NameOf(known) : ""));

    public void Tell(NodeEvent happened) => _world.Events.Tell(happened);

    /// <summary>The nodes of a group that are to vote in it.</summary>
    public IReadOnlyList<NodeId> VotersOf(GroupId group) =>
        _meta.Placement.Placed(group)?.Target.Voters ?? [];

    /// <summary>Why the group has no leader, as far as this node knows.</summary>
    public string WhyNoLeader(GroupId group)
    {
        if (!_isAdmitted)
            return _whyNotAdmitted;
        var voters = VotersOf(group);
        var up = voters.Count(Health.IsUp);
        var need = (voters.Count / 2) + 1;
        return up < need
            ? string.Create(CultureInfo.InvariantCulture, $"{up} of {voters.Count} nodes up, need {need}")
            : "an election is under way";
    }

    /// <summary>
    /// What an operator must know while the metadata group has no majority; null while it has one, or this
    /// node does not take part.
    /// </summary>
    public string? MajorityLost
    {
        get
        {
            // Where there is a leader, the target of the group may lag behind its voters.
            if (!_isAdmitted || Leaders.Of(GroupId.Metadata) is not null || RefusedByAll is not null)
                return null;
            var voters = VotersOf(GroupId.Metadata);
            NodeId[] away = [.. voters.Where(node => !Health.IsUp(node))];
            return voters.Count - away.Length > voters.Count / 2
                ? null
                : $"the metadata group has no majority: of its voters {NamesOf(voters)} "
                    + $"{NamesOf(away)} {(away.Length == 1 ? "is" : "are")} not up for this node. No "
                    + "member, keyspace or placement can change until enough are back: start them with the "
                    + "folders that they had. If they are lost for good, stop all nodes and go on from what "
                    + "survives: kvorum recover";
        }
    }

    private string NamesOf(IEnumerable<NodeId> nodes) => string.Join(", ", nodes.Select(Members.NameOf));

    public ClusterMap Map()
    {
        var meta = _meta;
        var at = Ids.Index().ToDictionary(static one => one.Item, static one => one.Index);
        return new(
            ClusterIdentity.ToGuid(ClusterIds.Cluster), meta.Placement.Epoch.Value, meta.Version,
            [
                .. Ids.Select(id => new MemberInfo(
                    ClusterIdentity.ToGuid(id.Value), Members.NameOf(id), Members.ClientAddressOf(id),
                    Members.HttpAddressOf(id), Members.PeerAddressOf(id))),
            ],
            [.. meta.Keyspaces.Select(keyspace => Describe(keyspace, at))]);
    }

    private KeyspaceInfo Describe(KeyspaceDefinition keyspace, Dictionary<NodeId, int> at)
    {
        var partitions = keyspace.Groups.All.Select(group =>
        {
            // Any node coordinates; one with a replica spares a hop.
            var (leader, term) = keyspace.IsQuorum
                ? (PreferenceOf(group).Where(Health.IsUp).Cast<NodeId?>().FirstOrDefault(), default)
                : Leaders.At(group);
            return new PartitionInfo(
                keyspace.Groups.PartitionOf(group).Value,
                [.. PreferenceOf(group).Where(at.ContainsKey).Select(node => at[node])],
                leader is { } known ? at.GetValueOrDefault(known, -1) : -1,
                term.Value);
        });
        var settings = keyspace.Settings;
        return new(
            settings.Name, settings.Mode, settings.ReplicationFactor, settings.KeyBytesMax,
            _options.ValueBytesMax, settings.KeyPolicy, [.. partitions]);
    }
}
