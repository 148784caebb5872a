using Kvorum.Node.Placement;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.State;

/// <summary>
/// The state machine of the metadata group: the cluster id, the members and their addresses, the keyspaces,
/// and which nodes hold which group. It gives numbers to keyspaces and groups, none of them twice. Its bytes:
/// <see cref="MetaRecords"/>. Owned by the loop of the metadata group.
/// </summary>
internal sealed class MetaMachine : IStateMachine
{
    private readonly Tree _tree;
    private readonly IClusterFacts _facts;
    private readonly WriteBatch _batch = new();
    private readonly SortedDictionary<NodeId, MemberRecord> _members = [];
    private readonly SortedDictionary<KeyspaceId, KeyspaceDefinition> _keyspaces = [];
    private readonly SortedDictionary<GroupId, IReadOnlyList<NodeId>> _placed = [];
    private KeyspaceId _nextKeyspace;
    private GroupId _nextGroup;
    private Epoch _epoch;

    public MetaMachine(Tree tree, ulong logTimeMs, IClusterFacts facts)
    {
        (_tree, _facts) = (tree, facts);
        Reload(logTimeMs);
    }

    /// <inheritdoc/>
    public ulong LogTimeMs { get; private set; }

    /// <summary>The cluster's own id, which the first leader has drawn; 0: not yet.</summary>
    public UInt128 ClusterId { get; private set; }

    /// <summary>Grows with every change of the cluster state.</summary>
    public ulong Version { get; private set; }

    /// <inheritdoc/>
    public long KeyCount => _members.Count + _keyspaces.Count;

    /// <inheritdoc/>
    public long RemovedKeys => 0;

    /// <inheritdoc/>
    public ulong? DueMs => null;

    /// <inheritdoc/>
    public bool IsCheckpointDue { get; private set; }

    /// <summary>The members whose addresses are known.</summary>
    public IReadOnlyDictionary<NodeId, MemberRecord> Members => _members;

    /// <summary>The keyspaces, by number.</summary>
    public IReadOnlyDictionary<KeyspaceId, KeyspaceDefinition> Keyspaces => _keyspaces;

    /// <summary>Which nodes hold which partition.</summary>
    public ReplicaPlacement Placement => new(_epoch, new(_placed));

    /// <summary>Which groups there are.</summary>
    public GroupDirectory Directory => new(_keyspaces.Values.Select(static keyspace => keyspace.Groups));

    /// <summary>Which groups there are by the metadata group's tree.</summary>
    public static GroupDirectory DirectoryIn(Tree tree)
    {
        using var view = tree.OpenView();
        byte[] from = [MetaRecords.Keyspace], end = [MetaRecords.Keyspace + 1];
        return new([.. view.Scan(from, end).Select(static record => ReadKeyspace(record.Key, record.Value).Groups)]);
    }

    /// <inheritdoc/>
    public byte[] DueCommand(ulong timeMs) =>
        throw new InvalidOperationException("in the metadata group nothing is due by time");

    /// <summary>First the cluster id, then the default keyspace, and where members can be reached.</summary>
    public IReadOnlyList<byte[]> Lacking(ulong timeMs)
    {
        var commands = new List<byte[]>();
        if (ClusterId == 0)
            commands.Add(MetaRecords.EncodeCluster(_facts.ProposedClusterId, timeMs));
        var first = _facts.DefaultKeyspace;
        if (!HasKeyspace(first.Name))
            commands.Add(MetaRecords.EncodeKeyspace(first, _facts.Place(first), timeMs));
        foreach (var id in _facts.Ids)
        {
            if (_facts.Announcement(id) is { } member && _members.GetValueOrDefault(id) != member)
                commands.Add(MetaRecords.EncodeMember(id, member, timeMs));
        }

        return commands;
    }

    /// <inheritdoc/>
    public ReadAnswer Read(Request request, long valueBytesMax) =>
        throw new InvalidOperationException("the metadata group serves no keys");

    /// <inheritdoc/>
    public long AnswerBytes(WriteRequest write) =>
        throw new InvalidOperationException("the metadata group serves no keys");

    /// <inheritdoc/>
    public void Publish() => _facts.Publish(this);

    /// <inheritdoc/>
    public Outcome Apply(LogIndex index, ReadOnlyMemory<byte> command)
    {
        var from = new ByteReader(command);
        var kind = from.U8();
        LogTimeMs = Math.Max(LogTimeMs, from.U64());
        _batch.Clear();
        var changed = kind switch
        {
            MetaRecords.MemberCommand => SetMember(new(from.U128()), MetaRecords.ReadMember(ref from)),
            MetaRecords.ClusterCommand => SetCluster(from.U128()),
            MetaRecords.KeyspaceCommand => AddKeyspace(MetaRecords.ReadSettings(ref from), ref from),
            _ => throw new FormatException(
                $"unknown metadata command kind {kind}: written by another version?"),
        };
        if (changed)
        {
            Version++;
            Put(MetaRecords.Versions, static _ => { }, value =>
            {
                value.U64(Version);
                value.U64(_epoch.Value);
            });
        }

        _tree.Write(_batch, index.Value);
        return new(ReplyStatus.Ok, false, default, index.Value);
    }

