using System.Globalization;
using Kvorum.Node.Events;
using Kvorum.Node.Placement;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Membership;

/// <summary>
/// What all loops and front ends share about the cluster: its members, who of them is up, who leads what, and
/// what the metadata group has agreed on. Written by the loops and the transport, read by anyone: everything
/// in it is immutable or replaced as a whole.
/// </summary>
internal sealed class ClusterView : IClusterFacts
{
    private readonly NodeOptions _options;
    private readonly NodeWorld _world;
    private readonly IReadOnlyList<NodeId>[] _preferences;
    private volatile MetaView _meta;
    private volatile bool _isAdmitted;
    private volatile string _whyNotAdmitted = "";

    public ClusterView(
        NodeOptions options, NodeWorld world, IReadOnlyList<IReadOnlyList<NodeId>> preferences,
        ClusterIds clusterIds)
    {
        (_options, _world, ClusterIds) = (options, world, clusterIds);
        Directory = GroupPlacement.DirectoryOf(options.PartitionCount);
        Members = new(options.Self, options.Members);
        Health = new(options.Self.Id);
        Leaders = new(preferences.Count);
        _preferences = [.. preferences];
        _meta = new(0, 0, [DefaultKeyspace], HasKeyspaces: false);
    }

    private sealed record MetaView(
        UInt128 ClusterId, ulong Epoch, IReadOnlyList<KeyspaceDefinition> Keyspaces, bool HasKeyspaces);

    /// <summary>Which groups there are.</summary>
    public GroupDirectory Directory { get; }

    /// <summary>Which members there are, and where.</summary>
    public MemberDirectory Members { get; }

    /// <summary>Which of them are connected and heard.</summary>
    public PeerHealth Health { get; }

    /// <summary>Which of them lead.</summary>
    public LeaderTable Leaders { get; }

    /// <summary>To which cluster this node belongs.</summary>
    public ClusterIds ClusterIds { get; }

    public NodeId Self => _options.Self.Id;

    /// <summary>The cluster id that the metadata group has agreed on; 0: none yet.</summary>
    public UInt128 AgreedClusterId => _meta.ClusterId;

    public UInt128 ProposedClusterId => ClusterIds.Proposed;

    public IReadOnlyList<NodeId> Ids => Members.Ids;

    /// <summary>The members that are up, this node included.</summary>
    public IEnumerable<NodeId> Up => Ids.Where(Health.IsUp);

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

    /// <summary>What a node that does not take part waits for, for people. Written by loop 0.</summary>
    public string WhyNotAdmitted
    {
        get => _whyNotAdmitted;
        set => _whyNotAdmitted = value;
    }

    public ulong Epoch => _meta.Epoch;

    /// <summary>True once the metadata group has told this node of the default keyspace.</summary>
    public bool IsMetaKnown => _meta.HasKeyspaces;

    /// <summary>
    /// The default keyspace as the options define it: what the metadata group is told first.
    /// </summary>
    public KeyspaceDefinition DefaultKeyspace => new(
        KeyspaceName.Default, "strong", _options.PartitionCount,
        Math.Min(_options.ReplicationFactor, Ids.Count), _options.KeyBytesMax, _options.ValueBytesMax,
        _options.KeyPolicy);

    public IReadOnlyList<NodeId> PreferenceOf(GroupId group) => _preferences[group.Value];

    public KeyspaceDefinition? Keyspace(string name)
    {
        foreach (var keyspace in _meta.Keyspaces)
        {
            if (keyspace.Name == name)
                return keyspace;
        }

        return null;
    }

    public IEnumerable<string> KeyspaceNames => _meta.Keyspaces.Select(keyspace => keyspace.Name);

    public MetaMachine.MemberRecord? Announcement(NodeId node) => Members.Announcement(node);

    /// <summary>A peer is connected, and says who it is.</summary>
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

    /// <summary>This node takes no part any more: its log lacks what it has promised.</summary>
    public void Expel(string why)
    {
        _isAdmitted = false;
        _whyNotAdmitted = why;
    }

    /// <summary>The metadata group has changed. Loop of group 0.</summary>
    public void Publish(MetaMachine meta)
    {
        if (meta.Epoch == _meta.Epoch)
            return;
        foreach (var (member, address) in Members.Agreed(meta.Members))
        {
            if (member != Self)
                _world.Transport.Moved(member, address);
        }

        var keyspaces = meta.Keyspaces.Values.ToArray();
        _meta = new(
            meta.ClusterId, meta.Epoch, keyspaces.Length == 0 ? [DefaultKeyspace] : keyspaces,
            HasKeyspaces: keyspaces.Length > 0);
        var agreed = Keyspace(KeyspaceName.Default);
        // The bound of a value is each node's own: a restart may change it.
        if (agreed is not null && agreed with { ValueBytesMax = _options.ValueBytesMax } != DefaultKeyspace)
        {
            throw new NodeFaultException($"this node was started with {DefaultKeyspace}, the cluster agreed "
                + $"on {agreed}: start it with the same settings");
        }
    }

    public void RoleChanged(string keyspace, PartitionId partition, string role, Term term, NodeId? leader) =>
        Tell(new RoleChanged(
            keyspace, partition, role, term.Value, leader is { } known ? Members.NameOf(known) : ""));

    public void Tell(NodeEvent happened) => _world.Events.Tell(happened);

    public string WhyNoLeader()
    {
        if (!_isAdmitted)
            return _whyNotAdmitted;
        var up = Up.Count();
        var need = (Ids.Count / 2) + 1;
        return up < need
            ? string.Create(CultureInfo.InvariantCulture, $"{up} of {Ids.Count} nodes up, need {need}")
            : "an election is under way";
    }

    public ClusterMap Map()
    {
        var meta = _meta;
        var at = Ids.Index().ToDictionary(static one => one.Item, static one => one.Index);
        return new(
            ClusterIdentity.ToGuid(ClusterIds.Cluster), meta.Epoch,
            [
                .. Ids.Select(id => new MemberInfo(
                    ClusterIdentity.ToGuid(id.Value), Members.NameOf(id), Members.ClientAddressOf(id),
                    Members.HttpAddressOf(id), Members.PeerAddressOf(id))),
            ],
            [.. meta.Keyspaces.Select(keyspace => Describe(keyspace, at))]);
    }

    private KeyspaceInfo Describe(KeyspaceDefinition keyspace, Dictionary<NodeId, int> at)
    {
        var partitions = Directory.Keyspace(keyspace.Name)!.All.Select((group, number) =>
        {
            var (leader, term) = Leaders.At(group);
            return new PartitionInfo(
                (uint)number, [.. PreferenceOf(group).Select(node => at[node])],
                leader is { } known ? at[known] : -1, term.Value);
        });
        return new(
            keyspace.Name, keyspace.Mode, keyspace.ReplicationFactor, keyspace.KeyBytesMax,
            _options.ValueBytesMax, keyspace.KeyPolicy, [.. partitions]);
    }
}
