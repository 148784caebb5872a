using System.Globalization;
using Kvorum.Node.Events;
using Kvorum.Node.Placement;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Membership;

/// <summary>
/// What all loops and front ends share about the cluster: who is there, who is up, who leads what. Written by
/// the loops and the transport, read by anyone: everything in it is immutable or replaced as a whole.
/// </summary>
internal sealed class ClusterView : IClusterFacts
{
    private readonly Lock _gate = new();
    private readonly NodeOptions _options;
    private readonly NodeWorld _world;
    private readonly NodeId[] _ids;
    private readonly LeaderTable _leaders = new();
    private volatile SortedDictionary<NodeId, Peer> _peers = [];
    private volatile SortedSet<NodeId> _accepted = [];
    private volatile SortedDictionary<NodeId, long> _slow = [];
    private volatile MetaView _meta;
    private volatile bool _isAdmitted;
    private volatile string _whyNotAdmitted = "";

    public ClusterView(NodeOptions options, NodeWorld world)
    {
        _options = options;
        _world = world;
        _ids = [.. options.Members.Select(member => member.Id).Order()];
        _meta = new(
            0, new SortedDictionary<NodeId, MemberRecord>(), [], new([]), WithMetadata(ReplicaPlacement.None));
    }

    private sealed record Peer(PeerHello Hello, bool IsUp, long SinceMs);

    private sealed record MetaView(
        ulong Version, IReadOnlyDictionary<NodeId, MemberRecord> Members,
        IReadOnlyList<KeyspaceDefinition> Keyspaces, GroupDirectory Directory, ReplicaPlacement Placement);

    /// <summary>Which groups there are, as the metadata group has told.</summary>
    public GroupDirectory Directory => _meta.Directory;

    /// <summary>Which nodes hold which group, as the metadata group has told.</summary>
    public ReplicaPlacement Placement => _meta.Placement;

    /// <summary>
    /// Told, on the loop of the metadata group, of the replicas that this node is to have. Set before any loop
    /// runs.
    /// </summary>
    public Action<IReadOnlyList<GroupBirth>> Placed { get; set; } = static _ => { };

    public NodeId Self => _options.Self.Id;

    /// <summary>All members, in the order of their ids: the order of the map.</summary>
    public IReadOnlyList<NodeId> Ids => _ids;

    /// <summary>True once this node takes part: enough others know its data folder.</summary>
    public bool IsAdmitted => _isAdmitted;

    /// <summary>What a node that does not take part waits for, for people. Written by loop 0.</summary>
    public string WhyNotAdmitted
    {
        get => _whyNotAdmitted;
        set => _whyNotAdmitted = value;
    }

    /// <summary>The version of the placement, as replies carry it.</summary>
    public ulong Epoch => _meta.Placement.Epoch.Value;

    /// <summary>True once the metadata group has told this node of the keyspaces.</summary>
    public bool IsMetaKnown => _meta.Keyspaces.Count > 0;

    /// <summary>
    /// The default keyspace as the options define it: what the metadata group is told first.
    /// </summary>
    public KeyspaceSettings DefaultKeyspace => new(
        KeyspaceName.Default, KeyspaceSettings.Strong, _options.PartitionCount,
        Math.Min(_options.ReplicationFactor, _ids.Length), _options.KeyBytesMax, _options.ValueBytesMax,
        _options.KeyPolicy);

    /// <summary>The nodes of a group, the preferred leader first; none while it is not placed.</summary>
    public IReadOnlyList<NodeId> PreferenceOf(GroupId group) => _meta.Placement.Of(group) ?? [];

    /// <inheritdoc/>
    public IReadOnlyList<IReadOnlyList<NodeId>> Place(KeyspaceSettings keyspace) => Ring.Place(
        _ids, keyspace.PartitionCount, keyspace.ReplicationFactor, _options.VirtualNodes);

    public KeyspaceDefinition? Keyspace(string name)
    {
        foreach (var keyspace in _meta.Keyspaces)
        {
            if (keyspace.Settings.Name == name)
                return keyspace;
        }

        return null;
    }

    public IEnumerable<string> KeyspaceNames => _meta.Keyspaces.Select(keyspace => keyspace.Settings.Name);