    /// <inheritdoc/>
    public void Skip(LogIndex index)
    {
        _batch.Clear();
        _tree.Write(_batch, index.Value);
    }

    /// <inheritdoc/>
    public WriteBatch TakeUnflushed()
    {
        IsCheckpointDue = false;
        _batch.Clear();
        return _batch;
    }

    /// <inheritdoc/>
    public void Reload(ulong logTimeMs)
    {
        LogTimeMs = logTimeMs;
        _members.Clear();
        _keyspaces.Clear();
        _placed.Clear();
        (ClusterId, Version, _epoch, IsCheckpointDue) = (0, 0, default, false);
        (_nextKeyspace, _nextGroup) = (new(KeyspaceId.System.Value + 1), new(GroupId.Metadata.Value + 1));
        using var view = _tree.OpenView();
        foreach (var (key, value) in view.Scan(default, default))
            Load(key, value);
    }

    private bool HasKeyspace(string name) => _keyspaces.Values.Any(one => one.Settings.Name == name);

    private void Load(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value)
    {
        var name = new ByteReader(key[1..]);
        var from = new ByteReader(value);
        switch (key.Span[0])
        {
            case MetaRecords.Member:
                _members[new(name.U128())] = MetaRecords.ReadMember(ref from);
                break;
            case MetaRecords.Cluster:
                ClusterId = from.U128();
                break;
            case MetaRecords.Keyspace:
                var keyspace = ReadKeyspace(key, value);
                _keyspaces[keyspace.Id] = keyspace;
                break;
            case MetaRecords.Placed:
                _placed[name.Group()] = MetaRecords.ReadNodes(ref from);
                break;
            case MetaRecords.NextNumbers:
                (_nextKeyspace, _nextGroup) = (new(from.U32()), from.Group());
                break;
            case MetaRecords.Versions:
                (Version, _epoch) = (from.U64(), new(from.U64()));
                break;
            default:
                throw new FormatException(
                    $"unknown metadata record kind {key.Span[0]}: written by a newer version?");
        }
    }

    private static KeyspaceDefinition ReadKeyspace(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value)
    {
        var name = new ByteReader(key[1..]);
        var from = new ByteReader(value);
        return new(new(name.U32()), from.Group(), MetaRecords.ReadSettings(ref from));
    }

    private bool SetMember(NodeId id, MemberRecord member)
    {
        if (_members.TryGetValue(id, out var present) && present == member)
            return false;
        _members[id] = member;
        Put(MetaRecords.Member, key => key.U128(id.Value), value => MetaRecords.Write(value, member));
        return true;
    }

    private bool SetCluster(UInt128 id)
    {
        // The first one stands.
        if (ClusterId != 0)
            return false;
        ClusterId = id;
        Put(MetaRecords.Cluster, static _ => { }, value => value.U128(id));
        return true;
    }

    // The first definition stands: two leaders in a row may both propose it.
    private bool AddKeyspace(KeyspaceSettings settings, ref ByteReader from)
    {
        if (settings.PartitionCount > from.Left)
            throw new FormatException($"a keyspace of {settings.PartitionCount} partitions without nodes");
        var placement = new IReadOnlyList<NodeId>[settings.PartitionCount];
        for (var partition = 0; partition < placement.Length; partition++)
            placement[partition] = MetaRecords.ReadNodes(ref from);
        var isFull = placement.Length > GroupId.MaxValue - _nextGroup.Value;
        if (HasKeyspace(settings.Name) || isFull)
            return false;
        var made = new KeyspaceDefinition(_nextKeyspace, _nextGroup, settings);
        _keyspaces.Add(made.Id, made);
        Put(MetaRecords.Keyspace, key => key.U32(made.Id.Value), value =>
        {
            value.Group(made.FirstGroup);
            MetaRecords.Write(value, settings);
        });
        _nextKeyspace = new(made.Id.Value + 1);
        _nextGroup = new(made.FirstGroup.Value + (uint)placement.Length);
        Put(MetaRecords.NextNumbers, static _ => { }, value =>
        {
            value.U32(_nextKeyspace.Value);
            value.Group(_nextGroup);
        });
        foreach (var group in made.Groups.All)
            Place(group, placement[made.Groups.PartitionOf(group).Value]);
        _epoch = _epoch.Next;
        IsCheckpointDue = true;
        return true;
    }

    private void Place(GroupId group, IReadOnlyList<NodeId> nodes)
    {
        _placed[group] = nodes;
        Put(MetaRecords.Placed, key => key.Group(group), value => MetaRecords.Write(value, nodes));
    }

    private void Put(byte kind, Action<ByteWriter> writeKey, Action<ByteWriter> writeValue)
    {
        var (key, value) = (new ByteWriter(), new ByteWriter());
        key.U8(kind);
        writeKey(key);
        writeValue(value);
        _batch.Put(key.Written, value.Written);
    }
}