    /// <summary>True if the member is connected, with the data folder that this node knows.</summary>
    public bool IsUp(NodeId node) => IsUpSince(node, long.MaxValue);

    public bool IsUpSince(NodeId node, long sinceMs) => node == Self
        || (_peers.TryGetValue(node, out var peer) && peer.IsUp && peer.SinceMs <= sinceMs
            && IsAccepted(node));

    /// <summary>
    /// True if the member has introduced itself with the data folder that this node knows: only then it is
    /// heard. It stays so when it is lost and comes again.
    /// </summary>
    public bool IsAccepted(NodeId node) => _accepted.Contains(node);

    public IEnumerable<NodeId> Up => _ids.Where(IsUp);

    /// <summary>
    /// What the metadata group should say of a member; null while its addresses are not known.
    /// </summary>
    public MemberRecord? Announcement(NodeId node)
    {
        var hello = node == Self ? _options.Self : _peers.TryGetValue(node, out var peer) ? peer.Hello : null;
        return hello is null ? null : new(hello.Name, hello.PeerAddress, hello.ClientAddress, hello.HttpAddress);
    }

    public string NameOf(NodeId node)
    {
        if (AddressesOf(node) is { Name.Length: > 0 } known)
            return known.Name;
        var seed = _options.Members.FirstOrDefault(member => member.Id == node);
        return seed is { Name.Length: > 0 } ? seed.Name : seed?.PeerAddress ?? node.ToString();
    }

    public string ClientAddressOf(NodeId node) => AddressesOf(node)?.ClientAddress ?? "";

    public NodeId? NodeAt(string clientAddress)
    {
        foreach (var id in _ids)
        {
            if (clientAddress.Length > 0 && ClientAddressOf(id) == clientAddress)
                return id;
        }

        return null;
    }

    public void PeerUp(PeerHello hello, long nowMs)
    {
        lock (_gate)
        {
            var since = _peers.TryGetValue(hello.Id, out var present) && present.IsUp ? present.SinceMs : nowMs;
            Replace(new(hello, true, since));
        }
    }

    public void PeerDown(NodeId node, long nowMs)
    {
        lock (_gate)
        {
            if (_peers.TryGetValue(node, out var present))
                Replace(present with { IsUp = false, SinceMs = nowMs });
        }
    }

    /// <summary>
    /// True if the member has said lately that its log is slow: it should not lead.
    /// </summary>
    public bool IsSlow(NodeId node, long nowMs) =>
        _slow.TryGetValue(node, out var heard) && nowMs - heard < Limits.SlowNewsMs;

    /// <summary>The member says that its log is slow.</summary>
    public void HeardSlow(NodeId node, long nowMs)
    {
        lock (_gate)
            _slow = new(_slow) { [node] = nowMs };
    }

    /// <summary>The member is heard from now on; false if it was before.</summary>
    public bool Accept(NodeId node)
    {
        if (IsAccepted(node))
            return false;
        lock (_gate)
            _accepted = [.. _accepted, node];
        return true;
    }

    /// <summary>The member came with another data folder: nothing of it is heard.</summary>
    public void Refuse(NodeId node)
    {
        lock (_gate)
            _accepted = [.. _accepted.Where(accepted => accepted != node)];
    }

    /// <summary>This node takes part from now on.</summary>
    public void Admit()
    {
        _whyNotAdmitted = "";
        _isAdmitted = true;
    }

    /// <summary>This node takes no part any more: its log lacks what it has promised.</summary>
    public void Expel(string why)
    {
        _isAdmitted = false;
        _whyNotAdmitted = why;
    }

    public NodeId? LeaderOf(GroupId group) => _leaders.Of(group).Leader;

    public void SetLeader(GroupId group, NodeId? leader, Term term) =>
        _leaders.Set(group, leader, term);

    /// <summary>The metadata group has changed. Loop of group 0.</summary>
    public void Publish(MetaMachine meta)
    {
        // A replica that was discarded or damaged knows less than what this node was told before.
        if (meta.Version <= _meta.Version)
            return;
        var isPlaced = meta.Placement.Epoch > Placement.Epoch;
        _meta = new(
            meta.Version, new SortedDictionary<NodeId, MemberRecord>(meta.Members.ToDictionary()),
            [.. meta.Keyspaces.Values], meta.Directory, WithMetadata(meta.Placement));
        // The bound of a value is each node's own: a restart may change it.
        if (Keyspace(KeyspaceName.Default) is { Settings: var agreed }
            && agreed with { ValueBytesMax = _options.ValueBytesMax } != DefaultKeyspace)
        {
            throw new NodeFaultException(
                $"this node was started with {DefaultKeyspace}, the cluster agreed on {agreed}: "
                    + "start it with the same settings");
        }

        if (isPlaced)
            Placed(Births());
    }

    // Of the replicas that the placement gives to this node.
    private IReadOnlyList<GroupBirth> Births() =>
    [
        .. Directory.Groups.Where(group => !group.IsMetadata && PreferenceOf(group).Contains(Self))
            .Select(group => GroupBirth.OfPartition(KeyspaceOf(group), group, PreferenceOf(group))),
    ];

    private KeyspaceDefinition KeyspaceOf(GroupId group) =>
        _meta.Keyspaces.First(keyspace => keyspace.Groups.Has(group));

    // All members hold the metadata group.
    private ReplicaPlacement WithMetadata(ReplicaPlacement placement) =>
        placement.With(GroupId.Metadata, _ids);

    public void RoleChanged(string keyspace, PartitionId partition, string role, Term term, NodeId? leader) =>
        Tell(new RoleChanged(
            keyspace, partition, role, term.Value, leader is { } known ? NameOf(known) : ""));

    public void Tell(NodeEvent happened) => _world.Events.Tell(happened);

    public string WhyNoLeader()
    {
        if (!_isAdmitted)
            return _whyNotAdmitted;
        var up = Up.Count();
        var need = (_ids.Length / 2) + 1;
        return up < need
            ? string.Create(CultureInfo.InvariantCulture, $"{up} of {_ids.Length} nodes up, need {need}")
            : "an election is under way";
    }

    public ClusterMap Map()
    {
        var meta = _meta;
        var at = new Dictionary<NodeId, int>();
        for (var i = 0; i < _ids.Length; i++)
            at[_ids[i]] = i;
        var members = _ids.Select(id => (Id: id, Known: AddressesOf(id))).Select(member => new MemberInfo(
            ClusterIdentity.ToGuid(member.Id.Value), NameOf(member.Id), member.Known?.ClientAddress ?? "",
            member.Known?.HttpAddress ?? "", PeerAddressOf(member.Id)));
        return new(
            ClusterIdentity.ToGuid(_options.Self.ClusterId), meta.Placement.Epoch.Value, meta.Version, [.. members],
            [.. meta.Keyspaces.Select(keyspace => Describe(keyspace, at))]);
    }

    private KeyspaceInfo Describe(KeyspaceDefinition keyspace, Dictionary<NodeId, int> at)
    {
        var partitions = keyspace.Groups.All.Select(group =>
        {
            var (leader, term) = _leaders.Of(group);
            return new PartitionInfo(
                keyspace.Groups.PartitionOf(group).Value,
                [.. PreferenceOf(group).Select(node => at[node])], leader is { } known ? at[known] : -1,
                term.Value);
        });
        var settings = keyspace.Settings;
        return new(
            settings.Name, settings.Mode, settings.ReplicationFactor, settings.KeyBytesMax,
            _options.ValueBytesMax, settings.KeyPolicy, [.. partitions]);
    }

    private string PeerAddressOf(NodeId node) => AddressesOf(node)?.PeerAddress
        ?? _options.Members.First(member => member.Id == node).PeerAddress;

    // What a node said itself is newer than what the metadata group remembers.
    private MemberRecord? AddressesOf(NodeId node) =>
        Announcement(node) ?? (_meta.Members.TryGetValue(node, out var member) ? member : null);

    private void Replace(Peer peer)
    {
        var peers = new SortedDictionary<NodeId, Peer>(_peers) { [peer.Hello.Id] = peer };
        _peers = peers;
    }
}
